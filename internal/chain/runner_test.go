package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
)

// recorder is a receiver that writes down what it hears.
type recorder struct {
	told   []string
	refuse error
}

func (r *recorder) BlockConnected(_ context.Context, b BlockConnected) error {
	r.told = append(r.told, fmt.Sprintf("+%d", b.Height))
	return r.refuse
}

func (r *recorder) BlockDisconnected(_ context.Context, b BlockDisconnected) error {
	r.told = append(r.told, fmt.Sprintf("-%d", b.Height))
	return nil
}

func (r *recorder) CaughtUp(context.Context, block.Height) error { return nil }

func (r *recorder) take() string {
	told := strings.Join(r.told, " ")
	r.told = nil
	return told
}

func newTestRunner(t *testing.T, b *fakeBackend) (*Runner, *recorder) {
	t.Helper()
	rec := new(recorder)
	r, err := NewRunner(Config{
		Backend: b, Receiver: rec, Chain: "regtest", Poll: time.Second, RetryTimeout: 10 * time.Second,
		Start: func(tip block.Height) block.Height { return tip },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, rec
}

// running runs r while test does something, in a bubble of virtual time.
func running(t *testing.T, r *Runner, test func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	synctest.Wait()
	test()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("run ended with %v", err)
	}
}

// wait lets virtual time pass.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestRunnerFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBackend(10)
		r, rec := newTestRunner(t, b)
		running(t, r, func() {
			b.grow(2)
			wait(time.Second)
			if got := rec.take(); got != "+10 +11 +12" {
				t.Errorf("told %s", got)
			}
			b.grow(1)
			r.Poke()
			synctest.Wait()
			if got := rec.take(); got != "+13" {
				t.Errorf("poked, told %q", got)
			}
			s := r.Status()
			if s.Tip != b.id(13) || !s.CaughtUp || s.BitcoindWarning() != "" || s.LightningdWarning() != "" {
				t.Errorf("status %+v", s)
			}
			if fees, ok := r.Fees(); !ok || fees.Floor != 250 {
				t.Errorf("fees %v %v", fees, ok)
			}
		})
	})
}

func TestRunnerOutlivesALongAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBackend(10)
		r, rec := newTestRunner(t, b)
		running(t, r, func() {
			rec.take()
			b.fail(errors.New("connection refused"))
			wait(2 * time.Second)
			since := time.Now()
			wait(5 * time.Hour)
			s := r.Status()
			if s.Away == nil || s.AwaySince.After(since) || !strings.Contains(s.BitcoindWarning(), "connection refused") {
				t.Errorf("status %+v", s)
			}
			b.fail(nil)
			b.grow(1)
			wait(longestPauseTimes * time.Second)
			if got := rec.take(); got != "+11" || r.Status().BitcoindWarning() != "" {
				t.Errorf("back, told %q, status %+v", got, r.Status())
			}
		})
	})
}

func TestRunnerPausesLongerAndLonger(t *testing.T) {
	r, _ := newTestRunner(t, newFakeBackend(1))
	pause := r.Poll
	var got []time.Duration
	for range 6 {
		pause = r.away(errors.New("x"), pause)
		got = append(got, pause/time.Second)
	}
	if want := "[1ns 2ns 4ns 8ns 10ns 10ns]"; fmt.Sprint(got) != want {
		t.Errorf("pauses %v", got)
	}
}

func TestRunnerEnds(t *testing.T) {
	b := newFakeBackend(10)
	r, rec := newTestRunner(t, b)
	rec.refuse = errors.New("disk full")
	if err := r.Run(t.Context()); err == nil || err.Error() != "take block 10: disk full" {
		t.Errorf("receiver fails: %v", err)
	}
	r, _ = newTestRunner(t, b)
	b.chain = "signet"
	if err := r.Run(t.Context()); !errors.As(err, new(*WrongNetworkError)) {
		t.Errorf("wrong network: %v", err)
	}
}

func TestWaitReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBackend(10)
		b.fail(errors.New("warming up"))
		r, _ := newTestRunner(t, b)
		var log bytes.Buffer
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		time.AfterFunc(3*time.Second, func() { b.fail(errors.New("loading blocks")) })
		time.AfterFunc(5*time.Second, func() { b.fail(nil) })
		if err := r.WaitReady(t.Context()); err != nil {
			t.Errorf("a backend that comes late: %v", err)
		}
		for _, reason := range []string{"warming up", "loading blocks"} {
			if n := strings.Count(log.String(), reason); n != 1 {
				t.Errorf("it said %q %d times: %s", reason, n, &log)
			}
		}
		b.fail(errors.New("connection refused"))
		since := time.Now()
		err := r.WaitReady(t.Context())
		if err == nil || !strings.Contains(err.Error(), "within 10s (bitcoin-retry-timeout): connection refused") {
			t.Errorf("a backend that never comes: %v", err)
		}
		if took := time.Since(since); took != 10*time.Second {
			t.Errorf("gave up after %s", took)
		}
		b.fail(&PermanentError{errors.New("wrong password")})
		since = time.Now()
		if err := r.WaitReady(t.Context()); err == nil || time.Since(since) != 0 {
			t.Errorf("a permanent error: %v after %s", err, time.Since(since))
		}
		b.fail(nil)
		b.chain = "main"
		if err := r.WaitReady(t.Context()); !errors.As(err, new(*WrongNetworkError)) {
			t.Errorf("wrong network: %v", err)
		}
	})
}

func TestStatusWarnings(t *testing.T) {
	for want, s := range map[string]Status{
		"it has 5 of 9 blocks":                  {Info: Info{Blocks: 5, Headers: 9, IBD: true}},
		"it has 5 blocks, we have seen 7":       {Info: Info{Blocks: 5, Headers: 5}, Tip: BlockID{Height: 7}},
		"not usable since 1970-01-01T00:00:00Z": {Away: errors.New("x"), AwaySince: time.Unix(0, 0)},
	} {
		if got := s.BitcoindWarning(); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	s := Status{Info: Info{Blocks: 9}, Tip: BlockID{Height: 7}}
	if got := s.LightningdWarning(); !strings.Contains(got, "at 7 of 9") {
		t.Errorf("%q", got)
	}
}

func TestBroadcastUntilInTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBackend(10)
		r, _ := newTestRunner(t, b)
		parent := spend([]wire.OutPoint{{Index: 1}}, "a")
		child := spend([]wire.OutPoint{{Hash: parent.TxHash()}}, "b")
		running(t, r, func() {
			b.fail(errors.New("away"))
			if err := r.Broadcast(t.Context(), Broadcast{Tx: parent}); err == nil {
				t.Error("sent while the backend was away")
			}
			b.fail(nil)
			if err := r.Broadcast(t.Context(), Broadcast{Tx: child}); err != nil {
				t.Error(err)
			}
			b.sent = nil
			b.grow(1)
			wait(time.Second)
			if want := []chainhash.Hash{parent.TxHash(), child.TxHash()}; fmt.Sprint(b.sent) != fmt.Sprint(want) {
				t.Errorf("after a block, sent %v, want %v", b.sent, want)
			}
			b.sent = nil
			b.grow(1, parent)
			wait(time.Second)
			if fmt.Sprint(b.sent) != fmt.Sprint([]chainhash.Hash{child.TxHash()}) {
				t.Errorf("parent being in, sent %v", b.sent)
			}
			b.sent = nil
			b.cut(1)
			b.grow(2)
			wait(time.Second)
			if len(b.sent) != 2 {
				t.Errorf("parent being out again, sent %v", b.sent)
			}
			b.grow(1, parent, child)
			b.grow(buriedAt)
			wait(time.Second)
			if len(r.pending.all) != 0 || len(r.pending.inputs) != 0 {
				t.Errorf("buried, still remembers %d", len(r.pending.all))
			}
		})
	})
}

func TestBroadcastRejected(t *testing.T) {
	b := newFakeBackend(1)
	b.reject = "fee too low"
	r, _ := newTestRunner(t, b)
	tx := spend([]wire.OutPoint{{Index: 1}}, "a")
	err := r.Broadcast(t.Context(), Broadcast{Tx: tx})
	if !errors.As(err, new(*Rejected)) || len(r.pending.all) != 0 {
		t.Errorf("rejected: %v, remembers %d", err, len(r.pending.all))
	}
	if err := r.Broadcast(t.Context(), Broadcast{Tx: tx, Insist: true}); err == nil || len(r.pending.all) != 1 {
		t.Errorf("insisting: %v, remembers %d", err, len(r.pending.all))
	}
	r.Forget(tx.TxHash())
	if len(r.pending.all)+len(r.pending.inputs) != 0 {
		t.Error("does not forget")
	}
}
