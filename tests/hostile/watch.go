package hostile

import (
	"runtime"
	"testing"
	"time"
)

// Deadline is how long a process may need for one input; more is a hang.
const Deadline = 20 * time.Second

// Within fails the test, with the stacks of all goroutines, if do does not return in time.
func Within(t testing.TB, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(Deadline):
		buf := make([]byte, 1<<20)
		t.Fatalf("%s: hangs\n%s", what, buf[:runtime.Stack(buf, true)])
	}
}
