package chain

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
)

// buriedAt is the depth at which what is in the chain counts as final, and is forgotten here.
const buriedAt = 100

// Broadcast is a transaction to get into the chain.
type Broadcast struct {
	Tx            *wire.MsgTx
	AllowHighFees bool
	// Insist keeps a transaction that the backend rejects now: it may take it later, when its mempool
	// asks for less or the transaction's parent is there.
	Insist bool
}

// pendingSet is the transactions that are not in the chain yet, or not deep enough to stay.
type pendingSet struct {
	all map[chainhash.Hash]*pendingTx
	// inputs are the outpoints that they spend. A transaction is settled by a block that spends one of
	// them, by itself or by another transaction: then its own way is barred.
	inputs map[wire.OutPoint][]*pendingTx
	added  int
}

type pendingTx struct {
	Broadcast
	txid    chainhash.Hash
	number  int          // in the order of adding
	settled block.Height // 0: not yet
}

func newPendingSet() *pendingSet {
	return &pendingSet{all: make(map[chainhash.Hash]*pendingTx), inputs: make(map[wire.OutPoint][]*pendingTx)}
}

func (s *pendingSet) add(b Broadcast) {
	p := &pendingTx{Broadcast: b, txid: b.Tx.TxHash(), number: s.added}
	if _, ok := s.all[p.txid]; ok {
		return
	}
	s.added++
	s.all[p.txid] = p
	for _, in := range b.Tx.TxIn {
		s.inputs[in.PreviousOutPoint] = append(s.inputs[in.PreviousOutPoint], p)
	}
}

func (s *pendingSet) forget(txid chainhash.Hash) {
	p, ok := s.all[txid]
	if !ok {
		return
	}
	delete(s.all, txid)
	for _, in := range p.Tx.TxIn {
		var left []*pendingTx
		for _, q := range s.inputs[in.PreviousOutPoint] {
			if q != p {
				left = append(left, q)
			}
		}
		if s.inputs[in.PreviousOutPoint] = left; left == nil {
			delete(s.inputs, in.PreviousOutPoint)
		}
	}
}

func (s *pendingSet) connected(b BlockConnected) {
	if len(s.all) == 0 {
		return
	}
	for _, tx := range b.Block.Transactions {
		for _, in := range tx.TxIn {
			for _, p := range s.inputs[in.PreviousOutPoint] {
				p.settled = b.Height
			}
		}
	}
	for txid, p := range s.all {
		if p.settled != 0 && b.Height >= p.settled+buriedAt-1 {
			s.forget(txid)
		}
	}
}

func (s *pendingSet) disconnected(b BlockDisconnected) {
	for _, p := range s.all {
		if p.settled == b.Height {
			p.settled = 0
		}
	}
}

// waiting are those that a block may still take, parents before children.
func (s *pendingSet) waiting() []*pendingTx {
	var list []*pendingTx
	for _, p := range s.all {
		if p.settled == 0 {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *pendingTx) int { return cmp.Compare(a.number, b.number) })
	return list
}
