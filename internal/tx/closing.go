package tx

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
)

// ErrNoOutputs is returned for a closing transaction that would pay nobody.
var ErrNoOutputs = errors.New("closing transaction without outputs")

// The input sequences of the two kinds of closing transaction; only the newer can be replaced.
const (
	legacyClosingSequence = 0xffffffff
	simpleClosingSequence = 0xfffffffd
)

// ClosingOutput pays one side of a mutual close.
type ClosingOutput struct {
	Amount   amount.Sat
	PkScript []byte
}

// Closing is an unsigned mutual close.
type Closing struct {
	Tx      *wire.MsgTx
	Fee     amount.Sat // all that no output gets
	funding *Funding
	digest  [32]byte
}

// BuildLegacyClosing builds the transaction of closing_signed (BOLT 3, Legacy Closing Transaction).
// The caller has taken the fee from the opener's output and left out what is dust to it.
func BuildLegacyClosing(f *Funding, outputs ...ClosingOutput) (*Closing, error) {
	return buildClosing(f, legacyClosingSequence, 0, outputs)
}

// BuildSimpleClosing builds the transaction of closing_complete (BOLT 3, Closing Transaction). The
// caller has taken the fee from the closer's output; an OP_RETURN output gets nothing.
func BuildSimpleClosing(f *Funding, lockTime uint32, outputs ...ClosingOutput) (*Closing, error) {
	outputs = slices.Clone(outputs)
	for i := range outputs {
		if IsOpReturn(outputs[i].PkScript) {
			outputs[i].Amount = 0
		}
	}
	return buildClosing(f, simpleClosingSequence, lockTime, outputs)
}

func buildClosing(f *Funding, sequence, lockTime uint32, outputs []ClosingOutput) (*Closing, error) {
	if len(outputs) == 0 {
		return nil, ErrNoOutputs
	}
	outputs = slices.SortedFunc(slices.Values(outputs), func(a, b ClosingOutput) int {
		return cmp.Or(cmp.Compare(a.Amount, b.Amount), bytes.Compare(a.PkScript, b.PkScript))
	})
	t := &wire.MsgTx{
		Version:  2,
		TxIn:     []*wire.TxIn{{PreviousOutPoint: f.Outpoint, Sequence: sequence}},
		LockTime: lockTime,
	}
	left := f.Amount
	for _, out := range outputs {
		if out.Amount > left {
			return nil, fmt.Errorf("closing transaction of %s: %w", f.Amount, ErrOverspent)
		}
		left -= out.Amount
		t.AddTxOut(wire.NewTxOut(int64(out.Amount), out.PkScript))
	}
	_, digest := hashFundingSpend(t, f)
	return &Closing{Tx: t, Fee: left, funding: f, digest: digest}, nil
}

// SigHash is the digest that both funding keys sign.
func (c *Closing) SigHash() [32]byte { return c.digest }

// Signed returns a copy with both signatures, ready to broadcast.
func (c *Closing) Signed(keyA keys.PubKey, sigA keys.Signature, keyB keys.PubKey, sigB keys.Signature) *wire.MsgTx {
	t := c.Tx.Copy()
	t.TxIn[0].Witness = c.funding.Witness(keyA, sigA, keyB, sigB)
	return t
}

// Sizes for the weight of a closing transaction, signatures at their longest (BOLT 3, Fee
// Calculation, counts them as 73 bytes).
const (
	closingBaseBytes = 4 + 1 + 41 + 1 + 4
	closingWitness   = 2 + 1 + 1 + 1 + 73 + 1 + 73 + 1 + 71
)

// ClosingWeight is the expected weight of a signed closing transaction with these output scripts.
func ClosingWeight(pkScripts ...[]byte) int {
	base := closingBaseBytes
	for _, s := range pkScripts {
		base += 8 + 1 + len(s)
	}
	return 4*base + closingWitness
}
