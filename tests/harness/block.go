package harness

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// On regtest, the subsidy halves each 150 blocks from 50 bitcoin on, and half of all hashes will do.
const (
	firstSubsidy = 50 * 100_000_000
	halving      = 150
	regtestBits  = 0x207fffff
)

// MineOnly makes a block with these transactions and no others, whatever the mempool has. btcd's own miner
// stops for ever when the mempool has a transaction that may not be mined yet, as after a reorganisation.
func (b *Btcd) MineOnly(txs ...*wire.MsgTx) chainhash.Hash {
	b.t.Helper()
	height := b.Height() + 1
	parent := b.BlockAt(height - 1)
	coinbase := wire.NewMsgTx(2)
	extra := make([]byte, 8)
	binary.BigEndian.PutUint64(extra, uint64(time.Now().UnixNano())) // no two coinbases are the same
	script, err := txscript.NewScriptBuilder().AddInt64(int64(height)).AddData(extra).Script()
	if err != nil {
		b.t.Fatalf("coinbase: %v", err)
	}
	nothing := wire.OutPoint{Index: wire.MaxPrevOutIndex}
	coinbase.AddTxIn(wire.NewTxIn(&nothing, script, [][]byte{make([]byte, 32)}))
	coinbase.AddTxOut(wire.NewTxOut(firstSubsidy>>(height/halving), b.purse.script))
	all := append([]*wire.MsgTx{coinbase}, txs...)

	witnesses := make([]chainhash.Hash, len(all)) // the coinbase's own counts as zero (BIP 141)
	for i, tx := range all[1:] {
		witnesses[i+1] = tx.WitnessHash()
	}
	root := merkleRoot(witnesses)
	commitment := chainhash.DoubleHashB(append(root[:], make([]byte, 32)...))
	coinbase.AddTxOut(wire.NewTxOut(0, append([]byte{txscript.OP_RETURN, 36, 0xaa, 0x21, 0xa9, 0xed}, commitment...)))

	ids := make([]chainhash.Hash, len(all))
	for i, tx := range all {
		ids[i] = tx.TxHash()
	}
	block := wire.MsgBlock{Header: wire.BlockHeader{
		Version: 0x20000000, PrevBlock: parent.BlockHash(), MerkleRoot: merkleRoot(ids), Bits: regtestBits,
		Timestamp: parent.Header.Timestamp.Add(time.Second),
	}, Transactions: all}
	target := new(big.Int).Lsh(big.NewInt(0x7fffff), 8*(0x20-3))
	for hashNumber(block.BlockHash()).Cmp(target) > 0 {
		block.Header.Nonce++
	}
	var raw bytes.Buffer
	if err := block.Serialize(&raw); err != nil {
		b.t.Fatalf("serialize block: %v", err)
	}
	b.must(nil, "submitblock", hex.EncodeToString(raw.Bytes()))
	if b.Height() != height {
		b.t.Fatalf("btcd did not take the block at height %d", height)
	}
	return block.BlockHash()
}

// merkleRoot is the root of the tree over the hashes, the last of an odd row counting twice.
func merkleRoot(row []chainhash.Hash) chainhash.Hash {
	for len(row) > 1 {
		var next []chainhash.Hash
		for i := 0; i < len(row); i += 2 {
			right := row[min(i+1, len(row)-1)]
			first := sha256.Sum256(append(row[i][:], right[:]...))
			next = append(next, sha256.Sum256(first[:]))
		}
		row = next
	}
	return row[0]
}

// hashNumber is a hash as the number that proof of work is about.
func hashNumber(h chainhash.Hash) *big.Int {
	for i, j := 0, len(h)-1; i < j; i, j = i+1, j-1 {
		h[i], h[j] = h[j], h[i]
	}
	return new(big.Int).SetBytes(h[:])
}
