package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that remembers its errors instead of failing.
type recorder struct {
	testing.TB
	errors []string
}

// Errorf implements TB.
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// A daemon that ends as the filter ends it fails the test.
func TestKilledBySandboxFailsTest(t *testing.T) {
	program := filepath.Join(t.TempDir(), "gossipd")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nkill -SYS $$\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	n := NewNode(r, StartBtcd(t), "alice", "--developer", "--dev-no-version-checks", "--subdaemon=gossipd:"+program)
	n.Launch()
	n.WaitLog("killed by the sandbox")
	n.checkSandbox()
	if len(r.errors) == 0 || !strings.Contains(r.errors[0], "killed by the sandbox") {
		t.Errorf("errors %q", r.errors)
	}
}
