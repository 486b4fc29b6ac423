package sql

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/schema"
)

const start = 1_700_000_000

// world is a node with lists, and the plugin over it.
type world struct {
	t     testing.TB
	s     *SQL
	now   time.Time
	lists map[string][]object // by the command
	index map[string]*indexes // by the subsystem of wait
	calls []string            // commands and what was asked of them
	fail  error
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, s: New(), now: time.Unix(start, 0), lists: map[string][]object{}, index: map[string]*indexes{}}
	for _, name := range counted {
		w.index[name] = &indexes{}
	}
	w.s.Open(Config{
		Store: filepath.Join(t.TempDir(), "gossip_store"), Node: w, Now: func() time.Time { return w.now }, Time: time.Minute,
		Keep: time.Hour, Freed: func() {},
	})
	t.Cleanup(func() {
		if err := w.s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// Do implements Caller.
func (w *world) Do(ctx context.Context, c rpc.Call) (json.RawMessage, error) {
	if w.fail != nil {
		return nil, w.fail
	}
	p := c.Params.(object)
	if c.Method == "wait" {
		at := w.index[p["subsystem"].(string)]
		value := map[string]uint64{"created": at.created, "updated": at.updated, "deleted": at.deleted}[p["indexname"].(string)]
		return json.Marshal(object{p["indexname"].(string): value})
	}
	w.calls = append(w.calls, strings.TrimPrefix(fmt.Sprint(c.Method, " ", p), "list"))
	list, ok := w.lists[c.Method]
	i := slices.IndexFunc(tables, func(t *Table) bool { return t.Command == c.Method })
	if !ok || i < 0 {
		return nil, fmt.Errorf("unknown command %s", c.Method)
	}
	some := []object{}
	for _, e := range list {
		if w.asked(e, p) {
			some = append(some, e)
		}
	}
	if name, ok := p["index"].(string); ok {
		slices.SortFunc(some, func(a, b object) int { return a[name+"_index"].(int) - b[name+"_index"].(int) })
	}
	if limit, ok := p["limit"].(int); ok {
		some = some[:min(limit, len(some))]
	}
	return json.Marshal(object{"note": "before the list", tables[i].Member: some})
}

// asked reports whether an entry is one that the parameters are for.
func (w *world) asked(e, p object) bool {
	if name, ok := p["index"].(string); ok {
		at, has := e[name+"_index"].(int)
		return has && uint64(at) >= p["start"].(uint64)
	}
	for param, member := range map[string]string{"short_channel_id": "short_channel_id", "id": "nodeid"} {
		if v, ok := p[param]; ok && v != e[member] {
			return false
		}
	}
	return true
}

// create adds an entry to a list that is counted.
func (w *world) create(subsystem, list string, e object) {
	w.index[subsystem].created++
	e["created_index"] = int(w.index[subsystem].created)
	w.lists[list] = append(w.lists[list], e)
}

// update notes that an entry has changed.
func (w *world) update(subsystem string, e object) {
	w.index[subsystem].updated++
	e["updated_index"] = int(w.index[subsystem].updated)
}

// run is a command's result, which must be as published.
func (w *world) run(name string, params any) (json.RawMessage, error) {
	w.t.Helper()
	table := command.NewTable()
	table.Add(w.s.Commands()...)
	raw, err := json.Marshal(params)
	if err != nil {
		w.t.Fatal(err)
	}
	result, err := table.Run(context.Background(), name, raw)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // as plugins answer
	if err := enc.Encode(result); err != nil {
		w.t.Fatal(err)
	}
	raw = b.Bytes()
	s, err := schema.Load(name)
	if err == nil {
		err = s.ValidateResponse(raw)
	}
	if err != nil {
		w.t.Errorf("%s: %v", name, err)
	}
	return raw, nil
}

// ask wants a query to have these rows, in JSON.
func (w *world) ask(query, want string) {
	w.t.Helper()
	raw, err := w.run("sql", []string{query})
	if err != nil {
		w.t.Errorf("%s: %v", query, err)
		return
	}
	var r struct{ Rows json.RawMessage }
	if err := json.Unmarshal(raw, &r); err != nil {
		w.t.Fatal(err)
	}
	if string(r.Rows) != want {
		w.t.Errorf("%s:\n have %s\n want %s", query, r.Rows, want)
	}
}

// refuse wants an error with a text.
func (w *world) refuse(query, want string) {
	w.t.Helper()
	raw, err := w.run("sql", []string{query})
	if err == nil || !strings.Contains(err.Error(), want) {
		w.t.Errorf("%.100s: %.100s, %v; want an error with %q", query, raw, err, want)
	}
}

// called wants these calls since the last time.
func (w *world) called(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.calls, want) {
		w.t.Errorf("calls %q, want %q", w.calls, want)
	}
	w.calls = nil
}
