package tx

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
)

// The ways in which a commitment cannot be built.
var (
	ErrUnbalanced = errors.New("balances and htlcs do not add up to the funding amount")
	ErrOverspent  = errors.New("outputs exceed the funding amount")
)

// HTLC is one HTLC as it stands in a commitment.
type HTLC struct {
	Offered     bool // by the commitment's owner
	ID          uint64
	Amount      amount.Msat
	PaymentHash [32]byte
	CLTVExpiry  block.Height
}

// Funding is the output that every other transaction of a channel spends.
type Funding struct {
	Outpoint wire.OutPoint
	Amount   amount.Sat
	KeyA     keys.PubKey // the two funding_pubkeys, in any order
	KeyB     keys.PubKey
}

// Script is the witness script.
func (f *Funding) Script() []byte { return FundingScript(f.KeyA, f.KeyB) }

// PkScript is the output script.
func (f *Funding) PkScript() []byte { return P2WSH(f.Script()) }

// CommitmentParams are what all commitments of one owner share, and the keys of one of them.
type CommitmentParams struct {
	Funding         *Funding
	OwnerFundingKey keys.PubKey
	OtherFundingKey keys.PubKey
	ObscuringFactor uint64 // see ObscuringFactor
	Anchors         bool
	OwnerIsOpener   bool
	DustLimit       amount.Sat  // the owner's
	ToSelfDelay     block.Delta // the delay that binds the owner: the other side chose it
	Keys            *keys.CommitmentKeys
}

// Commitment is an unsigned commitment transaction and what belongs to it.
type Commitment struct {
	Tx    *wire.MsgTx
	HTLCs []HTLCOutput // untrimmed, in the order of outputs: that of htlc_signatures
	Fee   amount.Sat   // all that no output gets

	// Output indexes, or -1.
	ToOwner, ToOther, OwnerAnchor, OtherAnchor int

	params        *CommitmentParams
	feerate       amount.FeeratePerKw
	txid          [32]byte
	fundingDigest [32]byte
	delayedScript []byte // output script of every HTLC transaction
}

// HTLCOutput is an HTLC with an output of its own.
type HTLCOutput struct {
	HTLC
	OutputIndex   uint32
	WitnessScript []byte
}

// ObscuringFactor hides the commitment number from others: the low 48 bits of a hash over both
// payment basepoints (BOLT 3, Commitment Transaction).
func ObscuringFactor(openerPaymentBasepoint, accepterPaymentBasepoint keys.PubKey) uint64 {
	h := keys.Tweak(openerPaymentBasepoint, accepterPaymentBasepoint)
	return binary.BigEndian.Uint64(h[24:]) & (1<<48 - 1)
}

// CommitmentNumberOf reads the number back from a commitment's locktime and sequence.
func CommitmentNumberOf(t *wire.MsgTx, obscuringFactor uint64) (keys.CommitmentNumber, error) {
	if len(t.TxIn) != 1 || t.LockTime>>24 != 0x20 || t.TxIn[0].Sequence>>24 != 0x80 {
		return 0, fmt.Errorf("transaction %s is no commitment", t.TxHash())
	}
	obscured := uint64(t.TxIn[0].Sequence&0xffffff)<<24 | uint64(t.LockTime&0xffffff)
	return keys.CommitmentNumber(obscured ^ obscuringFactor), nil
}

// BuildCommitment builds the owner's commitment (BOLT 3, Commitment Transaction Construction).
// toOwner and toOther are the balances before fees and anchors, without HTLCs; together with the
// HTLCs they must be exactly the funding amount. An opener who cannot pay the whole fee pays what
// there is.
func BuildCommitment(p *CommitmentParams, number keys.CommitmentNumber, feerate amount.FeeratePerKw,
	toOwner, toOther amount.Msat, htlcs []HTLC) (*Commitment, error) {
	if number > keys.MaxCommitmentNumber {
		return nil, fmt.Errorf("commitment number %d: %w", number, keys.ErrNumberRange)
	}
	if err := checkBalance(p.Funding.Amount, toOwner, toOther, htlcs); err != nil {
		return nil, err
	}
	untrimmed := CountUntrimmed(p.Anchors, feerate, p.DustLimit, htlcs)
	owner, other := toOwner.Sat(), toOther.Sat()
	cost := OpenerCost(p.Anchors, feerate, untrimmed)
	if p.OwnerIsOpener {
		owner -= min(owner, cost)
	} else {
		other -= min(other, cost)
	}

	c := &Commitment{
		params: p, feerate: feerate,
		ToOwner: -1, ToOther: -1, OwnerAnchor: -1, OtherAnchor: -1,
	}
	out := newOutputs(untrimmed + 4)
	if owner >= p.DustLimit {
		out.add(output{value: owner, kind: toOwnerOutput}, c.delayed())
	}
	if other >= p.DustLimit {
		out.add(output{value: other, kind: toOtherOutput}, ToRemotePkScript(p.Anchors, p.Keys.OtherPayment))
	}
	if p.Anchors {
		if owner >= p.DustLimit || untrimmed > 0 {
			out.add(output{value: AnchorSats, kind: ownerAnchorOutput}, P2WSH(AnchorScript(p.OwnerFundingKey)))
		}
		if other >= p.DustLimit || untrimmed > 0 {
			out.add(output{value: AnchorSats, kind: otherAnchorOutput}, P2WSH(AnchorScript(p.OtherFundingKey)))
		}
	}
	scripts := c.addHTLCs(out, htlcs, untrimmed)
	out.sort()
	if out.sum > p.Funding.Amount {
		return nil, fmt.Errorf("commitment %d: %s of %s: %w", number, out.sum, p.Funding.Amount, ErrOverspent)
	}
	c.Fee = p.Funding.Amount - out.sum
	c.assemble(number, out, htlcs, scripts)
	return c, nil
}

// checkBalance holds the sum against the funding amount, so that no msat appears or vanishes.
func checkBalance(funding amount.Sat, toOwner, toOther amount.Msat, htlcs []HTLC) error {
	sum, err := toOwner.Add(toOther)
	for i := range htlcs {
		if err != nil {
			break
		}
		sum, err = sum.Add(htlcs[i].Amount)
	}
	if err != nil || sum != funding.Msat() {
		return fmt.Errorf("%s and %s and %d htlcs of %s: %w", toOwner, toOther, len(htlcs), funding, ErrUnbalanced)
	}
	return nil
}

// delayed is the output script that pays the owner after to_self_delay.
func (c *Commitment) delayed() []byte {
	if c.delayedScript == nil {
		k := c.params.Keys
		c.delayedScript = P2WSH(ToLocalScript(k.Revocation, k.OwnerDelayed, c.params.ToSelfDelay))
	}
	return c.delayedScript
}

// addHTLCs adds an output for each untrimmed HTLC and returns their witness scripts, indexed as
// htlcs is.
func (c *Commitment) addHTLCs(out *outputs, htlcs []HTLC, untrimmed int) [][]byte {
	if untrimmed == 0 {
		return nil
	}
	p := c.params
	offered := TrimThreshold(p.Anchors, true, c.feerate, p.DustLimit)
	received := TrimThreshold(p.Anchors, false, c.feerate, p.DustLimit)
	builder := newHTLCScripts(p.Keys, p.Anchors)
	scripts := make([][]byte, len(htlcs))
	slab := make([]byte, 0, untrimmed*maxHTLCScriptLen)
	for i := range htlcs {
		if !htlcs[i].isUntrimmed(offered, received) {
			continue
		}
		start := len(slab)
		slab = builder.append(slab, &htlcs[i])
		scripts[i] = slab[start:len(slab):len(slab)]
		out.addP2WSH(output{
			value: htlcs[i].Amount.Sat(), kind: htlcOutput, htlc: i, expiry: htlcs[i].CLTVExpiry,
		}, scripts[i])
	}
	return scripts
}

// assemble makes the transaction from sorted outputs and notes which output is what.
func (c *Commitment) assemble(number keys.CommitmentNumber, out *outputs, htlcs []HTLC, scripts [][]byte) {
	obscured := uint64(number) ^ c.params.ObscuringFactor
	c.Tx = &wire.MsgTx{
		Version: 2,
		TxIn: []*wire.TxIn{{
			PreviousOutPoint: c.params.Funding.Outpoint,
			Sequence:         0x80<<24 | uint32(obscured>>24)&0xffffff,
		}},
		TxOut:    out.txOuts(),
		LockTime: 0x20<<24 | uint32(obscured&0xffffff),
	}
	for i := range out.list {
		switch o := &out.list[i]; o.kind {
		case toOwnerOutput:
			c.ToOwner = i
		case toOtherOutput:
			c.ToOther = i
		case ownerAnchorOutput:
			c.OwnerAnchor = i
		case otherAnchorOutput:
			c.OtherAnchor = i
		case htlcOutput:
			if c.HTLCs == nil {
				c.HTLCs = make([]HTLCOutput, 0, len(out.list))
			}
			c.HTLCs = append(c.HTLCs, HTLCOutput{
				HTLC: htlcs[o.htlc], OutputIndex: uint32(i), WitnessScript: scripts[o.htlc],
			})
		}
	}
	c.txid, c.fundingDigest = hashFundingSpend(c.Tx, c.params.Funding)
}

// outputKind tells the outputs of a commitment apart.
type outputKind uint8

const (
	toOwnerOutput outputKind = iota
	toOtherOutput
	ownerAnchorOutput
	otherAnchorOutput
	htlcOutput
)

// output is one output before sorting.
type output struct {
	value  amount.Sat
	script []byte
	expiry block.Height // of an HTLC
	htlc   int          // its index
	kind   outputKind
}

// outputs collects outputs; the scripts of HTLCs share one allocation.
type outputs struct {
	list []output
	slab []byte
	sum  amount.Sat
}

func newOutputs(n int) *outputs {
	return &outputs{list: make([]output, 0, n), slab: make([]byte, 0, n*p2wshLen)}
}

func (o *outputs) add(out output, pkScript []byte) {
	out.script = pkScript
	o.list = append(o.list, out)
	o.sum += out.value
}

func (o *outputs) addP2WSH(out output, witnessScript []byte) {
	start := len(o.slab)
	o.slab = appendP2WSH(o.slab, witnessScript)
	o.add(out, o.slab[start:len(o.slab):len(o.slab)])
}

// sort orders by value, script and, for HTLCs that differ in nothing else, expiry (BOLT 3,
// Transaction Output Ordering); those that differ in nothing keep the order given.
func (o *outputs) sort() {
	slices.SortStableFunc(o.list, func(a, b output) int {
		return cmp.Or(
			cmp.Compare(a.value, b.value),
			bytes.Compare(a.script, b.script),
			cmp.Compare(a.expiry, b.expiry),
		)
	})
}

func (o *outputs) txOuts() []*wire.TxOut {
	values := make([]wire.TxOut, len(o.list))
	list := make([]*wire.TxOut, len(o.list))
	for i := range o.list {
		values[i] = wire.TxOut{Value: int64(o.list[i].value), PkScript: o.list[i].script}
		list[i] = &values[i]
	}
	return list
}

// doubleSHA256 is Bitcoin's usual hash.
func doubleSHA256(b []byte) [32]byte {
	h := sha256.Sum256(b)
	return sha256.Sum256(h[:])
}
