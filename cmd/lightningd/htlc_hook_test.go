package main

import (
	"testing"

	"fulmen/internal/command"
	"fulmen/internal/ipc/channeldmsg"
)

// TestResolvedOnce: an HTLC that a plugin resolves is told of again by each new process of its channel, and is settled
// again then, but received once.
func TestResolvedOnce(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	h := &incoming(0, 5).HTLCs[0]
	key := command.Hex(testPreimage[:])
	again := func() {
		w.n.loop.call(func() {
			c := w.n.channels[malloryChannel]
			c.receive(h)
		})
		w.stored(w.mallory, &channeldmsg.Store{Status: testStatus}) // and all before it
	}
	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		held := &heldHTLC{h: h, cancel: func() {}}
		c.held[h.ID] = held
		c.judged(held, &htlcVerdict{Result: "resolve", PaymentKey: &key})
		c.receive(h) // before it is on disk
		if len(c.settles) != 0 {
			t.Errorf("the preimage leaves before it is on disk: %+v", c.settles)
		}
	})
	again()
	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		if now := c.settledBy(func() { c.receive(h) }); len(now) != 1 || now[0].Preimage == nil || *now[0].Preimage != testPreimage {
			t.Errorf("it is settled again so: %+v", now)
		}
	})
	again()
	w.n.loop.call(func() {
		if in := w.n.channels[malloryChannel].tally.InFulfilled; in.N != 1 || in.Sum != h.AmountMsat {
			t.Errorf("received: %+v", in)
		}
	})
}

// settledBy is what do settles; what was settled before may still wait for the end of the loop's turn.
func (c *channel) settledBy(do func()) []channeldmsg.SettleHTLC {
	before := len(c.settles)
	do()
	return c.settles[before:]
}
