package daemon

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"fulmen/internal/ipc"
	"fulmen/internal/sandbox"
)

// TestMain makes the test's own binary the daemon, too.
func TestMain(m *testing.M) {
	if os.Args[0] != "testdaemon" {
		os.Exit(m.Run())
	}
	p := Start("testdaemon")
	p.Confine(sandbox.Channeld)
	p.Log.Info("started")
	_, err := os.ReadFile("/etc/hostname")
	if err == nil {
		err = errors.New("a confined daemon read a file")
	}
	p.Must("read a file", err)
}

// command is a testdaemon with file as its descriptor 3.
func command(file *os.File) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{"testdaemon"}
	if file != nil {
		cmd.ExtraFiles = []*os.File{file}
	}
	return cmd
}

func TestStartedByHand(t *testing.T) {
	out, err := command(nil).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "testdaemon is part of lightningd") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestConfinedAndReported(t *testing.T) {
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	link := ipc.NewConn(ours)
	defer link.Close()
	cmd := command(theirs)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if err := link.Send(&ipc.Start{LogLevel: int32(slog.LevelDebug)}); err != nil {
		t.Fatal(err)
	}
	var logged []string
	var died ipc.Died
	for died.Reason == "" {
		f, err := link.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if f.Type == ipc.TypeDied {
			err = f.Decode(&died)
		} else {
			var m ipc.Log
			err = f.Decode(&m)
			logged = append(logged, m.Message)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.HasPrefix(died.Reason, "read a file: open /etc/hostname: ") {
		t.Errorf("died of %q", died.Reason)
	}
	if len(logged) != 2 || !strings.HasPrefix(logged[0], "confined as channeld") || logged[1] != "started" {
		t.Errorf("logged %q", logged)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
}

func TestLogHandlerFlattens(t *testing.T) {
	a, b, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	out, in := ipc.NewConn(a), ipc.NewConn(b)
	defer out.Close()
	defer in.Close()
	log := slog.New(&logHandler{out: out, level: slog.LevelInfo})
	if log.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("what lightningd does not want would be sent")
	}
	base := log.With("peer_id", "03ab")
	base.With("lost", 1)
	base.WithGroup("channel").With("id", 7).WithGroup("").
		Warn("low", slog.Group("fee", "rate", 253, slog.Group("", "kind", "open")), slog.Attr{}, "err", errors.New("x"))
	f, err := in.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var got ipc.Log
	if err := f.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := ipc.Log{Level: int32(slog.LevelWarn), Message: "low", Attrs: []ipc.Attr{
		{Key: "peer_id", Value: "03ab"}, {Key: "channel.id", Value: "7"}, {Key: "channel.fee.rate", Value: "253"},
		{Key: "channel.fee.kind", Value: "open"}, {Key: "channel.err", Value: "x"},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
