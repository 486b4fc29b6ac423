package chain

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
)

// fakeBackend is a chain that tests cut and grow.
type fakeBackend struct {
	mu     sync.Mutex
	chain  string
	blocks []*wire.MsgBlock // from height 0
	ibd    bool
	err    error // answers everything
	salt   uint32
	sent   []chainhash.Hash
	reject string
	asked  int // calls of BlockAt
}

func newFakeBackend(height int) *fakeBackend {
	f := &fakeBackend{chain: "regtest"}
	f.grow(height + 1)
	return f
}

// grow adds blocks, each different from all others ever made; the first has the transactions.
func (f *fakeBackend) grow(n int, txs ...*wire.MsgTx) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.salt++
		b := &wire.MsgBlock{Header: wire.BlockHeader{Nonce: f.salt}}
		if len(f.blocks) > 0 {
			b.Header.PrevBlock = f.blocks[len(f.blocks)-1].BlockHash()
		}
		b.Transactions = append([]*wire.MsgTx{coinbase(f.salt)}, txs...)
		txs = nil
		b.Header.MerkleRoot = rootOf(b.Transactions)
		f.blocks = append(f.blocks, b)
	}
}

// rootOf is the merkle root, made in another way than checkTransactions does.
func rootOf(txs []*wire.MsgTx) chainhash.Hash {
	var root func(list []chainhash.Hash) chainhash.Hash
	root = func(list []chainhash.Hash) chainhash.Hash {
		if len(list) == 1 {
			return list[0]
		}
		if len(list)%2 == 1 {
			list = append(slices.Clone(list), list[len(list)-1])
		}
		var up []chainhash.Hash
		for pair := range slices.Chunk(list, 2) {
			up = append(up, chainhash.DoubleHashH(slices.Concat(pair[0][:], pair[1][:])))
		}
		return root(up)
	}
	var list []chainhash.Hash
	for _, t := range txs {
		list = append(list, t.TxHash())
	}
	return root(list)
}

func (f *fakeBackend) cut(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blocks = f.blocks[:len(f.blocks)-n]
}

func (f *fakeBackend) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeBackend) id(height int) BlockID {
	return BlockID{block.Height(height), f.blocks[height].BlockHash()}
}

func coinbase(salt uint32) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	script := binary.BigEndian.AppendUint32([]byte{4}, salt)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 0xffffffff}, script, nil))
	tx.AddTxOut(wire.NewTxOut(50e8, []byte{0x51}))
	return tx
}

// spend makes a transaction of the outpoints, to the scripts.
func spend(outpoints []wire.OutPoint, scripts ...string) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	for _, o := range outpoints {
		tx.AddTxIn(wire.NewTxIn(&o, nil, nil))
	}
	for _, s := range scripts {
		tx.AddTxOut(wire.NewTxOut(1000, []byte(s)))
	}
	return tx
}

func (f *fakeBackend) ChainInfo(context.Context, block.Height) (Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	tip := block.Height(len(f.blocks) - 1)
	return Info{Chain: f.chain, Headers: tip, Blocks: tip, IBD: f.ibd}, f.err
}

func (f *fakeBackend) BlockAt(_ context.Context, height block.Height) (*wire.MsgBlock, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.err != nil || int(height) >= len(f.blocks) {
		return nil, f.err
	}
	return f.blocks[height], nil
}

func (f *fakeBackend) EstimateFees(context.Context) (Fees, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Fees{Floor: 250}, f.err
}

func (f *fakeBackend) SendTx(_ context.Context, tx *wire.MsgTx, _ bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.err != nil:
		return f.err
	case f.reject != "":
		return &Rejected{f.reject}
	}
	f.sent = append(f.sent, tx.TxHash())
	return nil
}

func (f *fakeBackend) Output(context.Context, wire.OutPoint) (*Output, error) { return nil, f.err }
