package main

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/store"
	"fulmen/internal/tx"
	"fulmen/tests/hostile"
)

// notingBackend notes what is sent, and whether it was on disk before.
type notingBackend struct {
	deafBackend
	mu   sync.Mutex
	sent []chainhash.Hash
	seen func(*btcwire.MsgTx) // nil: nobody looks
}

func (b *notingBackend) SendTx(_ context.Context, tx *btcwire.MsgTx, _ bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, tx.TxHash())
	if b.seen != nil {
		b.seen(tx)
	}
	return nil
}

func (b *notingBackend) has(txid chainhash.Hash) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.sent, txid)
}

// surroundChain is surround with a backend that notes.
func surroundChain(t *testing.T) (*surroundings, *notingBackend) {
	t.Helper()
	w := surround(t)
	dir := w.dir
	w.end()
	b := new(notingBackend)
	return surroundIn(t, dir, b), b
}

// restart ends the node as a crash would, and starts another on what is on disk.
func (w *surroundings) restart() *surroundings {
	w.t.Helper()
	w.end()
	next := surroundIn(w.t, w.dir, w.backend)
	next.n.loop.call(next.n.takeUp)
	return next
}

func testBlock(h block.Height, txs ...*btcwire.MsgTx) chain.BlockConnected {
	return chain.BlockConnected{BlockID: chain.BlockID{Height: h, Hash: chainhash.Hash{byte(h), byte(len(txs))}}, Block: &btcwire.MsgBlock{Transactions: txs}}
}

// mine has the node take a block as the whole chain.
func (w *surroundings) mine(h block.Height, txs ...*btcwire.MsgTx) {
	w.t.Helper()
	r := chainReceiver{w.n}
	if err := r.BlockConnected(w.n.ctx, testBlock(h, txs...)); err != nil {
		w.t.Fatal(err)
	}
	w.caughtUp(h)
}

func (w *surroundings) caughtUp(h block.Height) {
	w.n.loop.call(func() { w.n.caughtUp(h) })
}

// unmine takes a block back.
func (w *surroundings) unmine(h block.Height, txs ...*btcwire.MsgTx) {
	w.t.Helper()
	if err := (chainReceiver{w.n}).BlockDisconnected(w.n.ctx, chain.BlockDisconnected{BlockID: testBlock(h, txs...).BlockID}); err != nil {
		w.t.Fatal(err)
	}
}

// testSpend is a transaction that spends outputs, with one output for each amount.
func testSpend(lockTime uint32, in []btcwire.OutPoint, outs ...int64) *btcwire.MsgTx {
	t := btcwire.NewMsgTx(2)
	t.LockTime = lockTime
	for i := range in {
		t.AddTxIn(btcwire.NewTxIn(&in[i], nil, nil))
	}
	for _, value := range outs {
		t.AddTxOut(btcwire.NewTxOut(value, append([]byte{0, 32}, bytes.Repeat([]byte{byte(value)}, 32)...)))
	}
	return t
}

func malloryFunding() btcwire.OutPoint {
	return btcwire.OutPoint{Hash: chainhash.Hash(testRow(malloryChannel, false).FundingTxid)}
}

// testCommitment looks like a commitment of mallory's channel, a different one for each number.
func testCommitment(number uint32) *btcwire.MsgTx {
	return testSpend(0x20<<24|number, []btcwire.OutPoint{malloryFunding()}, 100_000, 50_000)
}

func outputOf(t *btcwire.MsgTx, i uint32) onchaindmsg.Outpoint {
	return onchaindmsg.Outpoint{Txid: t.TxHash(), Index: i}
}

// hears returns the next message of a kind that an onchaind or a gossipd is told.
func hears[M any, P interface {
	*M
	ipc.Message
}](w *surroundings, p *puppet) P {
	w.t.Helper()
	m := P(new(M))
	hostile.Within(w.t, "hear a message of a puppet's", func() {
		for f := range p.words {
			if f.Type != m.IPCType() {
				continue
			}
			if err := f.Decode(m); err != nil {
				w.t.Error(err)
			}
			return
		}
	})
	return m
}

// handled returns when the node has handled what p said.
func (w *surroundings) handled(p *puppet) {
	w.t.Helper()
	w.send(p, &onchaindmsg.Status{Text: "handled"})
	hostile.Within(w.t, "handle the onchaind's messages", func() {
		for text := ""; text != "handled"; {
			w.n.loop.call(func() { text = w.mallorys().Billboard })
		}
	})
	w.n.loop.call(func() { w.n.channels[malloryChannel].row.Billboard = "" })
}

func (w *surroundings) mallorys() store.Channel { return *w.n.channels[malloryChannel].row }

// row is mallory's, and that of the database has to be the same.
func (w *surroundings) row() store.Channel {
	w.t.Helper()
	w.alive()
	var row store.Channel
	w.n.loop.call(func() { row = w.mallorys() })
	w.alive()
	stored, err := w.n.db.OpenChannels()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range stored {
		if s.ID == row.ID && (s.State != row.State || s.CloseHeight != row.CloseHeight || !bytes.Equal(s.CloseTx, row.CloseTx) || s.LostState != row.LostState) {
			w.t.Errorf("on disk %s %d %x, in memory %s %d %x", s.State, s.CloseHeight, s.CloseTx, row.State, row.CloseHeight, row.CloseTx)
		}
	}
	return row
}

// began is an onchaind that has said what it begins with, and has been told of the chain.
func (w *surroundings) began(close *btcwire.MsgTx) *puppet {
	w.t.Helper()
	p := w.next()
	if init := hears[onchaindmsg.Init](w, p); init.ChannelDBID != malloryChannel || !bytes.Equal(init.SpendTx, mustEncode(close)) {
		w.t.Fatalf("%s is told of channel %d and %x", p.name, init.ChannelDBID, init.SpendTx)
	}
	w.send(p, &onchaindmsg.Started{Kind: onchaindmsg.TheirUnilateral, Text: "closed"})
	w.send(p, &onchaindmsg.Watch{Outpoints: []onchaindmsg.Outpoint{outputOf(close, 0), outputOf(close, 1)}})
	return p
}

func mustEncode(t *btcwire.MsgTx) []byte {
	raw, err := encodeTx(t)
	if err != nil {
		panic(err)
	}
	return raw
}

func testClaim(t *btcwire.MsgTx, i uint32) *onchaindmsg.Claim {
	return &onchaindmsg.Claim{
		Outpoint: outputOf(t, i), Amount: amount.Sat(t.TxOut[i].Value), PkScript: t.TxOut[i].PkScript, Kind: tx.ClaimToRemote,
		Sequence: 1, After: 1, WitnessWeight: 110,
	}
}

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
