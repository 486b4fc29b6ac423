package wallet

import (
	"github.com/btcsuite/btcd/wire/v2"
)

// Weights of a transaction's parts, signatures at the longest that hsmd makes (BIP 141: a byte
// outside of the witness weighs 4).
const (
	baseWeight  = 4 * (4 + 4) // version and locktime
	segwitFlag  = 2
	inputWeight = 4 * (36 + 1 + 4) // outpoint, empty script, sequence

	p2wpkhWitness = 1 + 1 + 72 + 1 + 33
	p2trWitness   = 1 + 1 + 64
	changeWeight  = 4 * (8 + 1 + 34) // a p2tr output
)

// WitnessWeight is the most that a coin's witness weighs.
func (k Kind) WitnessWeight() int {
	if k == P2WPKH {
		return p2wpkhWitness
	}
	return p2trWitness
}

// inputWeightOf is the weight of spending a coin; a caller may ask to count more for its witness.
func inputWeightOf(c *Coin, minWitness int) int {
	return inputWeight + max(c.Kind.WitnessWeight(), minWitness)
}

// TxWeight is the weight of a transaction with these outputs before it has inputs: what fundpsbt
// calls startweight.
func TxWeight(outputs []*wire.TxOut) int {
	weight := baseWeight + segwitFlag + 4 + 4*wire.VarIntSerializeSize(uint64(len(outputs)))
	for _, out := range outputs {
		weight += 4 * out.SerializeSize()
	}
	return weight
}
