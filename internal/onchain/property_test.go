package onchain_test

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/onchain"
	"fulmen/internal/onchain/onchaintest"
)

var (
	seeds = flag.Uint64("seeds", defaultSeeds(), "how many histories to run for each pair of commitment and side")
	seed  = flag.Uint64("seed", 0, "run this one alone")
)

func defaultSeeds() uint64 {
	if underRace {
		return 2
	}
	return 20
}

// The commitments that can be published.
const (
	ours = iota
	theirs
	revoked
)

// TestBOLT5Property publishes a random commitment of a random history, has a random miner choose among
// all that either side can make, and holds what we have in the end against what we were owed.
func TestBOLT5Property(t *testing.T) {
	for published, name := range []string{"ours", "theirs", "revoked"} {
		for _, anchors := range []bool{false, true} {
			for _, opener := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/anchors=%t/opener=%t", name, anchors, opener), func(t *testing.T) {
					runSeeds(t, func(seed uint64) error { return history(seed, published, anchors, opener) })
				})
			}
		}
	}
}

func runSeeds(t *testing.T, run func(seed uint64) error) {
	if *seed != 0 {
		if err := run(*seed); err != nil {
			t.Error(err)
		}
		return
	}
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for s := next.Add(1); s <= *seeds && !t.Failed(); s = next.Add(1) {
				if err := run(s); err != nil {
					t.Errorf("seed %d: %v (replay with -run '%s' -args -seed %d)", s, err, t.Name(), s)
				}
			}
		})
	}
	workers.Wait()
}

// world is one history's end.
type world struct {
	*onchaintest.Run
	rng       *rand.Rand
	peer      *onchaintest.Peer
	published *onchaintest.Published
	ours      bool // the commitment
	revoked   bool

	preimages []onchain.Preimage // that we will learn elsewhere
	toldAt    []block.Height
	owed      amount.Sat
	burnt     amount.Sat                  // by the cheater's own fees
	taken     map[btcwire.OutPoint]bool   // by the peer
	offered   map[uint64]btcwire.OutPoint // ours that have an output
	values    map[btcwire.OutPoint]amount.Sat
}

func history(seed uint64, published int, anchors, opener bool) error {
	rng := rand.New(rand.NewPCG(seed, uint64(published)))
	terms := channeltest.DefaultTerms()
	terms.Anchors = anchors
	terms.Feerate = amount.FeeratePerKw(253 + rng.IntN(3000))
	terms.ToOpener = amount.Msat(30_000_000 + rng.Int64N(940_000_000))
	for _, s := range []*channel.Side{&terms.Opener, &terms.Accepter} {
		s.DustLimit = amount.Sat(354 + rng.IntN(1000))
		s.ToSelfDelay = block.Delta(2 + rng.IntN(30))
	}
	c, err := onchaintest.Open(terms)
	if err != nil {
		return err
	}
	if err := c.Random(rng, 30+rng.IntN(120)); err != nil {
		return err
	}
	us := c.Accepter
	if opener {
		us = c.Opener
	}
	w, err := newWorld(rng, c, us, published)
	if err != nil {
		return err
	}
	return w.run()
}

func newWorld(rng *rand.Rand, c *onchaintest.Channel, us *onchaintest.Side, published int) (*world, error) {
	state, err := us.State()
	if err != nil {
		return nil, err
	}
	w := &world{rng: rng, taken: make(map[btcwire.OutPoint]bool), offered: make(map[uint64]btcwire.OutPoint), values: make(map[btcwire.OutPoint]amount.Sat)}
	owner, n := us.Peer, 0
	valid := int(state.Secrets.Count())
	switch {
	case published == ours:
		owner, n = us, int(state.LocalCommitment.Number) // the core may have a newer one that it has not stored
		w.ours = true
	case published == revoked && valid > 0:
		n = rng.IntN(valid)
		w.revoked = true
	default:
		n = valid + rng.IntN(len(owner.Published)-valid)
	}
	w.published = &owner.Published[n]
	funding := c.Funding()
	start := block.Height(101 + rng.IntN(90))
	if w.revoked {
		start += block.Height(rng.IntN(60)) // all may have expired
	}
	chain := onchaintest.NewChain(start, funding.Outpoint, &btcwire.TxOut{Value: int64(funding.Amount), PkScript: funding.PkScript()})
	state.Upstream = make(map[uint64]block.Height)
	for _, h := range state.HTLCs {
		if h.Offered && rng.IntN(2) == 0 {
			state.Upstream[h.ID] = h.CLTVExpiry + block.Height(5+rng.IntN(40))
		}
	}
	w.peer = onchaintest.NewPeer(c, chain, us.Peer, w.published, owner != us)
	spend := owner.Sign(n)
	w.count(c, state, spend)
	_, err = onchaintest.NewRun(us, state, chain, spend, func(r *onchaintest.Run) ([]*btcwire.MsgTx, error) {
		w.Run = r
		if rng.IntN(3) > 0 {
			return nil, nil
		}
		return w.peerMoves() // in the same block
	})
	return w, err
}

// count says what we are owed of the commitment, and decides who knows what.
func (w *world) count(c *onchaintest.Channel, state *onchain.State, spend *btcwire.MsgTx) {
	p := w.published.Tx
	point := func(i int) btcwire.OutPoint { return btcwire.OutPoint{Hash: spend.TxHash(), Index: uint32(i)} }
	for i, out := range spend.TxOut {
		w.values[point(i)] = amount.Sat(out.Value)
		anchor := i == p.OwnerAnchor || i == p.OtherAnchor
		if main := w.ours && i == p.ToOwner || !w.ours && i == p.ToOther; main || w.revoked && !anchor {
			w.owed += amount.Sat(out.Value)
		}
	}
	known := make(map[[32]byte]bool)
	for _, h := range state.HTLCs {
		if _, ok := known[h.PaymentHash]; !ok {
			known[h.PaymentHash] = w.rng.IntN(2) == 0
			w.peer.Knows[h.PaymentHash] = w.rng.IntN(2) == 0 || h.Preimage != nil
		}
		if h.Offered || h.Preimage != nil || !known[h.PaymentHash] {
			continue
		}
		w.preimages = append(w.preimages, onchain.Preimage{HTLCID: h.ID, Preimage: c.Preimages[h.PaymentHash]})
		w.toldAt = append(w.toldAt, block.Height(101+w.rng.IntN(int(h.CLTVExpiry)-102)))
	}
	for _, h := range p.HTLCs {
		if w.revoked {
			w.peer.Knows[h.PaymentHash] = w.rng.IntN(2) == 0
			continue
		}
		for _, pending := range state.HTLCs {
			if pending.ID != h.ID || pending.Offered != (h.Offered == w.ours) {
				continue
			}
			if pending.Offered {
				w.offered[h.ID] = point(int(h.OutputIndex))
				w.owed += h.Amount.Sat()
			} else if pending.Committed && (known[h.PaymentHash] || pending.Preimage != nil) {
				w.owed += h.Amount.Sat()
			}
		}
	}
}

func (w *world) run() error {
	for range 1000 {
		if w.Resolved {
			return w.check()
		}
		if err := w.tell(); err != nil {
			return err
		}
		if err := w.mine(); err != nil {
			return fmt.Errorf("after block %d: %w", w.Chain.Height, err)
		}
		if err := w.checkUpstream(); err != nil {
			return err
		}
		if w.rng.IntN(40) == 0 {
			if err := w.Restart(w.rng.IntN(2) == 0); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("not resolved in block %d: %s", w.Chain.Height, w.Status)
}

// tell gives the machine what becomes known elsewhere.
func (w *world) tell() error {
	for i := range w.preimages {
		if w.toldAt[i] != 0 && w.toldAt[i] <= w.Chain.Height {
			w.toldAt[i] = 0
			if err := w.Step(onchain.Preimages{Preimages: w.preimages[i : i+1]}); err != nil {
				return err
			}
		}
	}
	for _, c := range w.Sorted() {
		if c.Amount < 1500 && w.rng.IntN(30) == 0 {
			w.owed -= min(w.owed, c.Amount)
			return w.Step(onchain.GiveUp{Outpoints: []btcwire.OutPoint{c.Outpoint}, Height: w.Chain.Height, Reason: "too small"})
		}
	}
	return nil
}

// mine makes one block. A claim of ours is in it at the latest when its deadline comes, and else as the
// dice fall; and so is anything that the peer can make.
func (w *world) mine() error {
	next := w.Chain.Height + 1
	var block []*btcwire.MsgTx
	var late, rest []*onchain.Claim
	for _, c := range w.Ready() {
		if c.Deadline != 0 && c.Deadline <= next+1 {
			late = append(late, c)
		} else if w.rng.IntN(4) == 0 {
			rest = append(rest, c)
		}
	}
	if err := w.tryEarly(next); err != nil {
		return err
	}
	for _, list := range [][]*onchain.Claim{late, rest} {
		for _, batch := range w.batches(list) {
			t, err := w.Us.Spend(w.Chain, batch)
			if err != nil {
				return err
			}
			fee := w.Chain.Fee(t)
			if err := w.Chain.Take(t); errors.Is(err, onchaintest.ErrSpent) {
				continue // by the peer, before in this block
			} else if err != nil {
				return fmt.Errorf("%s of %d: %w", batch[0].Kind, len(batch), err)
			}
			w.Fees += fee
			block = append(block, t)
		}
		if len(block) == 0 || w.rng.IntN(2) == 0 { // the peer may be faster than the rest
			moves, err := w.peerMoves()
			if err != nil {
				return err
			}
			block = append(block, moves...)
		}
	}
	return w.Finish(block)
}

// peerMoves takes some of the peer's into the block.
func (w *world) peerMoves() (block []*btcwire.MsgTx, err error) {
	moves := w.peer.Moves(func() bool { return w.rng.IntN(6) == 0 })
	w.rng.Shuffle(len(moves), func(i, j int) { moves[i], moves[j] = moves[j], moves[i] })
	for _, t := range moves {
		switch err := w.Chain.Take(t); {
		case errors.Is(err, onchaintest.ErrSpent) || errors.Is(err, onchaintest.ErrEarly):
			continue
		case err != nil:
			return nil, fmt.Errorf("the peer's: %w", err)
		}
		for _, in := range t.TxIn {
			w.taken[in.PreviousOutPoint] = true
			if c := w.Claims[in.PreviousOutPoint]; c != nil && (c.ContestedFrom == 0 || c.ContestedFrom > w.Chain.Height+1) {
				return nil, fmt.Errorf("%s contested in block %d, said to be from %d on", c.Kind, w.Chain.Height+1, c.ContestedFrom)
			}
		}
		if !w.State.Anchors && w.peer.IsHTLCTx(t) {
			w.burnt += w.Chain.Fee(t)
		}
		w.peer.Took(t)
		block = append(block, t)
	}
	return block, nil
}

// tryEarly sees that a claim cannot be made before its time.
func (w *world) tryEarly(next block.Height) error {
	for _, c := range w.Sorted() {
		if c.After != next+1 || !w.Chain.Unspent(c.Outpoint) {
			continue
		}
		t, err := w.Us.Spend(w.Chain, []*onchain.Claim{c})
		if err != nil {
			return err
		}
		if err := w.Chain.Check(t); err == nil {
			return fmt.Errorf("%s said to be possible after %d is so in block %d", c.Kind, c.After, next)
		}
	}
	return nil
}

// batches puts claims together at random, as far as they go together.
func (w *world) batches(list []*onchain.Claim) (batches [][]*onchain.Claim) {
	w.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
next:
	for _, c := range list {
		for i, b := range batches {
			if fits(b, c) && w.rng.IntN(2) == 0 {
				batches[i] = append(b, c)
				continue next
			}
		}
		batches = append(batches, []*onchain.Claim{c})
	}
	return batches
}

// fits says that a claim can go with others. A prescribed locktime binds all of the transaction, and
// what can be done without a locktime can be done with any that has passed.
func fits(batch []*onchain.Claim, c *onchain.Claim) bool {
	for _, other := range batch {
		fixed := c.Fixed != nil || other.Fixed != nil
		if c.Final || other.Final || fixed && c.LockTime != other.LockTime {
			return false
		}
	}
	return true
}

// checkUpstream sees that no HTLC that we offered is open when the incoming one is about to expire.
func (w *world) checkUpstream() error {
	for id, at := range w.State.Upstream {
		_, learned := w.Learned[id]
		_, failed := w.Failed[id]
		if !learned && !failed && w.Chain.Height+3 >= at {
			return fmt.Errorf("htlc %d is open in block %d, and upstream's expires in %d", id, w.Chain.Height, at)
		}
	}
	return nil
}

// check holds the end against what we were owed.
func (w *world) check() error {
	script := w.Us.WalletScript()
	have := w.Chain.Balance(script) - w.Chain.Minted[string(script)] + w.Fees + w.burnt
	for id, at := range w.offered {
		if w.taken[at] {
			if _, ok := w.Learned[id]; !ok {
				return fmt.Errorf("htlc %d was taken, and its preimage not learned", id)
			}
			if f, ok := w.Failed[id]; ok && !strings.Contains(f.Reason, "expires") {
				return fmt.Errorf("htlc %d was failed (%s), then taken", id, f.Reason)
			}
			have += w.values[at]
		}
	}
	if have < w.owed {
		return fmt.Errorf("have %s with %s of fees, were owed %s: %s", have, w.Fees, w.owed, w.Status)
	}
	for _, h := range w.State.HTLCs {
		if !h.Offered {
			continue
		}
		preimage, learned := w.Learned[h.ID]
		if _, failed := w.Failed[h.ID]; !learned && !failed {
			return fmt.Errorf("htlc %d has no outcome", h.ID)
		}
		if learned && sha256.Sum256(preimage[:]) != h.PaymentHash {
			return fmt.Errorf("htlc %d: wrong preimage", h.ID)
		}
	}
	return w.checkMovements()
}

// checkMovements sees that what came to the channel's account has left it.
func (w *world) checkMovements() error {
	left := make(map[btcwire.OutPoint]int64)
	for _, m := range w.Movements {
		if m.Account == onchain.AccountChannel && m.Tag != "channel_close" {
			left[m.Outpoint] += int64(m.Credit) - int64(m.Debit)
		}
	}
	for o, msat := range left {
		if msat != 0 {
			return fmt.Errorf("%s: %d msat are left in the accounts", o, msat)
		}
	}
	return nil
}
