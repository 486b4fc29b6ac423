package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fulmen/internal/block"
)

// Receiver takes what happens in the chain, one after the other. It stores a block's id in the same
// transaction as all that it learns from the block. An error ends the following.
type Receiver interface {
	BlockConnected(ctx context.Context, b BlockConnected) error
	BlockDisconnected(ctx context.Context, b BlockDisconnected) error
	// CaughtUp comes after every round of looking in which the backend had no more.
	CaughtUp(ctx context.Context, height block.Height) error
}

// Config is what a Runner needs.
type Config struct {
	Backend  Backend
	Receiver Receiver
	// Chain is our chain's name in BIP 70: main, test, testnet4, signet, regtest.
	Chain string
	// Recent are the blocks that the receiver took last: up to Keep, ascending, the last one its tip.
	Recent []BlockID
	// Start chooses a new node's first block; nil is DefaultStart.
	Start func(tip block.Height) block.Height
	// Rescan takes back what the receiver has from Start's height on, as far as Recent goes, and begins there.
	Rescan bool
	// Poll is how often to look for blocks; 0 is PollInterval.
	Poll time.Duration
	// RetryTimeout is how long WaitReady tries.
	RetryTimeout time.Duration
	Log          *slog.Logger
	// Now and After are the clock; nil is the real one.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// The pauses between attempts to reach a backend that is away double, up to the lesser of these.
const (
	longestPause      = time.Minute
	longestPauseTimes = 10 // the interval of polling
)

// feeInterval is how long fee estimates are good for.
const feeInterval = 30 * time.Second

// Runner follows the chain for a Receiver.
type Runner struct {
	Config
	follower *Follower
	poke     chan struct{}

	mu      sync.Mutex
	status  Status
	fees    Fees
	feesAt  time.Time // zero: never
	pending *pendingSet
}

// NewRunner checks the configuration and asks nothing yet.
func NewRunner(c Config) (*Runner, error) {
	if c.Start == nil {
		c.Start = DefaultStart
	}
	if c.Poll == 0 {
		c.Poll = PollInterval(c.Chain)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	follower, err := NewFollower(c.Chain, c.Recent, c.Start)
	if err != nil {
		return nil, err
	}
	follower.rescan = c.Rescan
	r := &Runner{Config: c, follower: follower, poke: make(chan struct{}, 1), pending: newPendingSet()}
	r.status.Tip, _ = follower.Tip()
	return r, nil
}

// Status is how things stand now.
func (r *Runner) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Fees is the backend's last estimates; ok is false before the first.
func (r *Runner) Fees() (fees Fees, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fees, !r.feesAt.IsZero()
}

// Poke makes Run look for blocks at once.
func (r *Runner) Poke() {
	select {
	case r.poke <- struct{}{}:
	default: // it will look anyway
	}
}

// WaitReady waits until the backend answers, and is on our network. It gives up when that takes
// longer than RetryTimeout, and at once where waiting does not help.
func (r *Runner) WaitReady(ctx context.Context) error {
	since := r.Now()
	said := "" // each reason is said once, not each second
	for {
		tip, _ := r.follower.Tip()
		info, err := r.Backend.ChainInfo(ctx, tip.Height)
		if err == nil {
			return r.ready(ctx, info)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.As(err, new(*PermanentError)) {
			return fmt.Errorf("chain backend: %w", err)
		}
		if r.Now().Sub(since) >= r.RetryTimeout {
			return fmt.Errorf("chain backend did not answer within %s (bitcoin-retry-timeout): %w", r.RetryTimeout, err)
		}
		if reason := err.Error(); reason != said {
			said = reason
			r.Log.Warn("chain backend is not there yet, trying again each second", "error", err, "give_up_after", r.RetryTimeout)
		}
		if err := r.pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (r *Runner) ready(ctx context.Context, info Info) error {
	if info.Chain != r.Chain {
		return &WrongNetworkError{Want: r.Chain, Got: info.Chain}
	}
	if info.IBD {
		r.Log.Warn("chain backend is still syncing; a new node begins when it is done", "blocks", info.Blocks, "headers", info.Headers)
	}
	r.answered(info)
	if err := r.refreshFees(ctx); err != nil {
		r.Log.Warn("no fee estimates yet", "error", err)
	}
	return nil
}

// Run follows the chain until ctx ends, the receiver fails, or a person has to look.
func (r *Runner) Run(ctx context.Context) error {
	pause := r.Poll
	for {
		err := r.round(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, new(*fatal)):
			return errors.Unwrap(err)
		case err != nil:
			pause = r.away(err, pause)
		default:
			r.back()
			pause = r.Poll
		}
		if err := r.pause(ctx, pause); err != nil {
			return err
		}
	}
}

func (r *Runner) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-r.After(d):
	case <-r.poke:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// fatal marks an error that ends Run; all others are the backend's, and pass.
type fatal struct{ err error }

func (f *fatal) Error() string { return f.err.Error() }
func (f *fatal) Unwrap() error { return f.err }

// round looks for blocks until there are no more.
func (r *Runner) round(ctx context.Context) error {
	var ev Event = Tick{}
	for ev != nil {
		actions := r.follower.Step(ev)
		ev = nil
		for _, action := range actions {
			var err error
			if ev, err = r.do(ctx, action); err != nil {
				return err
			}
		}
	}
	return r.refreshFees(ctx)
}

// do carries out one action; one that asks gives the answer as the next event.
func (r *Runner) do(ctx context.Context, action Action) (Event, error) {
	switch a := action.(type) {
	case AskInfo:
		info, err := r.Backend.ChainInfo(ctx, a.Ours)
		if err != nil {
			return nil, err
		}
		r.answered(info)
		return GotInfo{info}, nil
	case AskBlock:
		b, err := r.Backend.BlockAt(ctx, a.Height)
		if err != nil {
			return nil, err
		}
		return GotBlock{a.Height, b}, nil
	case BlockConnected:
		return nil, r.connect(ctx, a)
	case BlockDisconnected:
		return nil, r.disconnect(ctx, a)
	case CaughtUp:
		return nil, r.caughtUp(ctx, a)
	case Stop:
		return nil, &fatal{a.Err}
	}
	panic(fmt.Sprintf("chain: unknown action %T", action))
}

func (r *Runner) connect(ctx context.Context, b BlockConnected) error {
	if err := r.Receiver.BlockConnected(ctx, b); err != nil {
		return &fatal{fmt.Errorf("take block %d: %w", b.Height, err)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Tip, r.status.CaughtUp = b.BlockID, false
	r.pending.connected(b)
	return nil
}

func (r *Runner) disconnect(ctx context.Context, b BlockDisconnected) error {
	r.Log.Info("block is no longer in the chain", "height", b.Height, "hash", b.Hash)
	if err := r.Receiver.BlockDisconnected(ctx, b); err != nil {
		return &fatal{fmt.Errorf("take back block %d: %w", b.Height, err)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.CaughtUp = false
	r.pending.disconnected(b)
	return nil
}

func (r *Runner) caughtUp(ctx context.Context, c CaughtUp) error {
	r.mu.Lock()
	news := !r.status.CaughtUp
	r.status.CaughtUp = true
	r.mu.Unlock()
	if news {
		r.rebroadcast(ctx)
	}
	if err := r.Receiver.CaughtUp(ctx, c.Height); err != nil {
		return &fatal{err}
	}
	return nil
}

// answered notes how far the backend is.
func (r *Runner) answered(info Info) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if info.Blocks > r.status.Tip.Height {
		r.status.CaughtUp = false
	}
	r.status.Info = info
}

// back notes that the backend works.
func (r *Runner) back() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.Away != nil {
		r.Log.Info("chain backend is back", "after", r.Now().Sub(r.status.AwaySince).Round(time.Second))
	}
	r.status.Away = nil
}

// away notes that the backend does not work, and returns how long to leave it alone.
func (r *Runner) away(err error, pause time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := max(r.Poll, min(2*pause, longestPause, longestPauseTimes*r.Poll))
	if r.status.Away == nil {
		r.status.AwaySince = r.Now()
		next = r.Poll
	}
	if r.status.Away == nil || r.status.Away.Error() != err.Error() {
		r.Log.Warn("chain backend does not work for us; we go on without news of the chain", "error", err, "retry_in", next)
	}
	r.status.Away = err
	return next
}

func (r *Runner) refreshFees(ctx context.Context) error {
	r.mu.Lock()
	fresh := !r.feesAt.IsZero() && r.Now().Sub(r.feesAt) < feeInterval
	r.mu.Unlock()
	if fresh {
		return nil
	}
	fees, err := r.Backend.EstimateFees(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fees, r.feesAt = fees, r.Now()
	return nil
}
