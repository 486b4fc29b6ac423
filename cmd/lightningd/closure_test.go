package main

import (
	"bytes"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/store"
	"fulmen/tests/hostile"
)

// TestOnchaindIsToldAgain: the next onchaind hears what the one before heard, whether that died, or the node, and
// also what came while it was starting.
func TestOnchaindIsToldAgain(t *testing.T) {
	w, _ := surroundChain(t)
	close := testCommitment(1)
	spend := testSpend(0, []btcwire.OutPoint{{Hash: close.TxHash()}}, 90_000)
	w.mine(testHeight+1, close)
	p := w.next()
	if init := hears[onchaindmsg.Init](w, p); init.SpendHeight != testHeight+1 {
		t.Errorf("closed in block %d", init.SpendHeight)
	}
	w.mine(testHeight+2, spend) // before it has started
	w.send(p, &onchaindmsg.Started{Kind: onchaindmsg.TheirUnilateral})
	toldOf := func(p *puppet) {
		t.Helper()
		s := hears[onchaindmsg.OutputSpent](w, p)
		if !bytes.Equal(s.Tx, mustEncode(spend)) || s.Height != testHeight+2 || s.TxIndex != 0 {
			t.Errorf("told %+v", s)
		}
		if h := hears[onchaindmsg.NewHeight](w, p); h.Height != w.n.blockHeight {
			t.Errorf("told of block %d", h.Height)
		}
	}
	toldOf(p)
	p.conn.Close() // it dies
	toldOf(w.began(close))
	w = w.restart()
	defer w.end()
	toldOf(w.began(close))
	if row := w.row(); row.State != store.OnChain || row.CloseHeight != testHeight+1 {
		t.Errorf("%s, closed in block %d", row.State, row.CloseHeight)
	}
}

// TestPreimageBetweenBlocks: what a preimage lets us claim is sent at once, whenever it comes.
func TestPreimageBetweenBlocks(t *testing.T) {
	w, _ := surroundChain(t)
	defer w.end()
	w.connect()
	w.offerMallorys()
	close := testCommitment(1)
	w.mine(testHeight+1, close)
	w.mallory.conn.Close()
	p := w.began(close)
	hears[onchaindmsg.NewHeight](w, p)
	w.send(p, &onchaindmsg.Processed{Height: testHeight + 1})
	w.handled(p)
	preimage := partPreimage(1)
	w.n.loop.call(func() { w.n.channels[malloryChannel].settle(channeldmsg.SettleHTLC{ID: 1, Preimage: &preimage}) })
	if told := hears[onchaindmsg.Preimages](w, p); len(told.Preimages) != 1 || told.Preimages[0].Preimage != preimage {
		t.Errorf("told %+v", told)
	}
	w.send(p, testClaim(close, 0))
	if h := hears[onchaindmsg.NewHeight](w, p); h.Height != testHeight+1 {
		t.Errorf("told of block %d", h.Height)
	}
	w.send(p, &onchaindmsg.Processed{Height: testHeight + 1})
	hostile.Within(t, "decide about the claim", func() {
		for decided := ""; decided == ""; {
			w.n.loop.call(func() { decided = w.n.channels[malloryChannel].lastDecision })
		}
	})
	w.alive()
}

// TestCommitmentIsTriedAgain: what keeps our commitment from being signed, or from being described to txwatch, is
// overcome with a later block.
func TestCommitmentIsTriedAgain(t *testing.T) {
	w, backend := surroundChain(t)
	defer w.end()
	idle := func(c *channel) {
		t.Helper()
		hostile.Within(t, "end a try", func() {
			for busy := true; busy; {
				w.n.loop.call(func() { busy = c.pushing })
			}
		})
	}
	var c *channel
	var setup []byte
	w.n.loop.call(func() {
		c = w.n.channels[malloryChannel]
		setup, c.row.Setup = c.row.Setup, []byte{1}
		c.failChannel(causeUser, "asked to")
	})
	idle(c)
	w.mine(testHeight + 1)
	idle(c)
	if row := w.row(); row.CloseTx != nil {
		t.Fatalf("it is signed: %x", row.CloseTx)
	}
	w.n.loop.call(func() { c.row.Setup = setup })
	w.mine(testHeight + 2)
	idle(c)
	var raw []byte
	w.n.loop.call(func() {
		raw = c.row.CloseTx
		c.row.CloseTx, c.pushed = mustEncode(testCommitment(9)), false // which is not what the channel's state says
	})
	w.mine(testHeight + 3)
	idle(c)
	isPushed := func() (pushed bool) {
		w.n.loop.call(func() { pushed = c.pushed })
		return pushed
	}
	if isPushed() {
		t.Error("another transaction than our commitment is pushed")
	}
	w.n.loop.call(func() { c.row.CloseTx = raw })
	w.mine(testHeight + 4)
	idle(c)
	if !isPushed() {
		t.Error("it is not pushed with the next block")
	}
	ours, err := decodeTx(raw)
	if err != nil {
		t.Fatal(err)
	}
	hostile.Within(t, "send it", func() {
		for !backend.has(ours.TxHash()) {
			w.alive()
		}
	})
}
