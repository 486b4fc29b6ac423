package hostile

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	growthEvery = 500      // inputs between two looks at the memory
	growthHeap  = 64 << 20 // bytes that may come to stay
	growthTasks = 200      // goroutines
	restTime    = 2 * time.Second
)

// goFuzzer is the package of Go's fuzzer. It keeps a buffer of 100 MiB from its first mutation on, which
// comes after the first look where there are many seeds.
const goFuzzer = "internal/fuzz."

// Growth looks for memory and goroutines that inputs leave behind. The zero value is ready; a fuzz
// target has one, and calls Check after each input.
type Growth struct {
	inputs, heap uint64
	tasks        int
}

// Check counts an input, and looks now and then. The first look is the measure of the later ones.
func (g *Growth) Check(t testing.TB) {
	t.Helper()
	if g.inputs++; g.inputs%growthEvery != 0 {
		return
	}
	if err := g.look(); err != nil {
		t.Fatal(err)
	}
}

// look returns an error that says what has grown, and where it came from.
func (g *Growth) look() error {
	tasks := g.restingTasks()
	heap := held(goFuzzer)
	switch {
	case g.heap == 0:
		g.heap, g.tasks = heap, tasks
	case heap > g.heap+growthHeap:
		return fmt.Errorf("after %d inputs %d MiB of memory are in use, %d after the first\n%s", g.inputs, heap>>20, g.heap>>20, holders())
	case tasks > g.tasks+growthTasks:
		return fmt.Errorf("after %d inputs there are %d goroutines, %d after the first\n%s", g.inputs, tasks, g.tasks, crowds())
	}
	return nil
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

// held is how many bytes are in use, without those that functions whose names begin with except have
// allocated.
func held(except string) uint64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	heap := int64(m.HeapAlloc)
	for _, r := range memProfile() {
		if slices.ContainsFunc(stackOf(&r), func(f runtime.Frame) bool { return strings.HasPrefix(f.Function, except) }) {
			heap -= r.InUseBytes()
		}
	}
	return uint64(max(heap, 1)) // never 0, which is a Growth that has not looked yet
}

// memProfile is where what is in use was allocated, as of the last collection.
func memProfile() []runtime.MemProfileRecord {
	for room := 100; ; {
		records := make([]runtime.MemProfileRecord, room)
		n, ok := runtime.MemProfile(records, false)
		if ok {
			return records[:n]
		}
		room = 2 * n
	}
}

// stackOf is who allocated, the innermost function first.
func stackOf(r *runtime.MemProfileRecord) (stack []runtime.Frame) {
	frames := runtime.CallersFrames(r.Stack())
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		stack = append(stack, f)
	}
	return stack
}

// mostShown is how many stacks an error has.
const mostShown = 5

// holders are the stacks that allocated most of what is in use.
func holders() string {
	records := memProfile()
	slices.SortFunc(records, func(a, b runtime.MemProfileRecord) int { return cmp.Compare(b.InUseBytes(), a.InUseBytes()) })
	var b strings.Builder
	for _, r := range records[:min(len(records), mostShown)] {
		fmt.Fprintf(&b, "%d bytes in %d objects\n", r.InUseBytes(), r.InUseObjects())
		for _, f := range stackOf(&r) {
			fmt.Fprintf(&b, "\t%s %s:%d\n", f.Function, f.File, f.Line)
		}
	}
	return b.String()
}

// crowds are the stacks in which most goroutines are.
func crowds() string {
	var b strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return err.Error()
	}
	stacks := strings.Split(b.String(), "\n\n") // the largest first
	return strings.Join(stacks[:min(len(stacks), mostShown)], "\n\n")
}
