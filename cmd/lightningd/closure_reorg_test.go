package main

import (
	"bytes"
	"slices"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/store"
	"fulmen/tests/hostile"
)

// TestCloseIsUndone: when the block of a close is taken back, it and what this node had decided on are sent
// again, and another close in its place is followed as any.
func TestCloseIsUndone(t *testing.T) {
	mined, ours, mutual := testCommitment(1), testCommitment(2), testSpend(0, []btcwire.OutPoint{malloryFunding()}, 150_000)
	for _, tt := range []struct {
		name  string
		own   *btcwire.MsgTx
		lost  bool
		state store.ChannelState
		again []*btcwire.MsgTx
		never *btcwire.MsgTx
	}{
		{"nothing decided", nil, false, store.FundingSpendSeen, []*btcwire.MsgTx{mined}, ours},
		{"a mutual close", mutual, false, store.ClosingComplete, []*btcwire.MsgTx{mined, mutual}, ours},
		{"our commitment", ours, false, store.AwaitingUnilateral, []*btcwire.MsgTx{mined}, mutual}, // and ours, by txwatch
		{"our state is lost", ours, true, store.FundingSpendSeen, []*btcwire.MsgTx{mined}, ours},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, backend := surroundChain(t)
			w.n.loop.call(func() {
				row := w.n.channels[malloryChannel].row
				if tt.own != nil {
					row.CloseTx, row.OwnClose = mustEncode(tt.own), mustEncode(tt.own)
				}
				row.LostState = tt.lost
			})
			w.mine(testHeight+1, mined)
			w.began(mined)
			w.unmine(testHeight+1, mined)
			check := func() {
				t.Helper()
				row := w.row()
				if row.State != tt.state || row.CloseHeight != 0 {
					t.Errorf("%s, closed in block %d", row.State, row.CloseHeight)
				}
				want := mined
				if tt.state != store.FundingSpendSeen {
					want = tt.own
				}
				if !bytes.Equal(row.CloseTx, mustEncode(want)) {
					t.Errorf("it waits for %x", row.CloseTx)
				}
			}
			check()
			hostile.Within(t, "send them again", func() {
				for _, tx := range tt.again {
					for !backend.has(tx.TxHash()) {
						w.n.loop.call(func() {})
					}
				}
			})
			w = w.restart()
			defer w.end()
			check()
			other := testCommitment(3)
			w.mine(testHeight+1, other)
			w.began(other)
			hostile.Within(t, "follow the other close", func() {
				for state := store.ChannelState(""); state != store.OnChain; {
					w.n.loop.call(func() { state = w.mallorys().State })
				}
			})
			if backend.has(tt.never.TxHash()) {
				t.Error("what was not decided on was sent")
			}
		})
	}
}

// TestLostCloseIsReplacedInTime: the peer's close is in a block that is taken back, and is not mined again. Our own
// commitment is sent when an HTLC cannot wait any longer, or when the operator says so, and not before; never if the
// lost close showed that our state is old.
func TestLostCloseIsReplacedInTime(t *testing.T) {
	const deadline = testHeight + 5
	for _, tt := range []struct {
		name     string
		kind     onchaindmsg.CloseKind
		deadline block.Height
		asked    bool
		want     store.ChannelState
	}{
		{"an HTLC", onchaindmsg.TheirUnilateral, deadline, false, store.AwaitingUnilateral},
		{"nothing at stake", onchaindmsg.TheirUnilateral, 0, false, store.FundingSpendSeen},
		{"the operator asks", onchaindmsg.TheirUnilateral, 0, true, store.AwaitingUnilateral},
		{"our state is old", onchaindmsg.TheirUnknown, deadline, true, store.FundingSpendSeen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, backend := surroundChain(t)
			defer w.end()
			theirs := testCommitment(1)
			w.mine(testHeight+1, theirs)
			p := w.next()
			w.send(p, &onchaindmsg.Started{Kind: tt.kind, Text: "closed"})
			w.handled(p)
			w.unmine(testHeight+1, theirs)
			w.n.loop.call(func() {
				w.n.channels[malloryChannel].status = channeldmsg.Status{State: channeldmsg.Normal, Deadline: tt.deadline}
			})
			for h := block.Height(testHeight + 1); h < deadline; h++ {
				w.mine(h)
				if state := w.row().State; state != store.FundingSpendSeen {
					t.Fatalf("block %d: %s", h, state)
				}
			}
			if tt.asked {
				go w.n.closeChannel(w.n.ctx, w.n.channels[malloryChannel], new(closing), 0, func(string) {})
				w.alive()
			}
			hostile.Within(t, "decide", func() {
				for h, state := block.Height(deadline), store.ChannelState(""); state != tt.want || h < deadline+2; h++ {
					w.mine(h)
					state = w.row().State
				}
			})
			if tt.want == store.FundingSpendSeen {
				if row := w.row(); len(row.OwnClose) != 0 || !bytes.Equal(row.CloseTx, mustEncode(theirs)) {
					t.Errorf("our commitment is signed: %x", row.OwnClose)
				}
				return
			}
			var ours *btcwire.MsgTx
			hostile.Within(t, "send our commitment", func() {
				for ours == nil || !backend.has(ours.TxHash()) {
					if row := w.row(); len(row.OwnClose) != 0 {
						ours, _ = decodeTx(row.OwnClose)
					}
				}
			})
			if !isCommitment(ours) || ours.TxHash() == theirs.TxHash() {
				t.Errorf("sent %s", ours.TxHash())
			}
		})
	}
}

// TestReorganisationStartsAnew: between a block that is taken back and the new chain an onchaind's words do not
// count, but for preimages; then the next one hears the new history.
func TestReorganisationStartsAnew(t *testing.T) {
	w, _ := surroundChain(t)
	defer w.end()
	w.connect()
	close := testCommitment(1)
	spend := testSpend(0, []btcwire.OutPoint{{Hash: close.TxHash()}}, 90_000)
	w.offerMallorys()
	w.mine(testHeight+1, close)
	w.mallory.conn.Close()
	p := w.began(close)
	w.mine(testHeight+2, spend)
	move := &onchaindmsg.Movement{
		Account: onchaindmsg.AccountChannel, Tag: "to_wallet", Outpoint: outputOf(close, 0), Spent: true, SpendingTxid: spend.TxHash(),
		Debit: 100_000_000, Output: 100_000, Height: testHeight + 2,
	}
	w.send(p, move)
	w.handled(p)
	if got := w.moves("to_wallet"); got != 1 {
		t.Errorf("%d movements", got)
	}
	w.unmine(testHeight+2, spend)
	w.send(p, move)
	w.send(p, testClaim(close, 0))
	w.send(p, &onchaindmsg.FailedUpstream{HTLCs: []onchaindmsg.FailedHTLC{{HTLCID: 1}}})
	w.send(p, &onchaindmsg.Learned{HTLCs: []onchaindmsg.LearnedHTLC{{HTLCID: 0, Preimage: partPreimage(1)}}})
	hostile.Within(t, "take the preimage", func() {
		for w.parts() != 2 { // bob's and the other of mallory's
		}
	})
	w.alive()
	if got := w.moves("to_wallet"); got != 0 {
		t.Errorf("%d movements of a block that is no more", got)
	}
	w.mine(testHeight + 2) // as high as before, with nothing in it
	p = w.began(close)
	if h := hears[onchaindmsg.NewHeight](w, p); h.Height != testHeight+2 {
		t.Errorf("told of block %d", h.Height)
	}
	w.send(p, &onchaindmsg.FailedUpstream{HTLCs: []onchaindmsg.FailedHTLC{{HTLCID: 1}}})
	hostile.Within(t, "fail the other part", func() {
		for w.parts() != 1 {
		}
	})
	w.alive()
}

// moves counts those in the chain with a tag.
func (w *surroundings) moves(tag string) int {
	w.t.Helper()
	w.alive()
	list, err := w.n.db.ChainMoves(store.Page{})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(slices.DeleteFunc(list, func(m store.ChainMove) bool { return m.Tag != tag }))
}
