package proc

import (
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// child starts a process that runs until its input is closed.
func child(t *testing.T, argv0 string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.Args = []string{argv0}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	// Once it answers, it is cat and no longer a copy of us.
	if _, err := in.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestTree(t *testing.T) {
	cmd := child(t, "/some/where/cat 03ab..-chan#7")
	tree, err := Tree(os.Getpid())
	if err != nil || len(tree) != 2 || tree[0].PID != os.Getpid() {
		t.Fatalf("got %+v, %v", tree, err)
	}
	want := Process{PID: cmd.Process.Pid, Parent: os.Getpid(), Title: "cat 03ab..-chan#7"}
	if tree[1] != want || tree[1].Name() != "cat" {
		t.Errorf("got %+v, want %+v", tree[1], want)
	}
	if pss, err := tree[0].PSS(); err != nil || pss < 1<<20 || pss > 1<<30 {
		t.Errorf("PSS %d, %v", pss, err)
	}
	if _, err := tree[0].Written(); err != nil {
		t.Error(err)
	}
}

func TestCPU(t *testing.T) {
	self := Process{PID: os.Getpid()}
	before, err := self.CPU()
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if now, err := self.CPU(); err != nil || now > before {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Error("a minute of work used no time")
}

func TestTreeOfNone(t *testing.T) {
	const noSuchPID = 1 << 30
	if tree, err := Tree(noSuchPID); err != nil || len(tree) != 0 {
		t.Errorf("got %+v, %v", tree, err)
	}
	if _, err := (Process{PID: noSuchPID}).PSS(); err == nil {
		t.Error("it uses memory")
	}
}
