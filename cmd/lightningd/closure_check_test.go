package main

import (
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/store"
	"fulmen/internal/tx"
	"fulmen/tests/hostile"
)

// TestOnchaindThatLiesIsStartedAgain: each of these ends the process that said it, nothing of it is done, and the
// next one is told all again.
func TestOnchaindThatLiesIsStartedAgain(t *testing.T) {
	close := testCommitment(1)
	claim := func(change func(*onchaindmsg.Claim)) ipc.Message {
		m := testClaim(close, 0)
		change(m)
		return m
	}
	move := func(change func(*onchaindmsg.Movement)) ipc.Message {
		m := &onchaindmsg.Movement{
			Account: onchaindmsg.AccountChannel, Tag: "delayed_to_us", Outpoint: outputOf(close, 0), Credit: 1e8, Output: 100_000, Height: testHeight + 1,
		}
		change(m)
		return m
	}
	fixed := &onchaindmsg.FixedOutput{Amount: testClaim(close, 0).Amount + 1, PkScript: make([]byte, 34)}
	for name, lie := range map[string]ipc.Message{
		"it starts twice":      &onchaindmsg.Started{Kind: onchaindmsg.TheirUnilateral},
		"a witness of nothing": claim(func(m *onchaindmsg.Claim) { m.WitnessWeight = 0 }),
		"a sweep to somebody":  claim(func(m *onchaindmsg.Claim) { m.Fixed = &onchaindmsg.FixedOutput{Amount: 1} }),
		"an HTLC that coins of ours pay for": claim(func(m *onchaindmsg.Claim) {
			m.Kind, m.Fixed = tx.ClaimHTLCTimeout, fixed
		}),
		"a movement both ways":                move(func(m *onchaindmsg.Movement) { m.Debit = 1 }),
		"a movement of another amount":        move(func(m *onchaindmsg.Movement) { m.Output++ }),
		"a movement with another tag":         move(func(m *onchaindmsg.Movement) { m.ExtraTags = []string{"gift"} }),
		"a movement before the close":         move(func(m *onchaindmsg.Movement) { m.Height -= 1 }),
		"a movement of the funding elsewhere": move(func(m *onchaindmsg.Movement) { m.Outpoint, m.OutputCount = outpointMsg(malloryFunding()), 1 }),
		"a block that was not told":           &onchaindmsg.Processed{Height: testHeight + 2},
		"resolved in a block to come":         &onchaindmsg.Resolved{Height: testHeight + 200},
		"a novel":                             &onchaindmsg.Status{Text: string(make([]byte, 5000))},
		"a reason of a novel":                 &onchaindmsg.FailedUpstream{HTLCs: []onchaindmsg.FailedHTLC{{HTLCID: 0, Reason: string(make([]byte, 5000))}}},
		"old HTLCs after it has started":      &onchaindmsg.NeedHTLCs{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for the pause before the next process
			w, _ := surroundChain(t)
			defer w.end()
			w.connect()
			w.offerMallorys()
			w.mine(testHeight+1, close)
			w.mallory.conn.Close()
			p := w.began(close)
			w.handled(p)
			w.send(p, lie)
			w.began(close)
			w.alive()
			if w.parts() != 3 {
				t.Errorf("%d parts have no outcome, want 3", w.parts())
			}
			if list, err := w.n.db.ChainMoves(store.Page{}); err != nil || len(list) != 0 {
				t.Errorf("movements %+v, %v", list, err)
			}
			w.n.loop.call(func() {
				if e := w.n.channels[malloryChannel].end; e == nil || w.n.byOutput[outpointOf(outputOf(close, 0))] != e {
					t.Error("the channel's outputs are not watched")
				}
			})
			w.unharmed()
		})
	}
}

// TestCoinsPayForTheCloseAlone: who spends an output of the close can have others beside it, of any value. Coins of
// the wallet pay for none of them.
func TestCoinsPayForTheCloseAlone(t *testing.T) {
	w, _ := surroundChain(t)
	defer w.end()
	close := testCommitment(1)
	follows := testSpend(0, []btcwire.OutPoint{{Hash: close.TxHash()}}, 90_000, 1e9)
	w.mine(testHeight+1, close)
	w.mine(testHeight+2, follows)
	htlc := func(of *btcwire.MsgTx, i uint32) *onchaindmsg.Claim {
		m := testClaim(of, i)
		m.Kind, m.Fixed = tx.ClaimHTLCTimeout, &onchaindmsg.FixedOutput{Amount: m.Amount, PkScript: make([]byte, htlcScript)}
		return m
	}
	w.n.loop.call(func() {
		e := w.n.channels[malloryChannel].end
		if err := e.checkClaim(htlc(close, 0)); err != nil {
			t.Errorf("of our commitment: %v", err)
		}
		if err := e.checkClaim(testClaim(follows, 0)); err != nil {
			t.Errorf("of what follows: %v", err)
		}
		for i := range uint32(2) {
			if err := e.checkClaim(htlc(follows, i)); err == nil {
				t.Errorf("output %d of what follows was taken for one of our commitment", i)
			}
		}
	})
}

// TestOnchaindSpeaksBeforeItIsToldOfTheChain: what follows from the chain cannot be known before.
func TestOnchaindSpeaksBeforeItIsToldOfTheChain(t *testing.T) {
	for name, lie := range map[string]ipc.Message{
		"processed": &onchaindmsg.Processed{Height: testHeight}, "resolved": &onchaindmsg.Resolved{Height: testHeight + 1},
		"a kind of close that is none": &onchaindmsg.Started{Kind: 9}, "a commitment number of 64 bits": &onchaindmsg.Started{Kind: 1, CommitmentNumber: 1 << 48},
		"an HTLC id of 64 bits": &onchaindmsg.NeedHTLCs{FromID: 1<<64 - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for the pause before the next process
			w, _ := surroundChain(t)
			defer w.end()
			w.mine(testHeight+1, testCommitment(1))
			w.send(w.next(), lie)
			w.began(testCommitment(1))
			w.alive()
		})
	}
}

// TestWitnessesAreChecked: what an onchaind signs becomes part of a transaction only within limits.
func TestWitnessesAreChecked(t *testing.T) {
	for name, tt := range map[string]struct {
		list [][][]byte
		fits bool
	}{
		"one": {[][][]byte{{make([]byte, 72), make([]byte, 34)}}, true}, "none": {nil, false}, "two": {make([][][]byte, 2), false},
		"too long": {[][][]byte{{make([]byte, 2000)}}, false}, "too many": {[][][]byte{make([][]byte, 2000)}, false},
	} {
		if err := checkWitnesses(tt.list, 1); (err == nil) != tt.fits {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// offerMallorys has her channel commit to both of her parts.
func (w *surroundings) offerMallorys() {
	w.t.Helper()
	w.stored(w.mallory, &channeldmsg.Store{
		Seq: 1, Data: ownSnapshot, Snapshot: true, Offered: []channeldmsg.OfferedHTLC{{Ref: 2, ID: 0}, {Ref: 3, ID: 1}}, Status: testStatus,
	})
	hostile.Within(w.t, "commit to the parts", func() {
		for committed := 0; committed != 2; {
			w.n.loop.call(func() { committed = len(w.n.channels[malloryChannel].outs) })
		}
	})
}
