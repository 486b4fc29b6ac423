package quiet

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// work leaves garbage that is worth a collection.
func work() {
	for range 4 {
		runtime.KeepAlive(make([]byte, worth))
	}
}

func TestGivenBackAfterTheStartAndAfterWork(t *testing.T) {
	work()
	freed := make(chan struct{}, 1)
	newGiver(1, func() { // a nanosecond: as soon as it is called for
		debug.FreeOSMemory()
		select {
		case freed <- struct{}{}:
		default:
		}
	})
	deadline := time.After(30 * time.Second)
	select {
	case <-freed:
	case <-deadline:
		t.Fatal("nothing was given back after the start")
	}
	for n := 0; n < 3; {
		work()
		runtime.GC() // what a process that works does sooner or later
		select {
		case <-freed:
			n++
		case <-deadline:
			t.Fatalf("given back %d times after work", n)
		default:
		}
	}
}

func TestWaste(t *testing.T) {
	for name, test := range map[string]struct {
		stats      runtime.MemStats
		left, want uint64
	}{
		"at the start":           {runtime.MemStats{HeapAlloc: 7, HeapIdle: 2}, 0, 9},
		"after a release":        {runtime.MemStats{HeapAlloc: 5, HeapIdle: 4, HeapReleased: 4}, 5, 0},
		"after some work":        {runtime.MemStats{HeapAlloc: 8, HeapIdle: 4, HeapReleased: 3}, 5, 4},
		"less than there was":    {runtime.MemStats{HeapAlloc: 3, HeapIdle: 4, HeapReleased: 4}, 5, 0},
		"collected, and is kept": {runtime.MemStats{HeapAlloc: 5, HeapIdle: 9, HeapReleased: 4}, 5, 5},
	} {
		if got := waste(&test.stats, test.left); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
