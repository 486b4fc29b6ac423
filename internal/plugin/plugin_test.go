package plugin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is for anything that a test waits for.
const patience = time.Minute

// The test binary is also the plugins: run by the host, it behaves as its first argument says.
func TestMain(m *testing.M) {
	if os.Getenv("LIGHTNINGD_PLUGIN") == "1" {
		behave(os.Args[1])
		return
	}
	os.Exit(m.Run())
}

func behave(how string) {
	switch how {
	case "silent":
		io.Copy(io.Discard, os.Stdin)
	case "garbage":
		fmt.Println("hello, is this the log?")
		io.Copy(io.Discard, os.Stdin)
	case "dies":
		os.Exit(7)
	case "complains":
		fmt.Fprintf(os.Stderr, "Traceback:\n\n  %s\nlast line", strings.Repeat("x", 2*maxErrLine))
		os.Exit(7)
	case "stubborn":
		serve(map[string]any{"getmanifest": map[string]any{}})
		<-time.After(time.Hour) // its stdin is closed, and it stays
	case "leaves-a-child":
		cmd := exec.Command("sleep", "3")
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			os.Exit(5)
		}
		os.Exit(8)
	case "disabled":
		serve(map[string]any{"getmanifest": map[string]any{"disable": "no moon tonight"}})
	case "bad-option":
		serve(map[string]any{"getmanifest": map[string]any{
			"options": []any{map[string]any{"name": "x", "type": "colour"}},
		}})
	case "full":
		serve(map[string]any{
			"getmanifest": map[string]any{
				"options":       []any{map[string]any{"name": "greeting", "type": "string", "default": "hi"}},
				"rpcmethods":    []any{map[string]any{"name": "echo", "usage": "[what]", "description": "d"}, map[string]any{"name": "crash"}},
				"hooks":         []any{"openchannel", map[string]any{"name": "custommsg", "before": []string{"x"}}},
				"nonnumericids": true,
				"dynamic":       true,
			},
			"init": map[string]any{},
		})
	}
}

type testRequest struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
}

// serve answers each method with its result; echo answers its params, every second one late.
func serve(results map[string]any) {
	in := bufio.NewReader(os.Stdin)
	var held []testRequest
	for {
		raw, err := readRequest(in)
		if err != nil {
			return
		}
		var req testRequest
		if json.Unmarshal(raw, &req) != nil {
			os.Exit(3)
		}
		switch req.Method {
		case "crash":
			os.Exit(9)
		case "wrong":
			reply(req.ID, "error", map[string]any{"code": -5, "message": "wrong", "data": 1})
		case "echo":
			if held = append(held, req); len(held) == 2 {
				reply(held[1].ID, "result", held[1].Params)
				reply(held[0].ID, "result", held[0].Params)
				held = nil
			}
		case "init":
			message, _ := json.Marshal("init " + string(req.Params))
			fmt.Printf(`{"jsonrpc":"2.0","method":"log","params":{"level":"unusual","message":%s}}`, message)
			fmt.Print(`{"jsonrpc":"2.0","method":"topic","params":{"a":1}}`)
			reply(req.ID, "result", results["init"])
		default:
			reply(req.ID, "result", results[req.Method])
		}
	}
}

// readRequest insists on what readers of lines rely on: one line, then an empty one.
func readRequest(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	if empty, err := in.ReadString('\n'); err != nil || empty != "\n" {
		os.Exit(4)
	}
	return line, nil
}

func reply(id json.RawMessage, kind string, v any) {
	raw, _ := json.MarshalIndent(map[string]any{"jsonrpc": "2.0", "id": id, kind: v}, "", "  ")
	fmt.Print(string(raw))
}

type logBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{} // has an element after a write
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

// wait returns when the log has a text.
func (l *logBuffer) wait(t *testing.T, text string) {
	t.Helper()
	for late := time.After(patience); !strings.Contains(l.String(), text); {
		select {
		case <-l.wrote:
		case <-late:
			t.Fatalf("log %s", l)
		}
	}
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func testSpec(t *testing.T, how string) (Spec, *logBuffer) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{wrote: make(chan struct{}, 1)}
	return Spec{
		Path: self, Args: []string{how}, Dir: t.TempDir(), Version: "v1",
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}, log
}

func start(t *testing.T, spec Spec) *Plugin {
	t.Helper()
	p, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		p.Stop(ctx)
	})
	return p
}

// TestStderr: where lightningd's stderr is nobody's, what a plugin says on its own is in the log.
func TestStderr(t *testing.T) {
	spec, log := testSpec(t, "complains")
	spec.LogStderr = true
	if _, err := Start(t.Context(), spec); err == nil {
		t.Fatal("it started")
	}
	log.wait(t, "last line")
	for _, want := range []string{"level=WARN", `msg="stderr: Traceback:"`, "daemon=plugin-"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q: %.500s", want, log)
		}
	}
	if n := strings.Count(log.String(), "stderr: "); n != 5 { // the long line is three
		t.Errorf("%d lines", n)
	}
}

func TestLifecycle(t *testing.T) {
	spec, log := testSpec(t, "full")
	topics := make(chan string, 1)
	spec.OnNotification = func(_ *Plugin, method string, params json.RawMessage) {
		topics <- method + string(params)
	}
	exits := make(chan error, 1)
	spec.OnExit = func(_ *Plugin, reason error) { exits <- reason }
	p := start(t, spec)
	m := p.Manifest()
	if len(m.Options) != 1 || m.Options[0].Default != "hi" || len(m.Methods) != 2 {
		t.Fatalf("manifest %+v", m)
	}
	if m.Hooks[0].Name != "openchannel" || m.Hooks[1].Before[0] != "x" {
		t.Fatalf("hooks %+v", m.Hooks)
	}
	err := p.Init(t.Context(), map[string]any{"greeting": "moin"}, Configuration{Network: "regtest"})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-topics; got != `topic{"a":1}` {
		t.Errorf("notification %s", got)
	}
	for _, want := range []string{"greeting", "moin", `network\":\"regtest`, "level=WARN"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q: %s", want, log)
		}
	}
	p.Stop(t.Context())
	if reason := <-exits; reason != nil {
		t.Errorf("asked to stop, it ended with %v", reason)
	}
	if err := p.Call(t.Context(), "echo", nil, nil); !errors.Is(err, ErrGone) {
		t.Errorf("call after its end: %v", err)
	}
}

func TestRequestsAreAnsweredInAnyOrder(t *testing.T) {
	spec, _ := testSpec(t, "full")
	p := start(t, spec)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			var got []int
			if err := p.Call(t.Context(), "echo", []int{i}, &got); err != nil || got[0] != i {
				t.Errorf("echo %d: %v, %v", i, got, err)
			}
		})
	}
	all.Wait()
}

func TestPluginErrorKeepsItsCode(t *testing.T) {
	spec, _ := testSpec(t, "full")
	p := start(t, spec)
	_, err := p.CallRaw(t.Context(), "wrong", []int{})
	var answered *Error
	if !errors.As(err, &answered) || answered.Code != -5 || string(answered.Data) != "1" {
		t.Fatalf("error %v", err)
	}
}

func TestDeathIsReported(t *testing.T) {
	spec, log := testSpec(t, "full")
	exits := make(chan error, 1)
	spec.OnExit = func(_ *Plugin, reason error) { exits <- reason }
	p := start(t, spec)
	if _, err := p.CallRaw(t.Context(), "crash", nil); !errors.Is(err, ErrGone) {
		t.Errorf("waiting caller got %v", err)
	}
	if reason := <-exits; reason == nil || !strings.Contains(reason.Error(), "exit status 9") {
		t.Errorf("reason %v", reason)
	}
	if !strings.Contains(log.String(), "exit status 9") {
		t.Errorf("log: %s", log)
	}
}

func TestBadPluginsAreNamed(t *testing.T) {
	for how, want := range map[string]string{
		"garbage": "not a JSON object",
		"dies":    "exit status 7",
		// Its child holds the pipe open, which must not hide that the plugin itself is gone.
		"leaves-a-child": "exit status 8",
		"disabled":       "no moon tonight",
		"bad-option":     `unknown type "colour"`,
	} {
		t.Run(how, func(t *testing.T) {
			spec, log := testSpec(t, how)
			if _, err := Start(t.Context(), spec); err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("error %v, want %q", err, want)
			}
			if fault := strings.Contains(log.String(), "plugin ended"); fault != (how != "disabled") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestSilentPluginIsGivenUp(t *testing.T) {
	spec, _ := testSpec(t, "silent")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, spec); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
}

func TestPluginThatDoesNotLeaveIsKilled(t *testing.T) {
	spec, log := testSpec(t, "stubborn")
	p := start(t, spec)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p.Stop(ctx)
	if !strings.Contains(log.String(), "did not leave in time") {
		t.Errorf("log: %s", log)
	}
}

func TestPluginThatDoesNotReadIsEnded(t *testing.T) {
	spec, _ := testSpec(t, "full")
	p := start(t, spec)
	p.cmd.Process.Signal(syscall.SIGSTOP)
	large := strings.Repeat("x", 1<<20)
	for range maxUnread>>20 + 2 {
		if err := p.Notify("topic", large); err != nil {
			if !errors.Is(err, ErrGone) {
				t.Errorf("error %v", err)
			}
			<-p.Ended()
			return
		}
	}
	t.Fatal("what a plugin does not read is kept without limit")
}

// TestUnreadIsCountedUntilItIsWritten: what the writer has taken at once, and a plugin does not read, waits as well.
func TestUnreadIsCountedUntilItIsWritten(t *testing.T) {
	var o outbox
	o.init()
	if !o.add(make([]byte, maxUnread)) || len(o.take()) != maxUnread {
		t.Fatal("there was room")
	}
	if o.add([]byte{1}) {
		t.Error("one more than may wait")
	}
	o.wrote(2)
	if !o.add([]byte{1, 2}) || o.add([]byte{3}) {
		t.Error("room for two was not two")
	}
}

func TestHostGivesEachNameOnce(t *testing.T) {
	spec, _ := testSpec(t, "full")
	var options []string
	h := NewHost(Config{Spec: spec, SetOptions: func(_ string, list []Option, _ []string) error {
		for _, o := range list {
			options = append(options, o.Name)
		}
		return nil
	}})
	p, err := h.Add(t.Context(), Program{Path: spec.Path, Important: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(options) != 1 || !p.Important() {
		t.Errorf("options %v, important %v", options, p.Important())
	}
	twin := filepath.Join(t.TempDir(), "twin")
	if err := os.Symlink(spec.Path, twin); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Add(t.Context(), Program{Path: twin}); err == nil || !strings.Contains(err.Error(), `command "echo" belongs to`) {
		t.Errorf("second plugin: %v", err)
	}
	if q, ok := h.Method("echo"); !ok || q != p {
		t.Errorf("echo belongs to %v", q)
	}
	h.Stop(t.Context(), nil)
	if _, err := h.CallRaw(t.Context(), "nobody", nil); err == nil {
		t.Error("a command of nobody was called")
	}
}

// TestHookIsAwaited: a plugin that ended and is to come back is still one that wants to be asked; one that was
// stopped is not.
func TestHookIsAwaited(t *testing.T) {
	spec, _ := testSpec(t, "full")
	type look struct{ hooked, awaited, other bool }
	looks := make(chan look, 10)
	var h *Host
	h = NewHost(Config{Spec: spec, Changed: func() { // before anything else can change
		looks <- look{h.Hooked("openchannel"), h.Awaited("openchannel"), h.Awaited("recover")}
	}})
	t.Cleanup(func() { h.Stop(context.Background(), nil) })
	if _, err := h.Add(t.Context(), Program{Path: spec.Path}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-looks, (look{hooked: true}); got != want {
		t.Errorf("it runs: %+v, want %+v", got, want)
	}
	if _, err := h.CallRaw(t.Context(), "crash", nil); !errors.Is(err, ErrGone) {
		t.Fatal(err)
	}
	if got, want := <-looks, (look{awaited: true}); got != want {
		t.Errorf("it will be started again: %+v, want %+v", got, want)
	}
	if got, want := <-looks, (look{hooked: true}); got != want {
		t.Errorf("it is back: %+v, want %+v", got, want)
	}
}

// TestLostIsNotPassedOver: what an important plugin follows must not go on without it, neither in the moment before
// the node has noticed that it is gone, nor after.
func TestLostIsNotPassedOver(t *testing.T) {
	for _, important := range []bool{true, false} {
		spec, _ := testSpec(t, "full")
		h := NewHost(Config{Spec: spec})
		t.Cleanup(func() { h.Stop(context.Background(), nil) })
		p, err := h.Add(t.Context(), Program{Path: spec.Path, Important: important})
		if err != nil {
			t.Fatal(err)
		}
		if name, lost := h.Lost("openchannel"); lost {
			t.Errorf("plugin %s runs, and is lost", name)
		}
		before := h.index.Load()
		if _, err := h.CallRaw(t.Context(), "crash", nil); !errors.Is(err, ErrGone) {
			t.Fatal(err)
		}
		<-p.Ended()
		for h.programOf(p) != nil {
			runtime.Gosched()
		}
		if _, lost := h.Lost("openchannel"); lost != important {
			t.Errorf("important %v: lost %v", important, lost)
		}
		if _, lost := h.Lost("recover"); lost {
			t.Error("it is lost for a hook that it did not ask for")
		}
		if !important {
			continue // it may be back at any moment
		}
		h.index.Store(before) // as it was when the plugin had just ended
		var told []string
		if err := h.AskAll(t.Context(), Question{
			Hook: "openchannel", Payload: func() any { return nil }, Answer: Continue,
			Lost: func(name string) bool { told = append(told, name); return false },
		}); err != nil || len(told) != 1 {
			t.Errorf("lost %q, error %v", told, err)
		}
	}
}

// TestStoppedWhileItStarts: a plugin that ended is just being started again when somebody stops it for good.
func TestStoppedWhileItStarts(t *testing.T) {
	spec, _ := testSpec(t, "full")
	h := NewHost(Config{Spec: spec})
	g, err := h.enter(Program{Path: spec.Path})
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.run(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Remove(t.Context(), spec.Path); err != nil {
		t.Fatal(err)
	}
	if err := h.take(g, p); err == nil || !strings.Contains(err.Error(), "it was stopped") {
		t.Errorf("it is taken up: %v", err)
	}
	<-p.Ended()
}

func TestHostRespectsReservedNames(t *testing.T) {
	spec, _ := testSpec(t, "full")
	h := NewHost(Config{Spec: spec, Reserved: func(m string) (string, bool) { return "lightningd", m == "echo" }})
	if _, err := h.Add(t.Context(), Program{Path: spec.Path, Important: true}); err == nil || !strings.Contains(err.Error(), "lightningd already") {
		t.Fatalf("error %v", err)
	}
}
