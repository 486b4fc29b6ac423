package chain

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Watcher finds in blocks what it was asked to watch, in one pass over each. Who watches keeps the
// height of what was found: a BlockDisconnected undoes all that was found at its height.
type Watcher struct {
	outpoints map[wire.OutPoint]int
	txids     map[chainhash.Hash]int
	scripts   map[string]int
}

// Match is a transaction of a block in which something watched is.
type Match struct {
	Index int // in the block, as in a short_channel_id
	Tx    *wire.MsgTx
	TxID  chainhash.Hash
	// Watched means that the transaction itself is watched.
	Watched bool
	Spends  []int // inputs that spend a watched outpoint
	Pays    []int // outputs to a watched script
}

// NewWatcher watches nothing yet.
func NewWatcher() *Watcher {
	return &Watcher{
		outpoints: make(map[wire.OutPoint]int),
		txids:     make(map[chainhash.Hash]int),
		scripts:   make(map[string]int),
	}
}

// WatchOutpoint looks for what spends an outpoint. Each Watch* needs its own Unwatch*.
func (w *Watcher) WatchOutpoint(o wire.OutPoint) { w.outpoints[o]++ }

// UnwatchOutpoint takes a WatchOutpoint back.
func (w *Watcher) UnwatchOutpoint(o wire.OutPoint) { release(w.outpoints, o) }

// WatchTx looks for a transaction.
func (w *Watcher) WatchTx(txid chainhash.Hash) { w.txids[txid]++ }

// UnwatchTx takes a WatchTx back.
func (w *Watcher) UnwatchTx(txid chainhash.Hash) { release(w.txids, txid) }

// WatchScript looks for outputs to a script, and what spends them in the same block.
func (w *Watcher) WatchScript(script []byte) { w.scripts[string(script)]++ }

// UnwatchScript takes a WatchScript back.
func (w *Watcher) UnwatchScript(script []byte) { release(w.scripts, string(script)) }

func release[K comparable](watched map[K]int, key K) {
	if watched[key]--; watched[key] <= 0 {
		delete(watched, key)
	}
}

// Scan returns what a block has of what is watched, in the block's order. An output to a watched
// script counts as a watched outpoint for the rest of the block: it may be spent there already.
func (w *Watcher) Scan(b *wire.MsgBlock) []Match {
	var found []Match
	var fresh map[wire.OutPoint]bool
	for i, tx := range b.Transactions {
		m := Match{Index: i, Tx: tx, Spends: w.spends(tx, fresh), Pays: w.pays(tx)}
		// Hashing is most of the work of a scan, and mostly not needed.
		if len(m.Spends)+len(m.Pays) == 0 && len(w.txids) == 0 {
			continue
		}
		m.TxID = tx.TxHash()
		m.Watched = w.txids[m.TxID] > 0
		if len(m.Spends)+len(m.Pays) == 0 && !m.Watched {
			continue
		}
		for _, out := range m.Pays {
			if fresh == nil {
				fresh = make(map[wire.OutPoint]bool)
			}
			fresh[wire.OutPoint{Hash: m.TxID, Index: uint32(out)}] = true
		}
		found = append(found, m)
	}
	return found
}

func (w *Watcher) spends(tx *wire.MsgTx, fresh map[wire.OutPoint]bool) []int {
	var inputs []int
	for i, in := range tx.TxIn {
		if w.outpoints[in.PreviousOutPoint] > 0 || fresh[in.PreviousOutPoint] {
			inputs = append(inputs, i)
		}
	}
	return inputs
}

func (w *Watcher) pays(tx *wire.MsgTx) []int {
	if len(w.scripts) == 0 {
		return nil
	}
	var outputs []int
	for i, out := range tx.TxOut {
		if w.scripts[string(out.PkScript)] > 0 {
			outputs = append(outputs, i)
		}
	}
	return outputs
}
