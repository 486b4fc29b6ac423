package plugin

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// withHook is a plugin that takes part in custommsg.
func withHook(name string, before, after []string) *Plugin {
	return &Plugin{Name: name, spec: Spec{Path: "/p/" + name}, manifest: &Manifest{Hooks: []Hook{{Name: "custommsg", Before: before, After: after}}}}
}

func TestChainIsInTheAskedOrder(t *testing.T) {
	for name, c := range map[string]struct {
		plugins []*Plugin
		want    string
	}{
		"as started":       {[]*Plugin{withHook("a.py", nil, nil), withHook("b", nil, nil)}, "a.py b"},
		"before":           {[]*Plugin{withHook("a.py", nil, nil), withHook("b", []string{"a.py"}, nil)}, "b a.py"},
		"after, by name":   {[]*Plugin{withHook("a.py", nil, []string{"b"}), withHook("b", nil, nil)}, "b a.py"},
		"by name's stem":   {[]*Plugin{withHook("a.py", nil, nil), withHook("b", []string{"a"}, nil)}, "b a.py"},
		"by path":          {[]*Plugin{withHook("a.py", nil, nil), withHook("b", []string{"/p/a.py"}, nil)}, "b a.py"},
		"somebody unknown": {[]*Plugin{withHook("a.py", nil, []string{"gone"}), withHook("b", nil, nil)}, "a.py b"},
		"itself":           {[]*Plugin{withHook("a.py", []string{"a.py"}, []string{"a.py"})}, "a.py"},
		"only what must":   {[]*Plugin{withHook("a", nil, []string{"c"}), withHook("b", nil, nil), withHook("c", nil, nil)}, "b c a"},
	} {
		chain, err := chainOf("custommsg", c.plugins)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(names(chain), " and ", " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	_, err := chainOf("custommsg", []*Plugin{withHook("a", []string{"b"}, nil), withHook("b", []string{"a"}, nil)})
	if err == nil || !strings.Contains(err.Error(), "a and b contradict") {
		t.Errorf("a circle: %v", err)
	}
}

func TestFiltersAreKept(t *testing.T) {
	var h Hook
	if err := json.Unmarshal([]byte(`{"name":"custommsg","filters":[4711,"getinfo"]}`), &h); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]bool{"4711": true, "getinfo": true, "4712": false, "": true} {
		if h.wants(value) != want {
			t.Errorf("%q: %v", value, !want)
		}
	}
	if err := json.Unmarshal([]byte(`{"name":"custommsg","filters":[{}]}`), &h); err == nil {
		t.Error("an object is taken for a filter")
	}
}

func TestIDBeginsWithTheCallers(t *testing.T) {
	for caller, want := range map[string]string{
		`"cli:hello#7"`: "cli:hello#7/cln:hello#1", `17`: "17/cln:hello#1", ``: "cln:hello#1",
		`"a\"b"`: `a"b/cln:hello#1`, `"` + strings.Repeat("x", 200) + `"`: "cln:hello#1",
	} {
		p := &Plugin{pending: map[string]*pending{}}
		id, err := p.register(Passed{Method: "hello", CallerID: json.RawMessage(caller)}, new(pending))
		if err != nil || id != want {
			t.Errorf("%s: %s, %v, want %s", caller, id, err, want)
		}
		raw, err := json.Marshal(id)
		if err != nil || p.claim(raw, true) == nil {
			t.Errorf("%s: its answer is not found", raw)
		}
	}
}

// FuzzManifest reads what a plugin may say of itself, and takes it up.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"options":[{"name":"a","type":"int","default":7}],"rpcmethods":[{"name":"m"}],"hooks":["custommsg",{"name":"rpc_command","filters":["x"],"before":["p"]}]}`))
	f.Add([]byte(`{"featurebits":{"node":"80"},"custommessages":[1],"notifications":[{"method":"t"}],"subscriptions":["*"],"nonnumericids":true}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decodeManifest(raw)
		if err != nil {
			return
		}
		p := &Plugin{Name: "p", spec: Spec{Path: "/p"}, manifest: m}
		x, err := newIndex([]*Plugin{p, withHook("other", nil, nil)})
		if err != nil {
			return
		}
		for name, chain := range x.chains {
			if len(chain) > 2 || !slices.ContainsFunc(chain, func(m member) bool { return m.hook.Name == name }) {
				t.Fatal(fmt.Sprint(name, chain))
			}
		}
	})
}

// TestLongWordsAreCut: what a plugin says by itself is bounded in length too, not only in number.
func TestLongWordsAreCut(t *testing.T) {
	log := &logBuffer{wrote: make(chan struct{}, 1)}
	h := NewHost(Config{})
	from := &Plugin{Name: "loud", log: slog.New(slog.NewTextHandler(log, nil)), manifest: &Manifest{Notifications: []Topic{{"topic"}}}}
	hears := &Plugin{
		Name: "hears", log: from.log, manifest: &Manifest{Subscriptions: []string{"topic"}}, ended: make(chan struct{}),
	}
	hears.out.init()
	hears.active.Store(true)
	x, err := newIndex([]*Plugin{hears})
	if err != nil {
		t.Fatal(err)
	}
	h.index.Store(x)

	from.logged(json.RawMessage(`{"message":"` + strings.Repeat("\u00e4", maxLogged) + `"}`))
	if n := len(log.String()); n < maxLogged/2 || n > maxLogged+1000 || strings.ContainsRune(log.String(), utf8.RuneError) {
		t.Errorf("the log has %d bytes of a long line", n)
	}
	h.publish(from, "topic", json.RawMessage(`{"text":"`+strings.Repeat("x", maxUnread)+`"}`))
	if n := len(hears.out.bytes); n != 0 {
		t.Errorf("%d bytes wait for a plugin: it would be ended for another's words", n)
	}
	h.publish(from, "topic", json.RawMessage(`{"text":"x"}`))
	if len(hears.out.bytes) == 0 {
		t.Error("a short one does not arrive")
	}
}
