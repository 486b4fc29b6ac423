package crash

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

var (
	payments = flag.Int("payments", 20, "payments to make, at least")
	seed     = flag.Uint64("seed", 0, "seed of what is paid and killed when; 0 takes one from the clock")
)

// capacity is the channel's; half of it is the peer's from the start.
const capacity amount.Sat = 10_000_000

// atOnce is how many payments are under way at a time.
const atOnce = 8

// TestCrash ends when all payments are complete and every process was killed at least once.
func TestCrash(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	w := newWorld(t)

	var killed atomic.Bool
	numbers := make(chan int)
	go func() {
		defer close(numbers)
		for i := 0; i < *payments || !killed.Load(); i++ {
			select {
			case numbers <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	var payers sync.WaitGroup
	for range atOnce {
		payers.Go(func() {
			for i := range numbers {
				if err := w.payUntilComplete(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	w.killThemAll(ctx, rand.New(rand.NewPCG(*seed, 0)))
	killed.Store(true)
	done := make(chan struct{})
	go func() {
		payers.Wait()
		close(done)
	}()
	for w.progress(ctx, done) {
	}
	if err := context.Cause(ctx); err != nil {
		t.Fatal(err)
	}
	w.check(t)
}

// world is two nodes and what happened between them.
type world struct {
	t     *testing.T
	nodes [2]*node
	scid  string
	steps chan struct{} // one for each answer to a payment's requests

	mu       sync.Mutex
	complete []*attempt
	failed   []*attempt
}

func newWorld(t *testing.T) *world {
	chain := harness.StartBtcd(t)
	w := &world{t: t, steps: make(chan struct{}, 1<<10)}
	for i, name := range []string{"alice", "bob"} {
		w.nodes[i] = newNode(t, harness.StartNode(t, chain, name))
	}
	alice, bob := w.nodes[0], w.nodes[1]
	alice.FundWallet(2 * capacity)
	alice.Connect(bob.Node)
	alice.Call("fundchannel", map[string]any{"id": bob.ID(), "amount": capacity, "push_msat": (capacity / 2).Msat()}, nil)
	chain.WaitMempool(1)
	chain.Mine(6)
	for _, n := range w.nodes {
		harness.Eventually(t, "an open channel of "+n.Name, func() error { return n.usable() })
	}
	w.scid = alice.channel().ShortChannelID
	return w
}

// progress waits for the next step of any payment. It is false when all are done, or cannot be.
func (w *world) progress(ctx context.Context, done <-chan struct{}) bool {
	w.t.Helper()
	select {
	case <-w.steps:
		return true
	case <-done:
		return false
	case <-ctx.Done():
		w.t.Fatal(context.Cause(ctx))
	case <-time.After(harness.Patience):
		w.t.Fatalf("no payment went on for %s", harness.Patience)
	}
	return false
}

// stepped tells that a payment went on; what is already known need not be told again.
func (w *world) stepped() {
	select {
	case w.steps <- struct{}{}:
	default:
	}
}
