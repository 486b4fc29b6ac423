package sim

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"fulmen/internal/htlcswitch"
)

var (
	seeds = flag.Uint64("seeds", 60, "how many histories to run")
	seed  = flag.Uint64("seed", 0, "run this one alone, and say what happens")
)

// TestSim is two nodes with a channel.
func TestSim(t *testing.T) { run(t, history) }

// TestMiddle is three nodes in a line; the one in the middle forwards.
func TestMiddle(t *testing.T) {
	var forwarded, failed atomic.Uint64
	run(t, func(seed uint64, log func(string, ...any)) error {
		m, err := newMiddle(seed, log)
		if err != nil {
			return err
		}
		if err := m.run(); err != nil {
			return fmt.Errorf("after %d steps: %w", m.worlds[0].steps+m.worlds[1].steps, err)
		}
		for _, row := range m.disk {
			if row.Status == htlcswitch.Settled {
				forwarded.Add(1)
			} else {
				failed.Add(1)
			}
		}
		return nil
	})
	t.Logf("%d forwards were settled, %d failed after they had left", forwarded.Load(), failed.Load())
	if *seed == 0 && (forwarded.Load() == 0 || failed.Load() == 0) {
		t.Error("nothing was forwarded, or all of it settled")
	}
}

// run runs histories, each from its own seed.
func run(t *testing.T, history func(uint64, func(string, ...any)) error) {
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
	w, err := newWorld(seed, "alice", "bob", log)
	if err != nil {
		return err
	}
	if err := w.run(); err != nil {
		return fmt.Errorf("after %d steps: %w", w.steps, err)
	}
	return nil
}
