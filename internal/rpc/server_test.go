package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// testServer serves a few methods that need no node.
func testServer(t *testing.T, change func(*Options)) *Server {
	t.Helper()
	opts := Options{
		Path:     filepath.Join(t.TempDir(), "lightning-rpc"),
		Mode:     0o600,
		Log:      slog.New(slog.DiscardHandler),
		Dispatch: dispatch,
	}
	if change != nil {
		change(&opts)
	}
	s, err := Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

type ordered struct {
	Zebra int    `json:"zebra"`
	Apple string `json:"apple"`
}

func dispatch(ctx context.Context, r *Request) (any, error) {
	switch r.Method {
	case "ordered":
		return ordered{1, "<&>"}, nil
	case "echo":
		return r.Params, nil
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "fail":
		return nil, Errorf(CodeInvoiceLabelExists, "label: %w", io.ErrUnexpectedEOF).WithData(ordered{2, "b"})
	case "plain":
		return nil, errors.New("no code of its own")
	case "panic":
		panic("a bug")
	case "progress":
		r.Session.SetNotifications(true)
		r.Message(LevelInfo, "half %s", "way")
		r.Progress(0, 2)
		return "done", nil
	case "unencodable":
		return func() {}, nil
	}
	return nil, Errorf(CodeUnknownMethod, "unknown command '%s'", r.Method)
}

func dialRaw(t *testing.T, s *Server) *net.UnixConn {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: s.opts.Path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends in, closes the sending side and returns all that comes back.
func exchange(t *testing.T, s *Server, in string) string {
	t.Helper()
	c := dialRaw(t, s)
	if _, err := io.WriteString(c, in); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestWireFormat is what clients parse, some of them a line at a time: it must never change.
func TestWireFormat(t *testing.T) {
	s := testServer(t, nil)
	for _, tt := range []struct{ name, in, want string }{
		{"keys in order, no HTML escapes", `{"jsonrpc":"2.0","id":0,"method":"ordered","params":[]}`,
			`{"jsonrpc":"2.0","id":0,"result":{"zebra":1,"apple":"<&>"}}` + "\n\n"},
		{"an id is echoed byte for byte", `{"id":"cli:a\u0062#1/\/","method":"ordered"}`,
			`{"jsonrpc":"2.0","id":"cli:a\u0062#1/\/","result":{"zebra":1,"apple":"<&>"}}` + "\n\n"},
		{"a long number too", `{"id":123456789012345678901234567890.50e1,"method":"echo","params":[9007199254740993]}`,
			`{"jsonrpc":"2.0","id":123456789012345678901234567890.50e1,"result":[9007199254740993]}` + "\n\n"},
		{"a result of many lines becomes one", "{\"id\":1,\"method\":\"echo\",\"params\":{\n\"a\":\n\"b\\nc\"}}",
			`{"jsonrpc":"2.0","id":1,"result":{"a":"b\nc"}}` + "\n\n"},
		{"an error with data", `{"id":1,"method":"fail"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":900,"message":"label: unexpected EOF","data":{"zebra":2,"apple":"b"}}}` + "\n\n"},
		{"an error without a code", `{"id":1,"method":"plain"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no code of its own"}}` + "\n\n"},
		{"unknown method", `{"id":1,"method":"fly"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"unknown command 'fly'"}}` + "\n\n"},
		{"a handler's panic", `{"id":1,"method":"panic"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"panic: internal error; the log says more"}}` + "\n\n"},
		{"null params", `{"id":1,"method":"echo","params":null}`,
			`{"jsonrpc":"2.0","id":1,"result":null}` + "\n\n"},
		{"notifications carry the id", `{"id":"x","method":"progress"}`,
			`{"jsonrpc":"2.0","method":"message","params":{"id":"x","level":"info","message":"half way"}}` + "\n\n" +
				`{"jsonrpc":"2.0","method":"progress","params":{"id":"x","num":0,"total":2}}` + "\n\n" +
				`{"jsonrpc":"2.0","id":"x","result":"done"}` + "\n\n"},
		{"filter", `{"id":1,"method":"ordered","filter":{"apple":true}}`,
			`{"jsonrpc":"2.0","id":1,"result":{"apple":"<&>"}}` + "\n\n"},
		{"nothing", "", ""},
		{"white space", " \n\n ", ""},
	} {
		if got := exchange(t, s, tt.in); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestBadRequests(t *testing.T) {
	s := testServer(t, func(o *Options) { o.MaxRequest = 1000 })
	good := `{"id":7,"method":"echo","params":["after"]}`
	for _, tt := range []struct {
		name, in, want string
		goesOn         bool // the connection
	}{
		{"no id", `{"method":"echo"}`, `"id":null,"error":{"code":-32600,"message":"id: a request must have one, a string or a number"}`, true},
		{"null id", `{"id":null,"method":"echo"}`, `"id":null,"error":{"code":-32600,`, true},
		{"object id", `{"id":{},"method":"echo"}`, `"id":null,"error":{"code":-32600,`, true},
		{"no method", `{"id":1}`, `"id":1,"error":{"code":-32600,"message":"method: `, true},
		{"number for method", `{"id":1,"method":2}`, `"id":1,"error":{"code":-32600,"message":"method: `, true},
		{"string for params", `{"id":1,"method":"echo","params":"a"}`, `"id":1,"error":{"code":-32600,"message":"params: `, true},
		{"batch", `[{"id":1,"method":"echo"}]`, `"id":null,"error":{"code":-32600,"message":"batches are not supported`, true},
		{"bad filter", `{"id":1,"method":"ordered","filter":[]}`, `"id":1,"error":{"code":-32602,"message":"filter: `, true},
		{"not JSON", ` hello`, `"id":null,"error":{"code":-32700,"message":"malformed JSON at byte 1: a request must be an object, and this starts with 'h'"}`, false},
		{"missing comma", `{"id":1 "method":"echo"}`, `"error":{"code":-32700,"message":"malformed JSON at byte 8: invalid character '\"' after object key:value pair"}`, false},
		{"wrong bracket", `{"id":1]`, `"error":{"code":-32700,"message":"malformed JSON at byte 7: `, false},
		{"control character", "{\"id\":\"a\n\"}", `"error":{"code":-32700,"message":"malformed JSON at byte 8: control character 0x0a within a string"}`, false},
		{"too deep", strings.Repeat("[", 300), `"error":{"code":-32700,"message":"malformed JSON at byte 256: nested deeper than 256 levels"}`, false},
		{"too large", `{"id":"` + strings.Repeat("x", 2000), `"error":{"code":-32700,"message":"malformed JSON at byte 0: request is larger than 1000 bytes"}`, false},
		{"cut short", `{"id":1,"meth`, `"error":{"code":-32700,"message":"malformed JSON at byte 13: the stream ends within a request"}`, false},
	} {
		in := tt.in
		if tt.name != "cut short" {
			in += good
		}
		got := exchange(t, s, in)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if goesOn := strings.Contains(got, `"id":7,"result":["after"]`); goesOn != tt.goesOn {
			t.Errorf("%s: the next request is answered: %v, want %v", tt.name, goesOn, tt.goesOn)
		}
	}
	if got := exchange(t, s, good); !strings.Contains(got, "after") {
		t.Errorf("another connection: %s", got)
	}
}

func TestMalformedJSONTakesNoReplyFromEarlierRequests(t *testing.T) {
	release := make(chan struct{})
	s := testServer(t, func(o *Options) {
		o.Dispatch = func(context.Context, *Request) (any, error) {
			<-release
			return "in the end", nil
		}
	})
	c := dialRaw(t, s)
	fmt.Fprint(c, `{"id":1,"method":"slow"} garbage`)
	in := bufio.NewReader(c)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, `"code":-32700`) {
		t.Fatalf("first reply %q, %v; want that to the garbage", line, err)
	}
	close(release)
	rest, err := io.ReadAll(in)
	if err != nil || !strings.Contains(string(rest), `"id":1,"result":"in the end"`) {
		t.Errorf("then %q, %v; want the reply of 1", rest, err)
	}
}

func TestNotifyWithoutCaller(t *testing.T) {
	FromContext(t.Context()).Progress(0, 1) // must not panic
	(&Request{}).Message(LevelInfo, "nobody hears it")
	if r := FromContext(t.Context()); r != nil {
		t.Errorf("got a request: %+v", r)
	}
}

func TestUnencodableResultIsAnError(t *testing.T) {
	got := exchange(t, testServer(t, nil), `{"id":1,"method":"unencodable"}`)
	if !strings.Contains(got, `"error":{"code":-32603,"message":"encode the result: json: unsupported type: func()"}`) {
		t.Errorf("got %s", got)
	}
}

func TestRepliesComeAsTheyFinish(t *testing.T) {
	s := testServer(t, nil)
	c := dialRaw(t, s)
	fmt.Fprint(c, `{"id":1,"method":"wait"}{"id":2,"method":"echo","params":[2]}`)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(line, `"id":2`) {
		t.Errorf("first reply %q, %v; want that of 2", line, err)
	}
}

func TestTooManyInFlight(t *testing.T) {
	s := testServer(t, func(o *Options) { o.MaxInFlight = 2 })
	c := dialRaw(t, s)
	fmt.Fprint(c, `{"id":1,"method":"wait"}{"id":2,"method":"wait"}{"id":3,"method":"echo"}`)
	line, err := bufio.NewReader(c).ReadString('\n')
	want := `"id":3,"error":{"code":-32600,"message":"too many requests in flight: 2 on this connection wait for their reply, and that is the limit"}`
	if err != nil || !strings.Contains(line, want) {
		t.Errorf("got %q, %v; want %s", line, err, want)
	}
}

func TestDisconnectCancels(t *testing.T) {
	started, ended := make(chan bool), make(chan error)
	s := testServer(t, func(o *Options) {
		o.Dispatch = func(ctx context.Context, _ *Request) (any, error) {
			started <- true
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}
	})
	c := dialRaw(t, s)
	fmt.Fprint(c, `{"id":1,"method":"wait"}`)
	<-started
	c.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestShutdown(t *testing.T) {
	stopped := make(chan bool)
	running := make(chan bool, 2)
	s := testServer(t, func(o *Options) {
		o.Dispatch = func(ctx context.Context, r *Request) (any, error) {
			running <- true
			if r.Method == "stop" {
				<-stopped
				return "Shutdown complete", nil
			}
			return dispatch(ctx, r)
		}
	})
	c := dialRaw(t, s)
	in := bufio.NewScanner(c)
	in.Split(splitReplies)
	fmt.Fprint(c, `{"id":1,"method":"stop"}{"id":2,"method":"wait"}`)
	<-running
	<-running
	s.Shutdown()
	expect(t, in, `{"jsonrpc":"2.0","id":2,"error":{"code":-5,"message":"lightningd is shutting down"}}`)
	fmt.Fprint(c, `{"id":3,"method":"echo"}`)
	expect(t, in, `{"jsonrpc":"2.0","id":3,"error":{"code":-5,"message":"lightningd is shutting down"}}`)
	if _, err := os.Stat(s.opts.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("socket after shutdown: %v", err)
	}
	close(stopped)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	expect(t, in, `{"jsonrpc":"2.0","id":1,"result":"Shutdown complete"}`)
	if in.Scan() {
		t.Errorf("after the last reply: %s", in.Text())
	}
}

func expect(t *testing.T, in *bufio.Scanner, want string) {
	t.Helper()
	if !in.Scan() || in.Text() != want {
		t.Fatalf("got %s, %v; want %s", in.Text(), in.Err(), want)
	}
}

func splitReplies(data []byte, _ bool) (int, []byte, error) {
	if i := bytes.Index(data, []byte("\n\n")); i >= 0 {
		return i + 2, data[:i], nil
	}
	return 0, nil, nil
}

func TestCloseGivesUp(t *testing.T) {
	release := make(chan bool)
	running := make(chan bool)
	s := testServer(t, func(o *Options) {
		o.Dispatch = func(context.Context, *Request) (any, error) {
			close(running)
			<-release
			return nil, nil
		}
	})
	fmt.Fprint(dialRaw(t, s), `{"id":1,"method":"stuck"}`)
	<-running
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
}

func TestSocketModeAndStaleSocket(t *testing.T) {
	s := testServer(t, nil)
	info, err := os.Stat(s.opts.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v; want mode 0600", info, err)
	}
	if _, err := Listen(s.opts); err == nil || !strings.Contains(err.Error(), "another process is listening there") {
		t.Errorf("second server on one path: %v", err)
	}
	stale := filepath.Join(t.TempDir(), "lightning-rpc")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	after := testServer(t, func(o *Options) { o.Path, o.Mode = stale, 0o660 })
	if info, err := os.Stat(stale); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("socket that replaced a stale one: %v, %v", info, err)
	}
	if got := exchange(t, after, `{"id":1,"method":"ordered"}`); got == "" {
		t.Error("no reply at the replaced socket")
	}
	long := s.opts
	long.Path = filepath.Join(t.TempDir(), strings.Repeat("x", 200))
	if _, err := Listen(long); err == nil || !strings.Contains(err.Error(), "a socket's may have 107") {
		t.Errorf("long path: %v", err)
	}
}

func TestClientPipelines(t *testing.T) {
	s := testServer(t, nil)
	c, err := Dial(s.opts.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			var got []int
			if err := c.Call(t.Context(), "echo", []int{i}, &got); err != nil || len(got) != 1 || got[0] != i {
				t.Errorf("echo %d: %v, %v", i, got, err)
			}
		})
	}
	wg.Wait()
}

func TestClientErrors(t *testing.T) {
	s := testServer(t, nil)
	c, err := Dial(s.opts.Path)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Call(t.Context(), "fail", nil, nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeInvoiceLabelExists || string(e.Data.(json.RawMessage)) != `{"zebra":2,"apple":"b"}` {
		t.Errorf("fail: %#v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Call(ctx, "wait", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var notified []string
	result, err := c.Do(t.Context(), Call{Method: "progress", Notify: func(method string, params json.RawMessage) {
		notified = append(notified, method)
	}})
	if err != nil || string(result) != `"done"` || fmt.Sprint(notified) != "[message progress]" {
		t.Errorf("progress: %s, %v, notified %v", result, err, notified)
	}
	result, err = c.Do(t.Context(), Call{Method: "ordered", Filter: json.RawMessage(`{"zebra":true}`)})
	if err != nil || string(result) != `{"zebra":1}` {
		t.Errorf("filter: %s, %v", result, err)
	}
	c.Close()
	if err := c.Call(t.Context(), "echo", nil, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func BenchmarkPipelinedCalls(b *testing.B) {
	s, err := Listen(Options{Path: filepath.Join(b.TempDir(), "rpc"), Mode: 0o600, Log: slog.New(slog.DiscardHandler), Dispatch: dispatch})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context())
	c, err := Dial(s.opts.Path)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := c.Call(b.Context(), "ordered", []any{1000, "label", "description"}, nil); err != nil {
				b.Error(err)
			}
		}
	})
}
