package tx

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

// The signature hash types that BOLT 3 uses.
const (
	SigHashAll                = 0x01
	SigHashSingleAnyoneCanPay = 0x83
)

// hashFundingSpend returns the txid and the BIP143 digest (SIGHASH_ALL) of a transaction whose one
// input spends the funding output. It serializes the outputs once for both.
func hashFundingSpend(t *wire.MsgTx, f *Funding) (txid, digest [32]byte) {
	in := t.TxIn[0]
	raw := make([]byte, 0, 64+len(t.TxOut)*(9+p2wshLen))
	raw = binary.LittleEndian.AppendUint32(raw, uint32(t.Version))
	raw = append(raw, 1)
	raw = appendOutpoint(raw, &in.PreviousOutPoint)
	raw = append(raw, 0)
	raw = binary.LittleEndian.AppendUint32(raw, in.Sequence)
	raw = appendVarInt(raw, len(t.TxOut))
	start := len(raw)
	for _, out := range t.TxOut {
		raw = appendOutput(raw, amount.Sat(out.Value), out.PkScript)
	}
	hashOutputs := doubleSHA256(raw[start:])
	raw = binary.LittleEndian.AppendUint32(raw, t.LockTime)

	d := segwitDigest{
		version: uint32(t.Version), outpoint: &in.PreviousOutPoint, sequence: in.Sequence,
		script: f.Script(), value: f.Amount, lockTime: t.LockTime, hashType: SigHashAll,
		hashOutputs: hashOutputs,
	}
	d.hashPrevouts = doubleSHA256(appendOutpoint(nil, d.outpoint))
	d.hashSequence = doubleSHA256(binary.LittleEndian.AppendUint32(nil, d.sequence))
	return doubleSHA256(raw), d.sum(nil)
}

// segwitDigest is what a version 0 witness signature signs (BIP143).
type segwitDigest struct {
	version      uint32
	hashPrevouts [32]byte
	hashSequence [32]byte
	outpoint     *wire.OutPoint
	script       []byte
	value        amount.Sat
	sequence     uint32
	hashOutputs  [32]byte
	lockTime     uint32
	hashType     uint32
}

// sum hashes the digest's fields; scratch may be reused between calls.
func (d *segwitDigest) sum(scratch []byte) [32]byte {
	b := binary.LittleEndian.AppendUint32(scratch[:0], d.version)
	b = append(b, d.hashPrevouts[:]...)
	b = append(b, d.hashSequence[:]...)
	b = appendOutpoint(b, d.outpoint)
	b = appendVarInt(b, len(d.script))
	b = append(b, d.script...)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.value))
	b = binary.LittleEndian.AppendUint32(b, d.sequence)
	b = append(b, d.hashOutputs[:]...)
	b = binary.LittleEndian.AppendUint32(b, d.lockTime)
	b = binary.LittleEndian.AppendUint32(b, d.hashType)
	return doubleSHA256(b)
}

func appendOutpoint(b []byte, o *wire.OutPoint) []byte {
	b = append(b, o.Hash[:]...)
	return binary.LittleEndian.AppendUint32(b, o.Index)
}

func appendOutput(b []byte, value amount.Sat, pkScript []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(value))
	b = appendVarInt(b, len(pkScript))
	return append(b, pkScript...)
}

// appendVarInt appends Bitcoin's variable-length integer; no count here exceeds 16 bits.
func appendVarInt(b []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(b, byte(n))
	case n <= 0xffff:
		return binary.LittleEndian.AppendUint16(append(b, 0xfd), uint16(n))
	default:
		return binary.LittleEndian.AppendUint32(append(b, 0xfe), uint32(n))
	}
}
