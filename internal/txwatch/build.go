package txwatch

import (
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

// Weights of a transaction's parts (BIP 141).
const (
	baseWeight   = 4*(4+4+1+1) + 2 // version, locktime, counts of inputs and outputs; segwit's marker
	inputWeight  = 4 * (36 + 1 + 4)
	walletOutput = 4 * (8 + 1 + 34) // p2tr
	coinWitness  = 1 + 1 + 64       // of the wallet's p2tr: a count, and a signature with its length
	countWeight  = 4 * 2            // more than 252 inputs or outputs
)

// walletDust is the least that an output to the wallet has.
const walletDust amount.Sat = 354

// maxInputs bounds a batch: some 60,000 weight units.
const maxInputs = 100

// rbf is the sequence of inputs that need none: the transaction can be replaced.
const rbf = wire.MaxTxInSequenceNum - 2

// weightOf is a signed transaction's weight.
func weightOf(tx *wire.MsgTx) int { return 3*tx.SerializeSizeStripped() + tx.SerializeSize() }

// draft is an unsigned transaction.
type draft struct {
	tx       *wire.MsgTx
	prevouts []*wire.TxOut
	claims   []int
	coins    []int
	used     []Coin
	anchor   int
	weight   int // once signed
	in, out  amount.Sat
}

func newDraft() *draft {
	return &draft{tx: wire.NewMsgTx(2), anchor: -1, weight: baseWeight + countWeight}
}

func (d *draft) input(o wire.OutPoint, value amount.Sat, script []byte, sequence uint32, witness int) int {
	in := wire.NewTxIn(&o, nil, nil)
	in.Sequence = sequence
	d.tx.AddTxIn(in)
	d.prevouts = append(d.prevouts, wire.NewTxOut(int64(value), script))
	d.weight += inputWeight + witness
	d.in += value
	return len(d.tx.TxIn) - 1
}

func (d *draft) claim(c *claim) {
	d.claims = append(d.claims, d.input(c.Outpoint, c.Amount, c.PkScript, c.Sequence, c.WitnessWeight))
	d.tx.LockTime = max(d.tx.LockTime, c.LockTime)
}

func (d *draft) coin(c Coin) {
	d.coins = append(d.coins, d.input(c.Outpoint, c.Amount, c.PkScript, rbf, c.WitnessWeight))
	d.used = append(d.used, c)
}

func (d *draft) output(value amount.Sat, script []byte, weight int) {
	d.tx.AddTxOut(wire.NewTxOut(int64(value), script))
	d.weight += weight
	d.out += value
}

// fee is what no output gets.
func (d *draft) fee() amount.Sat { return d.in - d.out }

// sweep spends claims; its output to the wallet is counted, and added by pay.
func sweep(claims []*claim) *draft {
	d := newDraft()
	for _, c := range claims {
		d.claim(c)
	}
	d.weight += walletOutput
	return d
}

// pay gives the wallet what a fee leaves; false if that would be dust.
func (d *draft) pay(fee amount.Sat, script []byte) bool {
	if d.in < fee+walletDust {
		return false
	}
	d.output(d.in-fee, script, 0) // its weight is counted
	return true
}

// fund adds coins until they pay the fee for the draft's weight, and the change. Those that an earlier
// version had come first. It returns false if all coins do not do.
func (d *draft) fund(own, free []Coin, fee func(weight int) amount.Sat, script []byte) bool {
	for _, c := range own {
		d.coin(c)
	}
	// What is left goes to the wallet, or to the fee if it would be dust.
	enough := func() bool { return d.in >= d.out+fee(d.weight+walletOutput)+walletDust }
	if !enough() {
		list := slices.Clone(free)
		slices.SortStableFunc(list, func(a, b Coin) int { return int(int64(a.Amount) - int64(b.Amount)) })
		// The smallest that does alone, or else the largest until they do.
		one := slices.IndexFunc(list, func(c Coin) bool {
			return d.in+c.Amount >= d.out+fee(d.weight+walletOutput+inputWeight+c.WitnessWeight)+walletDust
		})
		if one >= 0 {
			d.coin(list[one])
		}
		for i := len(list) - 1; i >= 0 && !enough(); i-- {
			d.coin(list[i])
		}
	}
	switch {
	case enough():
		d.output(d.in-d.out-fee(d.weight+walletOutput), script, walletOutput)
	case len(d.tx.TxOut) == 0 || d.in < d.out+fee(d.weight):
		return false
	}
	return true
}
