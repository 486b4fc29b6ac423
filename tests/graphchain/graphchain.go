// Package graphchain puts a generated network's funding outputs into a regtest chain, so that nodes on that chain can check
// its announcements as they check real ones.
package graphchain

import (
	"slices"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/graph/graphtest"
	"fulmen/tests/harness"
)

const (
	// OutputsPerTx is how many channels a transaction funds: with more it would be too large to be relayed.
	OutputsPerTx = 1000
	// txsPerBlock fit into one.
	txsPerBlock = 10
)

// Config makes a network's announcements of this chain.
func Config(c graphtest.Config) graphtest.Config {
	c.ChainHash = *chaincfg.RegressionNetParams.GenesisHash
	return c
}

// Fund mines the funding outputs of all channels, and says in the network where they are: from then on its
// announcements are of the chain. The last block has depth more on top. The miner must have the coins: a network of
// the public size has about 4,800 BTC, and a new harness' btcd more than that.
func Fund(b *harness.Btcd, n *graphtest.Network, depth int) {
	for txs := range slices.Chunk(n.FundingTxs(OutputsPerTx), txsPerBlock) {
		sent := map[chainhash.Hash]*graphtest.FundingTx{}
		for i := range txs {
			sent[b.FundOutputs(txs[i].Outputs...)] = &txs[i]
		}
		b.WaitMempool(len(txs))
		for len(sent) > 0 {
			b.Mine(1)
			height := b.Height()
			for index, tx := range b.BlockAt(height).Transactions {
				if f := sent[tx.TxHash()]; f != nil {
					n.Place(f, uint32(height), uint32(index), 0)
					delete(sent, tx.TxHash())
				}
			}
		}
	}
	b.Mine(depth)
}
