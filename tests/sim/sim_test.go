package sim

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	seeds = flag.Uint64("seeds", 60, "how many histories to run")
	seed  = flag.Uint64("seed", 0, "run this one alone, and say what happens")
)

func TestSim(t *testing.T) {
	if *seed != 0 {
		if err := history(*seed, t.Logf); err != nil {
			t.Errorf("seed %d: %v", *seed, err)
		}
		return
	}
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for s := next.Add(1); s <= *seeds && !t.Failed(); s = next.Add(1) {
				if err := history(s, func(string, ...any) {}); err != nil {
					t.Errorf("seed %d: %v (replay with -seed %d -v)", s, err, s)
				}
			}
		})
	}
	workers.Wait()
}

// history runs one seed.
func history(seed uint64, log func(string, ...any)) error {
	w, err := newWorld(seed, log)
	if err != nil {
		return err
	}
	if err := w.run(); err != nil {
		return fmt.Errorf("after %d steps: %w", w.steps, err)
	}
	return nil
}
