package wallet

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// ErrBlockOrder means that a block does not follow, or is not, the last one.
var ErrBlockOrder = errors.New("block out of order")

// Connect applies the block after the last one.
func (w *Wallet) Connect(height block.Height, b *wire.MsgBlock) (*Changes, error) {
	if height != w.tip+1 && w.tip != 0 {
		return nil, fmt.Errorf("connect block %d after %d: %w", height, w.tip, ErrBlockOrder)
	}
	w.tip = height
	changes := newChangeSet()
	waiting := w.waitingFor()
	for i, t := range b.Transactions {
		w.voidRivals(t, waiting, changes)
		if !w.touches(t) {
			continue
		}
		mined := &Tx{Txid: t.TxHash(), Tx: t, Height: height, Index: uint32(i)}
		w.apply(mined, i == 0, changes)
	}
	if err := w.lookAhead(changes); err != nil {
		return nil, err
	}
	w.forgetSettled()
	return changes.done(), nil
}

// waitingFor is the outputs that unconfirmed transactions spend, whosever they are, with who spends each.
func (w *Wallet) waitingFor() map[wire.OutPoint]chainhash.Hash {
	waiting := map[wire.OutPoint]chainhash.Hash{}
	for txid, t := range w.txs {
		if t.Height != 0 {
			continue
		}
		for _, in := range t.Tx.TxIn {
			waiting[in.PreviousOutPoint] = txid
		}
	}
	return waiting
}

// voidRivals forgets the unconfirmed transactions that spend what a mined one spends: a deposit that its sender
// took back, or the close of a channel in whose place another was mined.
func (w *Wallet) voidRivals(mined *wire.MsgTx, waiting map[wire.OutPoint]chainhash.Hash, changes *changeSet) {
	for _, in := range mined.TxIn {
		if txid, ok := waiting[in.PreviousOutPoint]; ok && txid != mined.TxHash() {
			w.void(txid, changes)
		}
	}
}

// touches reports whether a transaction pays us or spends our coins.
func (w *Wallet) touches(t *wire.MsgTx) bool {
	for _, in := range t.TxIn {
		if w.coins[in.PreviousOutPoint] != nil {
			return true
		}
	}
	for _, out := range t.TxOut {
		if w.scripts[string(out.PkScript)] != nil {
			return true
		}
	}
	return false
}

// apply takes a transaction, mined or sent by us, into account. Spending a coin that another
// unconfirmed transaction spends makes that one void.
func (w *Wallet) apply(t *Tx, coinbase bool, changes *changeSet) {
	for _, in := range t.Tx.TxIn {
		c := w.coins[in.PreviousOutPoint]
		if c == nil {
			continue
		}
		if c.SpentBy != t.Txid {
			w.void(c.SpentBy, changes)
		}
		c.SpentBy, c.SpentHeight = t.Txid, t.Height
		changes.coin(c)
	}
	for i, out := range t.Tx.TxOut {
		a := w.scripts[string(out.PkScript)]
		if a == nil {
			continue
		}
		w.markIssued(a, changes)
		o := wire.OutPoint{Hash: t.Txid, Index: uint32(i)}
		c := w.coins[o]
		if c == nil {
			c = &Coin{
				Outpoint: o, KeyPath: a.KeyPath, Script: a.Script,
				Amount: amount.Sat(out.Value), Coinbase: coinbase,
			}
			w.coins[o] = c
		}
		c.Height = t.Height
		changes.coin(c)
	}
	w.txs[t.Txid] = t
	changes.tx(t)
}

// void forgets an unconfirmed transaction that can no longer be mined, and all that spend from it;
// the coins that it spent are free again.
func (w *Wallet) void(txid chainhash.Hash, changes *changeSet) {
	t := w.txs[txid]
	if t == nil || t.Height != 0 {
		return
	}
	delete(w.txs, txid)
	changes.deleteTx(txid)
	for _, in := range t.Tx.TxIn {
		if c := w.coins[in.PreviousOutPoint]; c != nil && c.SpentBy == txid {
			c.SpentBy = chainhash.Hash{}
			changes.coin(c)
		}
	}
	for i := range t.Tx.TxOut {
		w.voidCoin(wire.OutPoint{Hash: txid, Index: uint32(i)}, changes)
	}
}

// voidCoin forgets a coin whose transaction is void.
func (w *Wallet) voidCoin(o wire.OutPoint, changes *changeSet) {
	c := w.coins[o]
	if c == nil {
		return
	}
	w.void(c.SpentBy, changes)
	delete(w.coins, o)
	changes.deleteCoin(o)
}

// Disconnect takes back the last block. What it held is unconfirmed again; only a coinbase is gone
// for good.
func (w *Wallet) Disconnect(height block.Height) (*Changes, error) {
	if height != w.tip {
		return nil, fmt.Errorf("disconnect block %d, the last is %d: %w", height, w.tip, ErrBlockOrder)
	}
	w.tip--
	changes := newChangeSet()
	for _, c := range w.coins {
		if c.SpentHeight == height {
			c.SpentHeight = 0
			changes.coin(c)
		}
		if c.Height == height {
			c.Height = 0
			changes.coin(c)
		}
	}
	for _, t := range w.txs {
		if t.Height == height {
			t.Height, t.Index = 0, 0
			changes.tx(t)
		}
	}
	for txid, t := range w.txs {
		if t.Height == 0 && isCoinbase(t.Tx) {
			w.void(txid, changes)
		}
	}
	return changes.done(), nil
}

// isCoinbase reports whether a transaction's one input spends nothing.
func isCoinbase(t *wire.MsgTx) bool {
	return len(t.TxIn) == 1 && t.TxIn[0].PreviousOutPoint.Index == wire.MaxPrevOutIndex &&
		t.TxIn[0].PreviousOutPoint.Hash == chainhash.Hash{}
}

// forgetSettled frees what no reorganisation can change any more; the storage has it.
func (w *Wallet) forgetSettled() {
	settled := w.tip - min(w.tip, ReorgDepth)
	for o, c := range w.coins {
		if c.SpentHeight != 0 && c.SpentHeight < settled {
			delete(w.coins, o)
		}
	}
	for txid, t := range w.txs {
		if t.Height != 0 && t.Height < settled {
			delete(w.txs, txid)
		}
	}
}

// Sent takes a transaction of ours into account, before it is broadcast for the first time: its
// inputs are spent, and what it pays back to us is an unconfirmed coin.
func (w *Wallet) Sent(t *wire.MsgTx) *Changes {
	changes := newChangeSet()
	txid := t.TxHash()
	if w.txs[txid] == nil && w.touches(t) && !w.settled(t, txid) {
		w.apply(&Tx{Txid: txid, Tx: t}, false, changes)
	}
	return changes.done()
}

// settled reports whether a transaction was mined so long ago that only what it paid us is still known.
func (w *Wallet) settled(t *wire.MsgTx, txid chainhash.Hash) bool {
	for i := range t.TxOut {
		if c := w.coins[wire.OutPoint{Hash: txid, Index: uint32(i)}]; c != nil && c.Height != 0 {
			return true
		}
	}
	return false
}

// Abandon undoes Sent, for a transaction that the backend refused for good. A mined one stays.
func (w *Wallet) Abandon(txid chainhash.Hash) *Changes {
	changes := newChangeSet()
	w.void(txid, changes)
	return changes.done()
}
