package plugin

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// next reads the next message of a plugin under test.
func next(t *testing.T, dec *json.Decoder) string {
	t.Helper()
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// run starts a plugin on pipes.
func run(t *testing.T, p *Plugin) (feed io.WriteCloser, answers *json.Decoder) {
	t.Helper()
	in, feed := io.Pipe()
	out, write := io.Pipe()
	p.out = write
	ended := make(chan error, 1)
	go func() { ended <- p.serve(in) }()
	t.Cleanup(func() {
		feed.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return feed, json.NewDecoder(out)
}

func send(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text+"\n\n"); err != nil {
		t.Fatal(err)
	}
}

func TestManifestNamesAll(t *testing.T) {
	p := New()
	p.Dynamic, p.FeatureBits, p.CustomMessages = true, map[string]string{"node": "80"}, []uint16{40000}
	p.AddHook(Hook{Name: "rpc_command", Before: []string{"other"}, Filters: []any{"ping"}})
	p.Subscribe("connect", nil)
	p.Subscribe("connect", nil)
	p.AddTopic("mine")
	feed, answers := run(t, p)
	send(t, feed, `{"jsonrpc":"2.0","id":"1","method":"getmanifest","params":{}}`)
	got := next(t, answers)
	for _, want := range []string{
		`"hooks":[{"name":"rpc_command","before":["other"],"filters":["ping"]}]`, `"subscriptions":["connect"]`,
		`"notifications":[{"method":"mine"}]`, `"featurebits":{"node":"80"}`, `"custommessages":[40000]`, `"dynamic":true`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("manifest lacks %s: %s", want, got)
		}
	}
}

func TestHookIsAnswered(t *testing.T) {
	p := New()
	p.AddHook(Hook{Name: "peer_connected", Run: func(_ context.Context, q json.RawMessage) (any, error) {
		if strings.Contains(string(q), "bad") {
			return map[string]string{"result": "disconnect"}, nil
		}
		return Continue, nil
	}})
	feed, answers := run(t, p)
	send(t, feed, `{"jsonrpc":"2.0","id":"1","method":"peer_connected","params":{"peer":{"id":"good"}}}`)
	if got := next(t, answers); !strings.Contains(got, `"result":{"result":"continue"}`) {
		t.Errorf("answer %s", got)
	}
	send(t, feed, `{"jsonrpc":"2.0","id":"2","method":"peer_connected","params":{"peer":{"id":"bad"}}}`)
	if got := next(t, answers); !strings.Contains(got, `"result":{"result":"disconnect"}`) {
		t.Errorf("answer %s", got)
	}
}

func TestNotificationsComeInOrder(t *testing.T) {
	p := New()
	got := make(chan string, 3)
	p.Subscribe("*", func(_ context.Context, n Notification) { got <- n.Topic + " " + n.Origin + " " + string(n.Payload) })
	feed, _ := run(t, p)
	send(t, feed, `{"jsonrpc":"2.0","method":"connect","params":{"connect":{"id":"02"}}}`)
	send(t, feed, `{"jsonrpc":"2.0","method":"disconnect","params":{"disconnect":{"id":"02"}}}`)
	send(t, feed, `{"jsonrpc":"2.0","method":"theirs","params":{"a":1},"origin":"other.py"}`)
	for _, want := range []string{`connect  {"id":"02"}`, `disconnect  {"id":"02"}`, `theirs other.py {"a":1}`} {
		if have := <-got; have != want {
			t.Errorf("got %s, want %s", have, want)
		}
	}
}

func TestCallerIsTold(t *testing.T) {
	p := New()
	p.AddMethod(Method{Name: "work", Run: func(ctx context.Context, _ Args) (any, error) {
		p.Message(ctx, "info", "began")
		p.Progress(ctx, 0, 2)
		return struct{}{}, nil
	}})
	feed, answers := run(t, p)
	send(t, feed, `{"jsonrpc":"2.0","id":"cli:1/cln:work#2","method":"work","params":[]}`)
	for _, want := range []string{
		`"method":"message","params":{"id":"cli:1/cln:work#2","level":"info","message":"began"}`,
		`"method":"progress","params":{"id":"cli:1/cln:work#2","num":0,"total":2}`, `"result":{}`,
	} {
		if got := next(t, answers); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCheckTakesOurCommands(t *testing.T) {
	p := New()
	p.AddMethod(Method{Name: "sing", Params: []string{"song"}})
	feed, answers := run(t, p)
	for params, want := range map[string]string{
		`{"command_to_check":"sing","song":"a"}`: `"result":{}`,
		`["sing","a"]`:                           `"result":{}`,
		`["sing"]`:                               `missing required parameter: song`,
		`["dance"]`:                              `unknown command`,
		`7`:                                      `unknown command`,
	} {
		send(t, feed, `{"jsonrpc":"2.0","id":"1","method":"check","params":`+params+`}`)
		if got := next(t, answers); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", params, got, want)
		}
	}
}

func TestCallReachesLightningd(t *testing.T) {
	p := New()
	if err := p.Call(t.Context(), "getinfo", nil, nil); err == nil {
		t.Error("a call before init went somewhere")
	}
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "rpc"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // answers one call a connection, so that the second has to dial again
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			var c call
			if json.NewDecoder(conn).Decode(&c) == nil {
				io.WriteString(conn, `{"jsonrpc":"2.0","id":`+string(c.ID)+`,"error":{"code":205,"message":"no way"}}`+"\n\n")
			}
			conn.Close()
		}
	}()
	feed, answers := run(t, p)
	send(t, feed, `{"jsonrpc":"2.0","id":"1","method":"init","params":{"options":{},"configuration":{"lightning-dir":"`+dir+`","rpc-file":"rpc"}}}`)
	next(t, answers)
	for range 2 {
		err := p.Call(t.Context(), "getroute", map[string]int{"x": 1}, nil)
		failed, ok := err.(*Error)
		if !ok || failed.Code != 205 {
			t.Fatalf("error %v", err)
		}
		p.nodeMu.Lock()
		client := p.node
		p.nodeMu.Unlock()
		p.hangUp(client)
	}
}
