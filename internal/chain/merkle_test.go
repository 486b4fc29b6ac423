package chain

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// The root of block 170 of the main network, the first with two transactions.
func TestMerkleRootVector(t *testing.T) {
	coinbase, _ := hex.DecodeString("01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff0704ffff001d0102ffffffff0100f2052a01000000434104d46c4968bde02899d2aa0963367c7a6ce34eec332b32e42e5f3407e052d64ac625da6f0718e7b302140434bd725706957c092db53805b821a85b23a7ac61725bac00000000")
	payment, _ := hex.DecodeString("0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000")
	b := &wire.MsgBlock{}
	for _, raw := range [][]byte{coinbase, payment} {
		tx := wire.NewMsgTx(1)
		if err := tx.Deserialize(strings.NewReader(string(raw))); err != nil {
			t.Fatal(err)
		}
		b.Transactions = append(b.Transactions, tx)
	}
	root, err := chainhash.NewHashFromStr("7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff")
	if err != nil {
		t.Fatal(err)
	}
	b.Header.MerkleRoot = *root
	if err := checkTransactions(b); err != nil {
		t.Error(err)
	}
	if err := checkTransactions(chaincfg.MainNetParams.GenesisBlock); err != nil {
		t.Error(err)
	}
}

func TestBlockOfOtherTransactions(t *testing.T) {
	for n := 1; n < 12; n++ {
		f := newFakeBackend(0)
		var txs []*wire.MsgTx
		for i := range n - 1 {
			txs = append(txs, spend([]wire.OutPoint{{Index: uint32(i)}}, fmt.Sprint(i)))
		}
		f.grow(1, txs...)
		b := f.blocks[1]
		if got, err := decodeBlock(b.BlockHash().String(), serialized(b)); err != nil || len(got.Transactions) != n {
			t.Errorf("%d transactions: %v", n, err)
		}
		for name, others := range map[string][]*wire.MsgTx{
			"one fewer":          b.Transactions[:n-1],
			"one more":           append(b.Transactions[:n:n], coinbase(9)),
			"another":            append([]*wire.MsgTx{coinbase(9)}, b.Transactions[1:]...),
			"the last twice":     append(b.Transactions[:n:n], b.Transactions[n-1]),
			"the last two twice": append(b.Transactions[:n:n], b.Transactions[max(n-2, 0):]...),
		} {
			forged := &wire.MsgBlock{Header: b.Header, Transactions: others}
			if _, err := decodeBlock(b.BlockHash().String(), serialized(forged)); err == nil {
				t.Errorf("%d transactions, %s: taken", n, name)
			}
		}
	}
}
