package chain

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// checkTransactions holds a block's transactions to its header. A backend that reads a damaged disk may give us others,
// or fewer, under the same hash: a close that we do not see is a channel lost.
func checkTransactions(b *wire.MsgBlock) error {
	if len(b.Transactions) == 0 {
		return errors.New("block has no transactions")
	}
	level := make([]chainhash.Hash, len(b.Transactions))
	for i, t := range b.Transactions {
		level[i] = t.TxHash()
	}
	for len(level) > 1 {
		half := level[:(len(level)+1)/2]
		for i := range half {
			left, right := level[2*i], level[min(2*i+1, len(level)-1)]
			// Where the last is paired with itself, repeating transactions does not change the root (CVE-2012-2459).
			if left == right && 2*i+1 < len(level) {
				return errors.New("block has a transaction twice")
			}
			var pair [2 * chainhash.HashSize]byte
			copy(pair[:], left[:])
			copy(pair[chainhash.HashSize:], right[:])
			half[i] = chainhash.DoubleHashH(pair[:])
		}
		level = half
	}
	if level[0] != b.Header.MerkleRoot {
		return fmt.Errorf("block's transactions have the merkle root %s, its header says %s", level[0], b.Header.MerkleRoot)
	}
	return nil
}
