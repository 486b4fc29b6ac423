package main

import (
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/store"
	"fulmen/internal/tx"
	"fulmen/internal/txwatch"
	"fulmen/tests/hostile"
)

// closed has a block with the close of mallory's channel, and returns its onchaind's puppet.
func (w *surroundings) closed() *puppet {
	w.t.Helper()
	raw := testClose(malloryChannel, 1, 2)
	end, err := decodeTx(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	w.n.loop.call(func() { w.n.channels[malloryChannel].spent(testHeight, end) })
	p := w.next()
	if p.name != "onchaind" {
		w.t.Fatalf("%s was started", p.name)
	}
	return p
}

// closeOutput is an output of a channel's close.
func closeOutput(channel uint64, index uint32) onchaindmsg.Outpoint {
	end, err := decodeTx(testClose(channel, 1, 2))
	if err != nil {
		panic(err)
	}
	return onchaindmsg.Outpoint{Txid: end.TxHash(), Index: index}
}

// goodClaim is one that is taken.
func goodClaim() *onchaindmsg.Claim {
	return &onchaindmsg.Claim{
		Outpoint: closeOutput(malloryChannel, 0), Amount: 1000, PkScript: []byte{0, 20, 1, 19: 0, 21: 0}, Kind: tx.ClaimToRemote, WitnessWeight: 110,
	}
}

// goodMovement is one that is taken.
func goodMovement() *onchaindmsg.Movement {
	return &onchaindmsg.Movement{
		Account: onchaindmsg.AccountChannel, Tag: "delayed_to_us", Outpoint: closeOutput(malloryChannel, 0), Output: 1000, Credit: 1_000_000, Height: testHeight,
	}
}

func changed[M any](m *M, change func(*M)) *M {
	change(m)
	return m
}

// TestOnchaindThatLies: each of these would have harmed another channel, the wallet or the node. It ends
// the process that said it, and nothing of it is done.
func TestOnchaindThatLies(t *testing.T) {
	type claim = onchaindmsg.Claim
	type movement = onchaindmsg.Movement
	bobs := []onchaindmsg.Outpoint{{Txid: testRow(bobChannel, false).FundingTxid}}
	for name, m := range map[string]ipc.Message{
		"watches another's output":             &onchaindmsg.Watch{Outpoints: bobs},
		"watches an output that there is not":  &onchaindmsg.Watch{Outpoints: []onchaindmsg.Outpoint{closeOutput(malloryChannel, 2)}},
		"watches another's no more":            &onchaindmsg.Unwatch{Outpoints: bobs},
		"unclaims another's output":            &onchaindmsg.Unclaim{Outpoints: bobs},
		"claims another's output":              changed(goodClaim(), func(c *claim) { c.Outpoint = bobs[0] }),
		"claims more than there is":            changed(goodClaim(), func(c *claim) { c.Amount = 1001 }),
		"claims with another script":           changed(goodClaim(), func(c *claim) { c.PkScript = []byte{0x51} }),
		"claims for a larger output":           changed(goodClaim(), func(c *claim) { c.Fixed = &onchaindmsg.FixedOutput{Amount: 1001, PkScript: make([]byte, htlcScript)} }),
		"claims for an output of another kind": changed(goodClaim(), func(c *claim) { c.Fixed = &onchaindmsg.FixedOutput{Amount: 1000, PkScript: make([]byte, 22)} }),
		"claims without an output":             changed(goodClaim(), func(c *claim) { c.Final = true }),
		"claims with a heavy witness":          changed(goodClaim(), func(c *claim) { c.WitnessWeight = 1 << 31 }),
		"claims in kind 0":                     changed(goodClaim(), func(c *claim) { c.Kind = 200 }),
		"claims at a time":                     changed(goodClaim(), func(c *claim) { c.LockTime = maxHeight }),
		"claims until the end of time":         changed(goodClaim(), func(c *claim) { c.Deadline = ^block.Height(0) }),
		"moves another's output":               changed(goodMovement(), func(m *movement) { m.Outpoint = bobs[0] }),
		"moves more than the channel has":      changed(goodMovement(), func(m *movement) { m.Credit = 1e9 + 1 }),
		"moves what the database cannot store": changed(goodMovement(), func(m *movement) { m.Debit = 1 << 63 }),
		"moves with a name of its own":         changed(goodMovement(), func(m *movement) { m.Tag = "invoice" }),
		"moves to a third account":             changed(goodMovement(), func(m *movement) { m.Account = 3 }),
		"moves by another's transaction":       changed(goodMovement(), func(m *movement) { m.Spent = true }),
		"moves in a block to come":             changed(goodMovement(), func(m *movement) { m.Height = testHeight + 1 }),
		"is done at once":                      &onchaindmsg.Resolved{Height: testHeight},
		"closes in a way that there is not":    &onchaindmsg.Started{Kind: 7},
		"has a preimage that pays nothing":     &onchaindmsg.Learned{HTLCs: []onchaindmsg.LearnedHTLC{{HTLCID: 4}}},
		"asks for HTLCs from 2^63 on":          &onchaindmsg.NeedHTLCs{FromID: 1 << 63},
		"is another daemon":                    &connectdmsg.PeerConnected{ID: bobID},
	} {
		t.Run(name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			w.stored(w.mallory, &channeldmsg.Store{
				Seq: 1, Data: ownSnapshot, Snapshot: true, Offered: []channeldmsg.OfferedHTLC{{Ref: 2, ID: 4}}, Status: testStatus,
			})
			p := w.closed()
			w.send(p, &onchaindmsg.Started{Kind: onchaindmsg.TheirUnilateral})
			w.send(p, m)
			hostile.Within(t, "end the process", func() {
				for p.conn.Send(&onchaindmsg.Processed{}) == nil {
					w.n.loop.call(func() {})
				}
			})
			w.alive()
			w.n.loop.call(func() {
				c := w.n.channels[malloryChannel]
				if c == nil || c.row.State != store.OnChain && c.row.State != store.FundingSpendSeen {
					t.Error("the channel is forgotten, or is not closed")
				}
				if len(w.n.byOutput) != 2 {
					t.Errorf("%d outputs are watched, the close has 2", len(w.n.byOutput))
				}
			})
			if moves, err := w.n.db.ChainMoves(store.Page{}); err != nil || len(moves) != 0 {
				t.Errorf("movements: %+v, %v", moves, err)
			}
			w.unharmed()
		})
	}
}

// TestOnchaindIsHeard: what TestOnchaindThatLies changes is taken unchanged.
func TestOnchaindIsHeard(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	p := w.closed()
	for _, m := range []ipc.Message{
		&onchaindmsg.Started{Kind: onchaindmsg.TheirUnilateral}, goodMovement(),
		&onchaindmsg.Unwatch{Outpoints: []onchaindmsg.Outpoint{closeOutput(malloryChannel, 1)}},
		goodClaim(), &onchaindmsg.Processed{Height: testHeight}, &onchaindmsg.Status{Text: "heard"},
	} {
		w.send(p, m)
	}
	hostile.Within(t, "hear the status", func() {
		for heard := false; !heard; {
			w.n.loop.call(func() { heard = w.n.channels[malloryChannel].row.Billboard == "heard" })
		}
	})
	w.alive()
	if moves, err := w.n.db.ChainMoves(store.Page{}); err != nil || len(moves) != 1 || moves[0].Credit != amount.Msat(1_000_000) {
		t.Errorf("movements: %+v, %v", moves, err)
	}
	w.n.loop.call(func() {
		if len(w.n.byOutput) != 1 {
			t.Errorf("%d outputs are watched", len(w.n.byOutput))
		}
	})
	w.unharmed()
}

// TestSameTransactionAfterAReorganisation: a transaction that a block took back and the next one has again is
// followed as before.
func TestSameTransactionAfterAReorganisation(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	w.closed()
	spend := btcwire.NewMsgTx(2)
	o := outpointOf(closeOutput(malloryChannel, 0))
	spend.AddTxIn(btcwire.NewTxIn(&o, nil, nil))
	spend.AddTxOut(btcwire.NewTxOut(900, []byte{0x51}))
	w.n.loop.call(func() {
		e := w.n.channels[malloryChannel].end
		again := &btcwire.MsgBlock{Transactions: []*btcwire.MsgTx{spend}}
		w.n.followClosures(testHeight+1, again)
		e.takeBack(testHeight + 1)
		w.n.followClosures(testHeight+1, again)
		if len(e.txs) != 1 {
			t.Errorf("%d transactions are known, want that one", len(e.txs))
		}
		w.n.stepTxs(txwatch.Forget{Channel: malloryChannel})
	})
	w.alive()
}

// FuzzHostileOnchaind plays the onchaind of mallory's channel: whatever it says, the node and bob's channel
// go on.
func FuzzHostileOnchaind(f *testing.F) {
	fuzz(f, hostile.FromOnchaind, func(w *surroundings, in []byte) {
		w.connect()
		p := w.closed()
		words := w.vocabulary()
		words.Values(closeOutput(malloryChannel, 0), closeOutput(malloryChannel, 1), *goodClaim(), *goodMovement())
		words.Texts([]byte("to_wallet"), goodClaim().PkScript)
		s := hostile.NewSource(in, words)
		w.utter(p, s, hostile.FromOnchaind)
		w.settled(p)
		w.unharmed()
	})
}
