package rpc

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// nobody is a user that owns nothing here.
const nobody = 65534

// callerEnv has the socket that the test's own binary, run as another user, calls.
const callerEnv = "FULMEN_TEST_RPC_SOCKET"

// TestMain makes the test's binary that caller.
func TestMain(m *testing.M) {
	path := os.Getenv(callerEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	conn, err := net.Dial("unix", path)
	var answer []byte
	if err == nil {
		_, _ = io.WriteString(conn, `{"id":1,"method":"ordered"}`) // one that is slow and refused is not waited for
		_ = conn.(*net.UnixConn).CloseWrite()
		answer, err = io.ReadAll(conn)
	}
	fmt.Printf("%s %v", answer, err)
}

// lines is a log that a test reads.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestCallerOfAnotherUser has user nobody call a socket which the kernel would let it use: the folder
// is open and the mode is changed behind the server's back.
func TestCallerOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can call as another user: trying what the kernel would say")
		testCallers(t)
		return
	}
	for _, tt := range []struct {
		mode os.FileMode
		want string
	}{
		{0o600, "may not call"}, {0o660, `"zebra":1`}, {0o666, `"zebra":1`},
	} {
		var log lines
		s := testServer(t, func(o *Options) {
			dir, err := os.MkdirTemp("", "rpc")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			o.Path, o.Mode = dir+"/lightning-rpc", tt.mode
			o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		if err := os.Chmod(s.Path(), 0o666); err != nil {
			t.Fatal(err)
		}
		self, err := os.Open("/proc/self/exe") // its folder may be closed to nobody
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/fd/3")
		cmd.ExtraFiles = []*os.File{self}
		cmd.Env = []string{callerEnv + "=" + s.Path()}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		self.Close()
		if err != nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("mode %v: %q, %v, want %q", tt.mode, out, err, tt.want)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if text := log.String(); !strings.Contains(text, "caller.uid=65534") || strings.Contains(text, "refused") != (tt.mode == 0o600) {
			t.Errorf("mode %v: log %q", tt.mode, text)
		}
	}
}

// testCallers is what can be tried without another user: our own calls pass whatever the mode.
func testCallers(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o660} {
		s := testServer(t, func(o *Options) { o.Mode = mode })
		if got := exchange(t, s, `{"id":1,"method":"ordered"}`); !strings.Contains(got, `"zebra":1`) {
			t.Errorf("mode %v: %s", mode, got)
		}
	}
}
