package opening

import (
	"errors"
	"testing"

	"fulmen/internal/wire"
	"fulmen/internal/wire/wiretest"
)

var stages = []wire.MessageType{wire.MsgOpenChannel, wire.MsgAcceptChannel, wire.MsgFundingCreated, wire.MsgFundingSigned}

// runTo plays a good opening until a message is due, of machines that
// begin has made; it returns who gets it, and the message.
func (p *pair) runTo(message wire.MessageType) (*node, wire.Message) {
	p.t.Helper()
	p.step(p.alice, Start{})
	for from, to := p.alice, p.bob; ; from, to = to, from {
		if from.sent.Type() == message {
			return to, from.sent
		}
		p.step(to, PeerSent{from.sent})
		p.answer(to)
	}
}

// answer gives a node the funding or the signature that it waits for.
func (p *pair) answer(n *node) {
	if n.machine.waiting == forFunding {
		p.step(n, FundingChosen{Txid: [32]byte{31: 0xf0}, OutputIndex: 1})
	}
	if n.machine.waiting == forSignature {
		p.step(n, Signed{p.sign(n)})
	}
}

// FuzzPeer gives one side, at any stage, a message of the fuzzer's and then the right one. The
// machine does not panic, blames the peer and not us, and a fault is the end.
func FuzzPeer(f *testing.F) {
	for i, stage := range stages {
		p := newPair(f)
		p.begin()
		_, good := p.runTo(stage)
		f.Add(byte(i), wire.Encode(good))
		f.Add(byte(i), wire.Encode(&wire.Shutdown{}))
		for _, raw := range wiretest.Captured(f, func(t wire.MessageType) bool { return t == good.Type() }) {
			f.Add(byte(i), raw)
		}
	}
	f.Fuzz(func(t *testing.T, stage byte, raw []byte) {
		msg, err := wire.Decode(raw)
		if err != nil {
			return
		}
		p := newPair(t)
		p.begin()
		n, good := p.runTo(stages[int(stage)%len(stages)])
		actions, err := n.machine.Step(PeerSent{msg})
		if fault := new(Fault); err != nil && !errors.As(err, &fault) {
			t.Fatalf("the peer's %s made an error of ours: %v", msg.Type(), err)
		}
		if err == nil {
			return
		}
		if len(actions) > 0 {
			t.Fatalf("%d actions with a fault", len(actions))
		}
		if _, err := n.machine.Step(PeerSent{good}); err == nil {
			t.Fatal("the opening goes on after a fault")
		}
	})
}
