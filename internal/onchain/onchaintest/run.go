package onchaintest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/onchain"
)

// Run is a machine, the chain that it follows, and what it has said so far.
type Run struct {
	Us      *Side
	Chain   *Chain
	Machine *onchain.Machine
	State   *onchain.State

	Started   onchain.Started
	Claims    map[wire.OutPoint]*onchain.Claim
	Learned   map[uint64][32]byte
	Failed    map[uint64]onchain.Failed
	Movements []onchain.Movement
	Status    string
	Resolved  bool
	Fees      amount.Sat // of our transactions

	Spend   *wire.MsgTx     // of the funding output
	Events  []onchain.Event // that the machine was given
	height  block.Height    // of Spend
	watched map[wire.OutPoint]bool
	said    []onchain.Action // since Take
}

// NewRun publishes a transaction that spends the funding output, and begins a machine for us. What else
// is in the same block the chain takes in more, which may be nil.
func NewRun(us *Side, state *onchain.State, chain *Chain, spend *wire.MsgTx, more func(*Run) ([]*wire.MsgTx, error)) (*Run, error) {
	r := &Run{Us: us, Chain: chain, State: state, Spend: spend, height: chain.Height + 1}
	r.clear()
	if err := chain.Take(spend); err != nil {
		return nil, fmt.Errorf("spend the funding output: %w", err)
	}
	var list []*wire.MsgTx
	if more != nil {
		var err error
		if list, err = more(r); err != nil {
			return nil, err
		}
	}
	if err := r.start(); err != nil {
		return nil, err
	}
	return r, r.Finish(list)
}

func (r *Run) clear() {
	r.Claims = make(map[wire.OutPoint]*onchain.Claim)
	r.Learned = make(map[uint64][32]byte)
	r.Failed = make(map[uint64]onchain.Failed)
	r.watched = make(map[wire.OutPoint]bool)
	r.Movements, r.Resolved = nil, false
}

func (r *Run) start() error {
	closing, err := onchain.Classify(r.State, r.Spend)
	if err != nil {
		return err
	}
	if closing.NeedsPoint() {
		point := r.Us.Point(closing.CommitmentNumber)
		r.State.PublishedPoint = &point
	}
	m, actions, err := onchain.New(r.State, r.Spend, r.height)
	if err != nil {
		return err
	}
	r.Machine = m
	return r.do(actions)
}

// Said are the actions since it was called last.
func (r *Run) Said() []onchain.Action {
	said := r.said
	r.said = nil
	return said
}

// Step gives the machine an event.
func (r *Run) Step(ev onchain.Event) error {
	r.Events = append(r.Events, ev)
	actions, err := r.Machine.Step(ev)
	return errors.Join(r.do(actions), err)
}

// Block mines transactions, in this order, and tells the machine what it has to know of them.
func (r *Run) Block(list ...*wire.MsgTx) error {
	for _, t := range list {
		if err := r.Chain.Take(t); err != nil {
			return err
		}
	}
	return r.Finish(list)
}

// Finish ends a block whose transactions the chain has taken already.
func (r *Run) Finish(list []*wire.MsgTx) error {
	r.Chain.Advance()
	for _, t := range list {
		for _, in := range t.TxIn {
			if r.watched[in.PreviousOutPoint] {
				if err := r.Step(onchain.OutputSpent{Tx: t, Height: r.Chain.Height}); err != nil {
					return err
				}
				break
			}
		}
	}
	return r.Step(onchain.NewHeight{Height: r.Chain.Height})
}

// do notes what was said, and refuses what makes no sense.
func (r *Run) do(actions []onchain.Action) error {
	r.said = append(r.said, actions...)
	for _, a := range actions {
		switch a := a.(type) {
		case onchain.Started:
			r.Started = a
		case onchain.Watch:
			for _, o := range a.Outpoints {
				if r.watched[o] || r.Chain.FetchPrevOutput(o) == nil {
					return fmt.Errorf("watch %s: twice, or it does not exist", o)
				}
				r.watched[o] = true
			}
		case onchain.Unwatch:
			for _, o := range a.Outpoints {
				if !r.watched[o] {
					return fmt.Errorf("unwatch %s: not watched", o)
				}
				delete(r.watched, o)
			}
		case *onchain.Claim:
			if !r.watched[a.Outpoint] || r.Machine != nil && r.Machine.Claim(a.Outpoint) != nil && r.Machine.Claim(a.Outpoint) != a {
				return fmt.Errorf("claim %s: not watched, or not the machine's", a.Outpoint)
			}
			if out := r.Chain.FetchPrevOutput(a.Outpoint); out == nil || out.Value != int64(a.Amount) || string(out.PkScript) != string(a.PkScript) {
				return fmt.Errorf("claim %s: not that output", a.Outpoint)
			}
			r.Claims[a.Outpoint] = a
		case onchain.Unclaim:
			for _, o := range a.Outpoints {
				if r.Claims[o] == nil {
					return fmt.Errorf("unclaim %s: not claimed", o)
				}
				delete(r.Claims, o)
			}
		case onchain.Learned:
			for _, p := range a.HTLCs {
				r.Learned[p.HTLCID] = p.Preimage
			}
		case onchain.FailedUpstream:
			for _, f := range a.HTLCs {
				if _, ok := r.Failed[f.HTLCID]; ok {
					return fmt.Errorf("htlc %d failed twice", f.HTLCID)
				}
				r.Failed[f.HTLCID] = f
			}
		case onchain.Movement:
			r.Movements = append(r.Movements, a)
		case onchain.Status:
			r.Status = a.Text
		case onchain.Resolved:
			r.Resolved = true
		}
	}
	return nil
}

// Ready are the claims that can be in the next block, in a fixed order.
func (r *Run) Ready() []*onchain.Claim {
	var list []*onchain.Claim
	for _, c := range r.Sorted() {
		if c.After <= r.Chain.Height+1 && r.Chain.Unspent(c.Outpoint) {
			list = append(list, c)
		}
	}
	return list
}

// Sorted are all claims in a fixed order.
func (r *Run) Sorted() []*onchain.Claim {
	return slices.SortedFunc(maps.Values(r.Claims), func(a, b *onchain.Claim) int {
		if c := slices.Compare(a.Outpoint.Hash[:], b.Outpoint.Hash[:]); c != 0 {
			return c
		}
		return int(a.Outpoint.Index) - int(b.Outpoint.Index)
	})
}

// Restart makes the machine anew and tells it what it was told. Told the same in the same order, it must
// have said the same in all; told as lightningd does it, it must be where it was.
func (r *Run) Restart(same bool) error {
	before := *r
	events := r.Events
	if !same {
		events = inShort(events)
	}
	r.clear()
	r.Events, r.said, r.Machine = nil, nil, nil
	if err := r.start(); err != nil {
		return err
	}
	for _, ev := range events {
		if err := r.Step(ev); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
	}
	r.Events, r.said = before.Events, before.said
	if !reflect.DeepEqual(r.Claims, before.Claims) || !reflect.DeepEqual(r.watched, before.watched) || r.Status != before.Status {
		return fmt.Errorf("replay: %d claims, %d watched, status %q; before %d, %d, %q",
			len(r.Claims), len(r.watched), r.Status, len(before.Claims), len(before.watched), before.Status)
	}
	if same && (!reflect.DeepEqual(r.Failed, before.Failed) || !reflect.DeepEqual(r.Movements, before.Movements) || !reflect.DeepEqual(r.Learned, before.Learned)) {
		return errors.New("replay: another outcome")
	}
	// What lightningd has stored first stands.
	r.Failed, r.Learned, r.Movements = before.Failed, before.Learned, before.Movements
	return nil
}

// inShort is the history as lightningd tells it again: spends, what became known elsewhere, what was
// left, and the newest height.
func inShort(events []onchain.Event) []onchain.Event {
	var spends, preimages, left, last []onchain.Event
	for _, ev := range events {
		switch ev.(type) {
		case onchain.OutputSpent:
			spends = append(spends, ev)
		case onchain.Preimages:
			preimages = append(preimages, ev)
		case onchain.GiveUp:
			left = append(left, ev)
		case onchain.NewHeight:
			last = []onchain.Event{ev}
		}
	}
	return slices.Concat(spends, preimages, left, last)
}
