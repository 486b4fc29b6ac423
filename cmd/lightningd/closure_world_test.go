package main

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/ipc"
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
func hears[M any, P ipc.Of[M]](w *surroundings, p *puppet) P {
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

// row is mallory's, and that of the database has to be the same, unless it changes at this moment.
func (w *surroundings) row() store.Channel {
	w.t.Helper()
	w.alive()
	for {
		row := w.storedRow()
		stored, err := w.n.db.OpenChannels()
		if err != nil {
			w.t.Fatal(err)
		}
		if !reflect.DeepEqual(row, w.storedRow()) {
			continue
		}
		for _, s := range stored {
			if s.ID == row.ID && (s.State != row.State || s.CloseHeight != row.CloseHeight || !bytes.Equal(s.CloseTx, row.CloseTx) || s.LostState != row.LostState) {
				w.t.Errorf("on disk %s %d %x, in memory %s %d %x", s.State, s.CloseHeight, s.CloseTx, row.State, row.CloseHeight, row.CloseTx)
			}
		}
		return row
	}
}

// storedRow is mallory's row in memory, once all that was said before is stored.
func (w *surroundings) storedRow() (row store.Channel) {
	w.t.Helper()
	w.n.loop.call(func() { row = w.mallorys() })
	w.alive()
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
