package sim

import (
	"bytes"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/channel"
	"fulmen/internal/tx"
)

// check holds what is true at every moment.
func (w *world) check() error {
	for _, n := range w.both() {
		c := n.Channel.LocalContent()
		sum := c.ToLocal + c.ToRemote
		for _, h := range c.HTLCs {
			sum += h.Amount
		}
		if sum != w.funding.Msat() {
			return fmt.Errorf("%s: commitment %d sums up to %s", n.Name, c.Number, sum)
		}
	}
	return nil
}

// finish lets both sides settle everything, and shut down; then they must agree.
func (w *world) finish() error {
	if err := w.rest(); err != nil {
		return err
	}
	for _, n := range w.both() {
		if err := w.resolved(n); err != nil {
			return err
		}
	}
	if err := w.agree(); err != nil {
		return err
	}
	if err := w.both()[w.rng.IntN(2)].step(channel.Shutdown{}); err != nil {
		return err
	}
	if w.rng.IntN(3) == 0 {
		if err := w.disconnect(w.bob); err != nil {
			return err
		}
		if err := w.rest(); err != nil { // who had not sent its shutdown has forgotten the order
			return err
		}
		if err := w.alice.step(channel.Shutdown{}); err != nil {
			return err
		}
	}
	if err := w.rest(); err != nil {
		return err
	}
	a, b := w.alice.app.closing, w.bob.app.closing
	if a == nil || b == nil {
		return fmt.Errorf("not ready to close")
	}
	if a.ToLocal != b.ToRemote || a.ToRemote != b.ToLocal || !bytes.Equal(a.LocalScript, b.RemoteScript) || !bytes.Equal(a.RemoteScript, b.LocalScript) {
		return fmt.Errorf("closes disagree: %+v and %+v", a, b)
	}
	return nil
}

// rest lets everything happen that still can, without disasters.
func (w *world) rest() error {
	for range 1000 {
		busy := false
		for _, n := range w.both() {
			for len(n.todo) > 0 {
				busy = true
				if err := n.act(); err != nil {
					return err
				}
			}
			for len(n.orders) > 0 && len(n.todo) == 0 {
				busy = true
				if err := n.obey(); err != nil {
					return err
				}
			}
			for len(n.app.waiting) > 0 && len(n.todo) == 0 {
				busy = true
				if err := w.settle(n); err != nil {
					return err
				}
			}
			if len(n.peer.out) > 0 {
				busy = true
				if err := w.deliver(n); err != nil {
					return err
				}
				continue
			}
			if err := n.step(channel.Idle{}); err != nil {
				return err
			}
			busy = busy || len(n.todo) > 0
		}
		if err := w.check(); err != nil {
			return err
		}
		if !busy {
			w.alice.sync()
			w.bob.sync()
			return nil
		}
	}
	return fmt.Errorf("the two never come to rest")
}

// resolved checks that n's HTLCs ended as the peer decided.
func (w *world) resolved(n *node) error {
	if s := n.Channel.Summary(); s.NumHTLCs != 0 {
		return fmt.Errorf("%s: %d htlcs left: %+v", n.Name, s.NumHTLCs, n.Channel.HTLCs())
	}
	for ref, id := range n.app.offered {
		want := "failed"
		decision, ok := n.peer.app.decided[id]
		if !ok {
			return fmt.Errorf("%s: htlc %d (ref %d) was never decided", n.Name, id, ref)
		}
		if decision.Kind == channel.Fulfill {
			want = "fulfilled"
		}
		if got := n.app.results[id]; got != want {
			return fmt.Errorf("%s: htlc %d ended as %q, want %q", n.Name, id, got, want)
		}
		if !n.peer.app.resolved[id] {
			return fmt.Errorf("%s: htlc %d is not resolved", n.peer.Name, id)
		}
	}
	return nil
}

// agree compares both commitment transactions as each side has them.
func (w *world) agree() error {
	for _, n := range w.both() {
		local, err := n.Channel.LocalCommitment()
		if err != nil {
			return err
		}
		remote, err := n.peer.Channel.RemoteCommitment()
		if err != nil {
			return err
		}
		if !bytes.Equal(serialize(local), serialize(remote)) {
			return fmt.Errorf("%s's commitment is not the same for both", n.Name)
		}
	}
	a, b := w.alice.Channel.LocalContent(), w.bob.Channel.LocalContent()
	if a.ToLocal != b.ToRemote || a.ToRemote != b.ToLocal {
		return fmt.Errorf("balances %s/%s and %s/%s", a.ToLocal, a.ToRemote, b.ToLocal, b.ToRemote)
	}
	return w.paid(a.ToLocal)
}

// paid checks alice's balance against what was fulfilled: no msat is created or lost.
func (w *world) paid(now amount.Msat) error {
	want := int64(w.alice.start)
	for _, n := range w.both() {
		for id, result := range n.app.decided {
			if result.Kind != channel.Fulfill {
				continue
			}
			if n == w.alice {
				want += int64(n.app.amounts[id])
			} else {
				want -= int64(n.app.amounts[id])
			}
		}
	}
	if want != int64(now) {
		return fmt.Errorf("alice has %s, want %dmsat", now, want)
	}
	return nil
}

func serialize(c *tx.Commitment) []byte {
	var b bytes.Buffer
	if err := c.Tx.Serialize(&b); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.Bytes()
}
