package graphtest

import (
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// FundingTx is the outputs of a transaction that funds several channels of a network.
type FundingTx struct {
	First   int // the channel of the first output; the others follow
	Outputs []*btcwire.TxOut
}

// FundingTxs lays the channels out in transactions of that many outputs each, in their order. Each output is the
// P2WSH of its channel's two bitcoin keys. Once such a transaction is in a block, see Place.
func (n *Network) FundingTxs(outputs int) []FundingTx {
	scripts := make([][]byte, len(n.Channels))
	parallel(len(scripts), func(i int) {
		scripts[i] = tx.P2WSH(tx.FundingScript(pubKey(n.bitcoinKey(i, 0)), pubKey(n.bitcoinKey(i, 1))))
	})
	var list []FundingTx
	for i := range n.Channels {
		if i%outputs == 0 {
			list = append(list, FundingTx{First: i})
		}
		last := &list[len(list)-1]
		last.Outputs = append(last.Outputs, btcwire.NewTxOut(int64(n.Channels[i].Capacity), scripts[i]))
	}
	return list
}

// Place says where in the chain a funding transaction is, and that its channels' outputs begin with output first: from
// then on the channels' names, and what is signed about them, are of that place.
func (n *Network) Place(f *FundingTx, height, txIndex uint32, first uint16) {
	for i := range f.Outputs {
		n.Channels[f.First+i].SCID = wire.NewShortChannelID(height, txIndex, first+uint16(i))
	}
}
