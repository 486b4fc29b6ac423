// Package quiet gives memory back to the system when a process has become quiet.
//
// Go's heap keeps what it once had: up to 4 MB of garbage are never collected, and what was collected is kept
// for what may come. That is right for a process that works, but a node is many processes which
// mostly wait, and what a start or a burst of payments left in each of them adds up.
package quiet

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// after is how long nothing must have been collected. A process that works collects more often than that;
	// one that allocates less has its garbage taken at most that often, which costs it nothing worth speaking of.
	after = 3 * time.Second
	// worth is what must be there to be given back, in bytes. A collection costs a millisecond, and the first one of a
	// process more than half a megabyte of its own.
	worth = 1 << 20
)

// GiveBack has it done from now on: once the process has started, and whenever it was busy. No clock ticks:
// what tells of work is that the collector ran, so a process that waits is not woken.
func GiveBack() { newGiver(after, debug.FreeOSMemory) }

// giver waits for the collector to run, and then until it has been still.
type giver struct {
	after time.Duration
	free  func()
	timer *time.Timer

	mu   sync.Mutex
	left uint64 // bytes on the heap after the last release
}

func newGiver(after time.Duration, free func()) *giver {
	g := &giver{after: after, free: free}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = time.AfterFunc(after, g.release)
	g.watch()
	return g
}

// mark is an object that nobody holds: it goes with the next collection. It is large enough to have its
// memory to itself; beside others it would stay for their sake.
type mark [32]byte

func (g *giver) watch() { runtime.AddCleanup(new(mark), (*giver).collected, g) }

func (g *giver) collected() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer.Reset(g.after)
	g.watch()
}

// release frees what is worth it. That is a collection as well, after which it is called once more, and finds
// nothing left to do.
func (g *giver) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if waste(&m, g.left) < worth {
		g.left = min(g.left, m.HeapAlloc)
		return
	}
	g.free()
	runtime.ReadMemStats(&m)
	g.left = m.HeapAlloc
}

// waste is what a release would free, if nothing more is needed than the last one left.
func waste(m *runtime.MemStats, left uint64) uint64 {
	return m.HeapIdle - m.HeapReleased + m.HeapAlloc - min(left, m.HeapAlloc)
}
