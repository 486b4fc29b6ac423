package closing

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/wire"
	"fulmen/internal/wire/wiretest"
)

// receive gives a node a message and plays hsmd. What the peer sends must not make an error of
// ours; it returns the transactions that closed.
func (p *pair) receive(n *node, msg wire.Message) []Closed {
	p.t.Helper()
	var closed []Closed
	for ev := Event(PeerSent{msg}); ev != nil; {
		actions, err := n.machine.Step(ev)
		if fault := new(Fault); err != nil && !errors.As(err, &fault) {
			p.t.Fatalf("the peer's %s made an error of ours: %v", msg.Type(), err)
		}
		ev = nil
		for _, a := range actions {
			switch a := a.(type) {
			case Closed:
				p.closed(a)
				closed = append(closed, a)
			case AskSigner:
				n.asked = a.Txs
				ev = Signed{p.sign(n)}
			}
		}
	}
	return closed
}

// FuzzPeer gives either kind of machine, as opener or accepter, any message.
func FuzzPeer(f *testing.F) {
	for _, simple := range []bool{false, true} {
		p := newPair(f)
		p.begin(simple)
		f.Add(simple, true, wire.Encode(p.closingSigned(p.bob, []string{"700"})))
		f.Add(simple, false, wire.Encode(p.closingSigned(p.alice, []string{"700", "min=1", "max=800"})))
		f.Add(simple, false, wire.Encode(p.closingComplete(p.alice, []string{"700", "closer_and_closee_outputs"})))
		f.Add(simple, true, wire.Encode(&wire.ClosingSig{}))
		for _, raw := range wiretest.Captured(f, wire.IsChannelMessage) {
			f.Add(simple, true, raw)
			f.Add(simple, false, raw)
		}
	}
	f.Fuzz(func(t *testing.T, simple, toAlice bool, raw []byte) {
		msg, err := wire.Decode(raw)
		if err != nil {
			return
		}
		p := newPair(t)
		p.begin(simple)
		n := p.bob
		if toAlice {
			n = p.alice
			p.step(n, Start{})
			p.step(n, Signed{p.sign(n)})
		}
		p.receive(n, msg)
	})
}

// FuzzFees gives both kinds of machine well-signed proposals with any fees. We never pay more than
// our limit, nor anything at all where the peer has to pay.
func FuzzFees(f *testing.F) {
	f.Add(uint64(700), uint64(100), uint64(5000), uint64(700_000_000), false)
	f.Add(uint64(6000), uint64(6000), uint64(9000), uint64(999_999_999), true)
	f.Add(uint64(0), uint64(0), uint64(0), uint64(0), true)
	f.Add(uint64(9), uint64(1)<<63, uint64(1)<<63+1, uint64(1_000_000), false)
	f.Fuzz(func(t *testing.T, fee, low, high, toAlice uint64, simple bool) {
		p := newPair(t)
		alice := amount.Msat(toAlice % 1_000_000_001)
		p.balance(alice, 1_000_000_000-alice)
		p.begin(simple)
		if simple {
			fee %= uint64(p.bob.config.ToLocal.Sat()) + 1
			both := p.closingComplete(p.bob, []string{strconv.FormatUint(fee, 10), "closer_and_closee_outputs"})
			for _, c := range p.receive(p.alice, both) {
				p.checkPaid(c, p.alice, 0)
			}
			return
		}
		fee %= uint64(alice.Sat()) + 1
		if alice.Sat()-amount.Sat(fee) < 354 && p.bob.config.ToLocal.Sat() < 354 {
			return // there is nothing to sign
		}
		args := []string{strconv.FormatUint(fee, 10), fmt.Sprintf("min=%d", low), fmt.Sprintf("max=%d", high)}
		for _, c := range p.receive(p.bob, p.closingSigned(p.alice, args)) {
			p.checkPaid(c, p.bob, 0)
		}
		p.step(p.alice, Start{})
		p.step(p.alice, Signed{p.sign(p.alice)})
		limit := (&legacy{config: p.alice.config}).feeRange(nil).MaxFeeSatoshis
		for _, c := range p.receive(p.alice, p.closingSigned(p.bob, args)) {
			p.checkPaid(c, p.alice, limit)
		}
	})
}

// checkPaid holds what a node gets against its balance; below its dust limit it gets nothing.
func (p *pair) checkPaid(c Closed, n *node, maxFee amount.Sat) {
	p.t.Helper()
	least := n.config.ToLocal.Sat() - min(maxFee, n.config.ToLocal.Sat())
	if least < n.config.LocalDustLimit {
		return
	}
	for _, out := range c.Tx.TxOut {
		if string(out.PkScript) == string(n.config.LocalScript) {
			if amount.Sat(out.Value) < least {
				p.t.Fatalf("output of %d, balance %s, fee at most %s", out.Value, n.config.ToLocal, maxFee)
			}
			return
		}
	}
	p.t.Fatalf("no output for a balance of %s", n.config.ToLocal)
}
