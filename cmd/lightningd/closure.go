package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/store"
	"fulmen/internal/txwatch"
)

// closure is the end of a channel in the chain: its funding output is spent. It keeps what onchaind is
// told again by each of its starts. Only the loop touches it.
type closure struct {
	c       *channel
	txid    chainhash.Hash                    // of the close
	txs     []store.OnchainTx                 // that spend its outputs, in the chain's order
	known   map[chainhash.Hash]*btcwire.MsgTx // the close, and those
	watched map[btcwire.OutPoint]bool
	left    []store.LeftOutput

	// preimages came for HTLCs of the peer since the last start read those of the database.
	preimages []onchaindmsg.Preimage

	proc     *onchaindProcess // nil while none runs
	live     bool             // it has been told of the chain so far
	starting bool
	stale    bool          // a block was taken back: a new process has to be told another history
	pause    time.Duration // before the next start
}

// newClosure takes up a channel whose close is in a block; txs are what the database has of it.
func (n *node) newClosure(c *channel, txs []store.OnchainTx, left []store.LeftOutput) error {
	tx, err := decodeTx(c.row.CloseTx)
	if err != nil {
		return err
	}
	e := &closure{c: c, txid: tx.TxHash(), known: map[chainhash.Hash]*btcwire.MsgTx{tx.TxHash(): tx}, watched: map[btcwire.OutPoint]bool{}, left: left}
	c.end, c.anchorScript, c.pushed = e, nil, false
	n.stepTxs(txwatch.Spent{Channel: c.row.ID, Tx: tx})
	for i := range tx.TxOut {
		e.watch(btcwire.OutPoint{Hash: e.txid, Index: uint32(i)})
	}
	for _, x := range txs {
		e.take(x)
	}
	for txid, s := range n.sent {
		if s.Channel == c.row.ID && !slices.ContainsFunc(s.Tx.TxIn, e.isParent) {
			n.void(txwatch.Void{Channel: c.row.ID, Txid: txid}) // the child of a commitment that will never be mined
		}
	}
	n.knowSent(c.row.ID)
	for i := range e.txs {
		n.stepTxs(txwatch.Spent{Channel: c.row.ID, Tx: e.txs[i].Tx})
	}
	return nil
}

// isParent reports whether an input spends the close, or a transaction that follows from it.
func (e *closure) isParent(in *btcwire.TxIn) bool {
	return e.known[in.PreviousOutPoint.Hash] != nil
}

// watch looks for what spends an output, unless another channel does: one transaction may spend outputs of
// two.
func (e *closure) watch(o btcwire.OutPoint) {
	if e.c.n.byOutput[o] == nil {
		e.watched[o] = true
		e.c.n.byOutput[o] = e
	}
}

func (e *closure) unwatch(o btcwire.OutPoint) {
	if e.watched[o] {
		delete(e.watched, o)
		delete(e.c.n.byOutput, o)
	}
}

// take notes a transaction that spends outputs of the close. Where it spends one of the commitment's, the
// output of the same index is watched too: that is where an HTLC transaction pays to, and what a penalty
// or its owner's delay then takes (BOLT 5). Nothing that follows from there is ours.
func (e *closure) take(x store.OnchainTx) {
	txid := x.Tx.TxHash()
	e.known[txid] = x.Tx
	e.txs = append(e.txs, x)
	for i, in := range x.Tx.TxIn {
		if in.PreviousOutPoint.Hash == e.txid && i < len(x.Tx.TxOut) {
			e.watch(btcwire.OutPoint{Hash: txid, Index: uint32(i)})
		}
	}
}

// drop ends it, with the process and all that waits for it.
func (e *closure) drop() {
	n := e.c.n
	e.stop()
	for o := range e.watched {
		delete(n.byOutput, o)
	}
	e.c.end = nil
	n.stepTxs(txwatch.Forget{Channel: e.c.row.ID})
}

// followClosures looks in a block for what spends outputs of closed channels. Transactions stand in a
// block after what they spend, so that one pass finds all.
func (n *node) followClosures(h block.Height, b *btcwire.MsgBlock) {
	if len(n.byOutput) > 0 {
		for i, tx := range b.Transactions {
			n.followTx(store.OnchainTx{Tx: tx, Height: h, Index: uint32(i)})
		}
	}
	for _, c := range n.channels {
		if e := c.end; e != nil && e.live && !e.stale {
			e.tellBlock(h)
		}
	}
}

func (n *node) followTx(x store.OnchainTx) {
	for _, in := range x.Tx.TxIn {
		e := n.byOutput[in.PreviousOutPoint]
		if e == nil || e.known[x.Tx.TxHash()] != nil {
			continue
		}
		e.take(x)
		n.stepTxs(txwatch.Spent{Channel: e.c.row.ID, Tx: x.Tx})
		id := e.c.row.ID
		n.submit("store a transaction of a closed channel", func(tx *storeTx) error { return tx.AddOnchainTx(id, &x) }, nil)
	}
}

// leave stores that outputs are left for good, and tells the process.
func (e *closure) leave(g txwatch.GiveUp) {
	n, id := e.c.n, e.c.row.ID
	for _, o := range g.Outpoints {
		l := store.LeftOutput{Outpoint: o, Height: n.blockHeight, Reason: g.Reason}
		e.left = append(e.left, l)
		n.submit("store that an output is left", func(tx *storeTx) error { return tx.LeaveOutput(id, &l) }, func() {
			if e.live && !e.stale {
				e.proc.send(leftMsg(&l))
			}
		})
	}
}

// takeBack undoes what a block said. The process is started anew when the chain has settled (see renew).
func (e *closure) takeBack(h block.Height) {
	e.stale = true
	e.txs = slices.DeleteFunc(e.txs, func(x store.OnchainTx) bool {
		if x.Height >= h {
			delete(e.known, x.Tx.TxHash()) // the next blocks may have it again
		}
		return x.Height >= h
	})
	e.left = slices.DeleteFunc(e.left, func(l store.LeftOutput) bool { return l.Height >= h })
}

// renew starts over with the history as it is now, after a reorganisation.
func (e *closure) renew() {
	e.drop()
	if err := e.c.n.newClosure(e.c, e.txs, e.left); err != nil {
		e.c.n.die("follow the close of a channel", err)
		return
	}
	e.c.end.preimages = e.preimages
	e.c.end.start()
}

// loadClosure takes up a channel whose close is in a block with what the database has of it.
func (n *node) loadClosure(c *channel) error {
	txs, err := n.db.OnchainTxs(c.row.ID)
	if err != nil {
		return err
	}
	left, err := n.db.LeftOutputs(c.row.ID)
	if err != nil {
		return err
	}
	if err := n.newClosure(c, txs, left); err != nil {
		return fmt.Errorf("channel %d: %w", c.row.ID, err)
	}
	return nil
}

func outpointMsg(o btcwire.OutPoint) onchaindmsg.Outpoint {
	return onchaindmsg.Outpoint{Txid: o.Hash, Index: o.Index}
}

func outpointOf(o onchaindmsg.Outpoint) btcwire.OutPoint {
	return btcwire.OutPoint{Hash: o.Txid, Index: o.Index}
}
