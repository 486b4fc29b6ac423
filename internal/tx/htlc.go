package tx

import (
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
)

// Txid is the commitment's id, in internal byte order.
func (c *Commitment) Txid() [32]byte { return c.txid }

// SigHash is the digest that both funding keys sign.
func (c *Commitment) SigHash() [32]byte { return c.fundingDigest }

// Signed returns a copy of the commitment with both signatures, ready to broadcast.
func (c *Commitment) Signed(owner, other keys.Signature) *wire.MsgTx {
	t := c.Tx.Copy()
	t.TxIn[0].Witness = c.params.Funding.Witness(
		c.params.OwnerFundingKey, owner, c.params.OtherFundingKey, other)
	return t
}

// htlcValue is what HTLC i's transaction pays out.
func (c *Commitment) htlcValue(i int) amount.Sat {
	h := &c.HTLCs[i]
	return h.Amount.Sat() - HTLCFee(c.params.Anchors, h.Offered, c.feerate) // untrimmed: covers the fee
}

// htlcSequence is the input sequence of every HTLC transaction.
func htlcSequence(anchors bool) uint32 {
	if anchors {
		return 1
	}
	return 0
}

// lockTime is zero for HTLC-success, the expiry for HTLC-timeout.
func (h *HTLC) lockTime() uint32 {
	if h.Offered {
		return uint32(h.CLTVExpiry)
	}
	return 0
}

// HTLCTx is the unsigned HTLC-timeout or HTLC-success transaction of HTLCs[i].
func (c *Commitment) HTLCTx(i int) *wire.MsgTx {
	h := &c.HTLCs[i]
	spent := wire.OutPoint{Hash: chainhash.Hash(c.txid), Index: h.OutputIndex}
	return newHTLCTx(spent, &h.HTLC, c.params.Anchors, c.htlcValue(i), c.delayed())
}

func newHTLCTx(spent wire.OutPoint, h *HTLC, anchors bool, value amount.Sat, delayed []byte) *wire.MsgTx {
	return &wire.MsgTx{
		Version:  2,
		TxIn:     []*wire.TxIn{{PreviousOutPoint: spent, Sequence: htlcSequence(anchors)}},
		TxOut:    []*wire.TxOut{{Value: int64(value), PkScript: delayed}},
		LockTime: h.lockTime(),
	}
}

// HTLCTxParams is what an HTLC transaction depends on besides its HTLC, for who has no whole commitment.
type HTLCTxParams struct {
	Keys         *keys.CommitmentKeys
	Anchors      bool
	ToSelfDelay  block.Delta // as in CommitmentParams
	FeeratePerKw amount.FeeratePerKw
}

// BuildHTLCTx is the unsigned HTLC-timeout or HTLC-success transaction of h, whose output is spent. An HTLC
// that its fee exceeds has none.
func BuildHTLCTx(p *HTLCTxParams, spent wire.OutPoint, h *HTLC) (*wire.MsgTx, error) {
	value, fee := h.Amount.Sat(), HTLCFee(p.Anchors, h.Offered, p.FeeratePerKw)
	if fee > value {
		return nil, fmt.Errorf("htlc of %s, fee %s: %w", value, fee, ErrOverspent)
	}
	delayed := P2WSH(ToLocalScript(p.Keys.Revocation, p.Keys.OwnerDelayed, p.ToSelfDelay))
	return newHTLCTx(spent, h, p.Anchors, value-fee, delayed), nil
}

// SignedHTLCTx completes HTLCs[i]'s transaction. The preimage is that of a received HTLC, and
// ignored for an offered one.
func (c *Commitment) SignedHTLCTx(i int, owner, other keys.Signature, preimage [32]byte) *wire.MsgTx {
	h := &c.HTLCs[i]
	t := c.HTLCTx(i)
	var last []byte
	if !h.Offered {
		last = preimage[:]
	}
	t.TxIn[0].Witness = wire.TxWitness{
		nil,
		scriptSig(other, c.OtherHTLCSigHashType()),
		scriptSig(owner, SigHashAll),
		last,
		h.WitnessScript,
	}
	return t
}

// OtherHTLCSigHashType is how the other side signs the owner's HTLC transactions: with anchors so
// that the owner can add inputs and outputs that pay fees (BOLT 3, HTLC-Timeout and HTLC-Success).
func (c *Commitment) OtherHTLCSigHashType() byte {
	if c.params.Anchors {
		return SigHashSingleAnyoneCanPay
	}
	return SigHashAll
}

// OtherHTLCSigHashes are the digests of the other side's htlc_signatures, in their order.
func (c *Commitment) OtherHTLCSigHashes() [][32]byte {
	d := c.newHTLCDigest(c.OtherHTLCSigHashType())
	digests := make([][32]byte, len(c.HTLCs))
	for i := range digests {
		digests[i] = d.sum(c, i)
	}
	return digests
}

// OwnerHTLCSigHash is the digest that the owner signs to broadcast HTLCTx(i).
func (c *Commitment) OwnerHTLCSigHash(i int) [32]byte {
	return c.newHTLCDigest(SigHashAll).sum(c, i)
}

// htlcDigest computes one digest after another with the same buffers.
type htlcDigest struct {
	digest   segwitDigest
	outpoint wire.OutPoint
	scratch  []byte
}

func (c *Commitment) newHTLCDigest(hashType byte) *htlcDigest {
	d := &htlcDigest{
		outpoint: wire.OutPoint{Hash: chainhash.Hash(c.txid)},
		scratch:  make([]byte, 0, 192+maxHTLCScriptLen),
	}
	d.digest = segwitDigest{
		version: 2, outpoint: &d.outpoint, sequence: htlcSequence(c.params.Anchors), hashType: uint32(hashType),
	}
	if hashType == SigHashAll {
		d.digest.hashSequence = doubleSHA256(binary.LittleEndian.AppendUint32(d.scratch, d.digest.sequence))
	}
	return d
}

func (d *htlcDigest) sum(c *Commitment, i int) [32]byte {
	h := &c.HTLCs[i]
	d.outpoint.Index = h.OutputIndex
	d.digest.script = h.WitnessScript
	d.digest.value = h.Amount.Sat()
	d.digest.lockTime = h.lockTime()
	// SIGHASH_SINGLE of the only input and SIGHASH_ALL cover the same single output.
	d.digest.hashOutputs = doubleSHA256(appendOutput(d.scratch, c.htlcValue(i), c.delayed()))
	if d.digest.hashType == SigHashAll {
		d.digest.hashPrevouts = doubleSHA256(appendOutpoint(d.scratch, &d.outpoint))
	}
	return d.digest.sum(d.scratch)
}

// Witness spends the funding output with both signatures, in the order of the script's keys.
func (f *Funding) Witness(keyA keys.PubKey, sigA keys.Signature, keyB keys.PubKey, sigB keys.Signature) wire.TxWitness {
	if string(keyA[:]) > string(keyB[:]) {
		sigA, sigB = sigB, sigA
	}
	return wire.TxWitness{nil, scriptSig(sigA, SigHashAll), scriptSig(sigB, SigHashAll), f.Script()}
}

// scriptSig is a signature as a witness carries it.
func scriptSig(sig keys.Signature, hashType byte) []byte {
	return append(sig.AppendDER(make([]byte, 0, 73)), hashType)
}
