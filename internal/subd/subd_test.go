package subd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fulmen/internal/daemon"
	"fulmen/internal/ipc"
	"fulmen/internal/version"
)

// ask is the only message of the test's children: what to do next.
type ask struct {
	What string
}

type answer struct {
	Text string
}

func (*ask) IPCType() ipc.Type    { return 9000 }
func (*answer) IPCType() ipc.Type { return 9001 }

const (
	childTitle  = "testchild 03ab..-chan#7"
	parentTitle = "testchild that is a parent"
)

// TestMain makes the test's own binary the children: they are started with nothing but a title.
func TestMain(m *testing.M) {
	if !strings.HasPrefix(os.Args[0], "testchild") {
		os.Exit(m.Run())
	}
	if os.Args[0] == parentTitle {
		parentMain()
	}
	if strings.HasSuffix(os.Args[0], "old version") {
		version.Version = "v0-old"
	}
	p := daemon.Start("testchild")
	link := p.Link(daemon.LinkToLightningd)
	for {
		f, err := link.Recv()
		p.Must("read lightningd", err)
		var m ask
		p.Must("read lightningd", f.Decode(&m))
		childDoes(p, link, f, m.What)
		f.CloseFds()
	}
}

func childDoes(p *daemon.Process, link *ipc.Conn, f ipc.Frame, what string) {
	switch what {
	case "title":
		p.Must("reply", link.Reply(f.ID, &answer{Text: os.Args[0]}))
	case "environment":
		p.Must("reply", link.Reply(f.ID, &answer{Text: strings.Join(os.Environ(), " ")}))
	case "log":
		slog.Debug("too fine")
		p.Log.WithGroup("chan").With("id", 7).Info("hello", "htlc_id", 3)
		p.Must("reply", link.Reply(f.ID, &answer{}))
	case "read passed":
		text, err := io.ReadAll(f.Fds[0])
		p.Must("read passed", err)
		p.Must("reply", link.Reply(f.ID, &answer{Text: string(text)}))
	case "read link 4":
		var m ask
		g, err := p.Link(4).Recv()
		p.Must("read link 4", err)
		p.Must("read link 4", g.Decode(&m))
		p.Must("reply", link.Reply(f.ID, &answer{Text: m.What}))
	case "panic":
		go panic("something broke")
		select {}
	case "must":
		p.Must("restore channel", errors.New("no such state"))
	case "garbage":
		p.Must("send", link.Send(&ask{What: "unasked"}))
	case "hang":
		p.Log.Info("hanging")
		a, b, err := ipc.Pair()
		p.Must("pair", err)
		_, err = ipc.NewConn(a).Recv() // nothing ever comes
		p.Must("wait", errors.Join(err, b.Close()))
	}
}

// spawn starts a child whose exit comes on the channel.
func spawn(t *testing.T, spec Spec) (*Child, <-chan Exit) {
	t.Helper()
	exits := make(chan Exit, 1)
	spec.Name, spec.Path = "testchild", "/proc/self/exe"
	spec.OnExit = func(e Exit) { exits <- e }
	c, err := Spawn(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c, exits
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func mustAsk(t *testing.T, c *Child, what string, fds ...*os.File) string {
	t.Helper()
	var a answer
	if _, err := c.Request(testContext(t), &ask{What: what}, &a, fds...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return a.Text
}

func TestChildHasTitleAndNothingElse(t *testing.T) {
	t.Setenv("SECRET", "of the parent")
	c, _ := spawn(t, Spec{Title: childTitle})
	if got := mustAsk(t, c, "title"); got != childTitle {
		t.Errorf("title %q, want %q", got, childTitle)
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimRight(string(cmdline), "\x00"); got != childTitle {
		t.Errorf("ps would show %q, want %q", got, childTitle)
	}
	if got := mustAsk(t, c, "environment"); got != "" {
		t.Errorf("environment %q, want none", got)
	}
}

func TestLogReachesParent(t *testing.T) {
	logs := make(chan *ipc.Log, 10)
	c, _ := spawn(t, Spec{OnLog: func(m *ipc.Log) { logs <- m }})
	mustAsk(t, c, "log")
	m := <-logs
	want := []ipc.Attr{{Key: "chan.id", Value: "7"}, {Key: "chan.htlc_id", Value: "3"}}
	if m.Message != "hello" || len(m.Attrs) != 2 || m.Attrs[0] != want[0] || m.Attrs[1] != want[1] {
		t.Errorf("log %q %v, want hello %v", m.Message, m.Attrs, want)
	}
}

func TestDescriptorsReachChild(t *testing.T) {
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	c, _ := spawn(t, Spec{Links: []*os.File{theirs}})
	link4 := ipc.NewConn(ours)
	defer link4.Close()
	if err := link4.Send(&ask{What: "over link 4"}); err != nil {
		t.Fatal(err)
	}
	if got := mustAsk(t, c, "read link 4"); got != "over link 4" {
		t.Errorf("link 4 brought %q", got)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("through a pipe"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got := mustAsk(t, c, "read passed", r); got != "through a pipe" {
		t.Errorf("passed descriptor brought %q", got)
	}
}

func TestReasonOfDeath(t *testing.T) {
	for _, tt := range []struct {
		title, ask, reason, detail string
		clean                      bool
	}{
		{ask: "panic", reason: "panic: something broke", detail: "childDoes"},
		{ask: "must", reason: "restore channel: no such state"},
		{ask: "garbage", reason: "bad message on its link: message type 9000: this daemon sends none"},
		{title: "testchild old version", ask: "title",
			reason: `the other process is version "v0-old", this one is "` + version.Version + `"`},
	} {
		t.Run(tt.ask, func(t *testing.T) {
			c, exits := spawn(t, Spec{Title: tt.title})
			_ = c.Send(&ask{What: tt.ask}) // one of another version may be gone already, and its exit says why
			e := <-exits
			if !strings.Contains(e.Reason, tt.reason) || !strings.Contains(e.Detail, tt.detail) {
				t.Errorf("exit %+v, want reason %q and detail %q", e, tt.reason, tt.detail)
			}
			if e.Clean || e.Asked {
				t.Errorf("exit %+v is neither clean nor asked for", e)
			}
		})
	}
}

func TestKilledChildFailsOpenRequests(t *testing.T) {
	c, exits := spawn(t, Spec{})
	failed := make(chan error, 1)
	c.Go(&ask{What: "hang"}, new(answer), func(_ []*os.File, err error) { failed <- err })
	if err := syscall.Kill(c.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("the request did not fail")
	}
	if e := <-exits; e.Reason != "signal: killed" || e.Clean || e.Asked {
		t.Errorf("exit %+v", e)
	}
}

func TestStop(t *testing.T) {
	c, exits := spawn(t, Spec{})
	mustAsk(t, c, "title")
	if err := c.Stop(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if e := <-exits; !e.Clean || !e.Asked {
		t.Errorf("exit %+v, want a clean one that was asked for", e)
	}
}

func TestStopKillsAtDeadline(t *testing.T) {
	c, exits := spawn(t, Spec{})
	if err := c.Send(&ask{What: "hang"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop: %v", err)
	}
	if e := <-exits; e.Clean || !e.Asked {
		t.Errorf("exit %+v", e)
	}
}

func TestChildIgnoresTerminalSignals(t *testing.T) {
	c, _ := spawn(t, Spec{})
	mustAsk(t, c, "title")
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(c.Pid, sig); err != nil {
			t.Fatal(err)
		}
	}
	mustAsk(t, c, "title")
	if pgid, err := syscall.Getpgid(c.Pid); err != nil || pgid != c.Pid {
		t.Errorf("process group %d, %v, want its own: %d", pgid, err, c.Pid)
	}
}

// parentMain is a process in lightningd's place: it has one child, which never looks at its link
// again and keeps descriptor 3 open, and says when the child is so far.
func parentMain() {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	logged := make(chan struct{})
	c, err := Spawn(Spec{
		Name: "testchild", Path: "/proc/self/exe", Links: []*os.File{os.NewFile(3, "kept")},
		OnLog: func(*ipc.Log) { close(logged) },
	})
	check(err)
	check(c.Send(&ask{What: "hang"}))
	<-logged
	fmt.Println("ready")
	<-c.Exited()
}

// The child cannot notice the end of its link, so it is the kernel that ends it.
func TestChildDiesWithItsParent(t *testing.T) {
	alive, kept, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	parent := exec.Command("/proc/self/exe")
	parent.Args = []string{parentTitle}
	parent.Stderr = os.Stderr
	parent.ExtraFiles = []*os.File{kept}
	said, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	kept.Close()
	var word string
	if _, err := fmt.Fscanln(said, &word); err != nil || word != "ready" {
		t.Fatalf("the parent says %q: %v", word, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := alive.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := alive.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the child lives on: %v", err)
	}
	if err := parent.Wait(); err == nil {
		t.Error("the parent was not killed")
	}
}

func TestSpawnNoProgram(t *testing.T) {
	if _, err := Spawn(Spec{Name: "none", Path: "/nonexistent"}); err == nil {
		t.Error("no error")
	}
}

func BenchmarkSpawnToFirstReply(b *testing.B) {
	for b.Loop() {
		c, err := Spawn(Spec{Name: "testchild", Path: "/proc/self/exe"})
		if err != nil {
			b.Fatal(err)
		}
		var a answer
		if _, err := c.Request(b.Context(), &ask{What: "title"}, &a); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		c.Kill()
		b.StartTimer()
	}
}

func TestVersionOf(t *testing.T) {
	dir := t.TempDir()
	program := func(name, script string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got, err := VersionOf(t.Context(), program("good", `test "$*" = --version && echo v1`))
	if got != "v1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, path := range []string{program("bad", "exit 3"), filepath.Join(dir, "missing")} {
		if got, err := VersionOf(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q, %v", got, err)
		}
	}
}
