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

const (
	growthEvery = 500      // inputs between two looks at the memory
	growthHeap  = 64 << 20 // bytes that may come to stay
	growthTasks = 200      // goroutines
	restTime    = 2 * time.Second
)

// Growth looks for memory and goroutines that inputs leave behind. The zero value is ready; a fuzz
// target has one, and calls Check after each input.
type Growth struct {
	inputs, heap uint64
	tasks        int
}

// restingTasks is the number of goroutines once those that are about to end have had their turn: on a
// busy machine many wait for it.
func (g *Growth) restingTasks() int {
	for until := time.Now().Add(restTime); ; runtime.Gosched() {
		if n := runtime.NumGoroutine(); g.heap == 0 || n <= g.tasks+growthTasks/10 || time.Now().After(until) {
			return n
		}
	}
}

// Check counts an input, and looks now and then. The first look is the measure of the later ones.
func (g *Growth) Check(t testing.TB) {
	t.Helper()
	if g.inputs++; g.inputs%growthEvery != 0 {
		return
	}
	tasks := g.restingTasks()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	switch {
	case g.heap == 0:
		g.heap, g.tasks = m.HeapAlloc, tasks
	case m.HeapAlloc > g.heap+growthHeap:
		t.Fatalf("after %d inputs %d MiB of memory are in use, %d after the first", g.inputs, m.HeapAlloc>>20, g.heap>>20)
	case tasks > g.tasks+growthTasks:
		t.Fatalf("after %d inputs there are %d goroutines, %d after the first", g.inputs, tasks, g.tasks)
	}
}
