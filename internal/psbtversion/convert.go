// Package psbtversion converts PSBTs between version 0 (BIP 174), which has the unsigned transaction as a whole, and
// version 2 (BIP 370), which has it in the maps of its inputs and outputs. It knows no other field: those stay as they are.
package psbtversion

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"
)

// The versions that there are.
const (
	V0 = 0
	V2 = 2
)

// The types of the fields that differ.
const (
	globalUnsignedTx       = 0x00
	globalTxVersion        = 0x02
	globalFallbackLocktime = 0x03
	globalInputCount       = 0x04
	globalOutputCount      = 0x05
	globalTxModifiable     = 0x06
	globalVersion          = 0xfb

	inPreviousTxid         = 0x0e
	inOutputIndex          = 0x0f
	inSequence             = 0x10
	inRequiredTimeLocktime = 0x11
	inRequiredHeight       = 0x12

	outAmount = 0x03
	outScript = 0x04
)

// lockTimeThreshold is the least nLockTime that is a time; below are heights.
const lockTimeThreshold = 500_000_000

// packet is a PSBT of which only the transaction is read.
type packet struct {
	version uint32
	global  fields
	inputs  []fields
	outputs []fields
}

// Of is the version of a PSBT, of which no more than the global map is read.
func Of(raw []byte) (uint32, error) {
	p, _, err := begin(raw)
	if err != nil {
		return 0, err
	}
	return p.version, nil
}

// Convert returns a PSBT as it is in another version, or the same bytes if it has that version. A PSBT of version 2 that comes
// from version 0 can not be modified: there it says nothing of that. What becomes version 0 has the nLockTime
// that its inputs ask for.
func Convert(raw []byte, version uint32) ([]byte, error) {
	if version != V0 && version != V2 {
		return nil, fmt.Errorf("there is no version %d, only 0 and 2", version)
	}
	p, err := decode(raw)
	if err != nil {
		return nil, err
	}
	tx, err := p.transaction()
	switch {
	case err != nil:
		return nil, err
	case p.version == version:
		return raw, nil
	case version == V2:
		p.split(tx)
	default:
		if err := p.join(tx); err != nil {
			return nil, err
		}
	}
	return p.encode(), nil
}

// transaction is what the PSBT is about.
func (p *packet) transaction() (*wire.MsgTx, error) {
	if p.version == V0 {
		return readTx(p.global.get(globalUnsignedTx))
	}
	version, err := p.global.uint32(globalTxVersion)
	if err != nil {
		return nil, fmt.Errorf("tx_version: %w", err)
	}
	tx := &wire.MsgTx{Version: int32(version)}
	for i, in := range p.inputs {
		txIn, err := inputOf(in)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		tx.TxIn = append(tx.TxIn, txIn)
	}
	for i, out := range p.outputs {
		amount, script := out.get(outAmount), out.get(outScript)
		if len(amount) != 8 || script == nil {
			return nil, fmt.Errorf("output %d: amount of %d bytes, want 8, and a script", i, len(amount))
		}
		tx.TxOut = append(tx.TxOut, wire.NewTxOut(int64(binary.LittleEndian.Uint64(amount)), script))
	}
	tx.LockTime, err = p.lockTime()
	return tx, err
}

func inputOf(in fields) (*wire.TxIn, error) {
	txid := in.get(inPreviousTxid)
	if len(txid) != 32 {
		return nil, fmt.Errorf("previous_txid of %d bytes, want 32", len(txid))
	}
	index, err := in.uint32(inOutputIndex)
	if err != nil {
		return nil, fmt.Errorf("output_index: %w", err)
	}
	sequence := uint32(wire.MaxTxInSequenceNum)
	if in.get(inSequence) != nil {
		if sequence, err = in.uint32(inSequence); err != nil {
			return nil, fmt.Errorf("sequence: %w", err)
		}
	}
	return &wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte(txid), Index: index}, Sequence: sequence}, nil
}

// lockTime is the nLockTime of a PSBT of version 2 (BIP 370, Determining Lock Time): the greatest that an input asks for, of
// a kind that all of those take which ask for any, a height rather than a time.
func (p *packet) lockTime() (uint32, error) {
	var times, heights, asking int
	var time, height uint32
	for i, in := range p.inputs {
		asks := false
		for _, kind := range []struct {
			typ   byte
			count *int
			most  *uint32
			time  bool
		}{{inRequiredTimeLocktime, &times, &time, true}, {inRequiredHeight, &heights, &height, false}} {
			if in.get(kind.typ) == nil {
				continue
			}
			v, err := in.uint32(kind.typ)
			if err != nil {
				return 0, fmt.Errorf("input %d: required lock time: %w", i, err)
			}
			if v == 0 || (v >= lockTimeThreshold) != kind.time {
				return 0, fmt.Errorf("input %d: the required lock time %d is none of its kind", i, v)
			}
			asks = true
			*kind.count++
			*kind.most = max(*kind.most, v)
		}
		if asks {
			asking++
		}
	}
	switch {
	case asking == 0 && p.global.get(globalFallbackLocktime) == nil:
		return 0, nil
	case asking == 0:
		v, err := p.global.uint32(globalFallbackLocktime)
		if err != nil {
			return 0, fmt.Errorf("fallback_locktime: %w", err)
		}
		return v, nil
	case heights == asking:
		return height, nil
	case times == asking:
		return time, nil
	}
	return 0, errors.New("some inputs ask for a height and some for a time as the lock time")
}

// split makes version 2 of version 0.
func (p *packet) split(tx *wire.MsgTx) {
	p.version = V2
	p.global.remove(globalUnsignedTx, globalVersion)
	p.global.setUint32(globalTxVersion, uint32(tx.Version))
	if tx.LockTime != 0 {
		p.global.setUint32(globalFallbackLocktime, tx.LockTime)
	}
	p.global.set(globalInputCount, compactSize(uint64(len(tx.TxIn))))
	p.global.set(globalOutputCount, compactSize(uint64(len(tx.TxOut))))
	p.global.setUint32(globalVersion, V2)
	for i, in := range tx.TxIn {
		p.inputs[i].set(inPreviousTxid, in.PreviousOutPoint.Hash[:])
		p.inputs[i].setUint32(inOutputIndex, in.PreviousOutPoint.Index)
		if in.Sequence != wire.MaxTxInSequenceNum {
			p.inputs[i].setUint32(inSequence, in.Sequence)
		}
	}
	for i, out := range tx.TxOut {
		p.outputs[i].set(outAmount, binary.LittleEndian.AppendUint64(nil, uint64(out.Value)))
		p.outputs[i].set(outScript, out.PkScript)
	}
}

// join makes version 0 of version 2.
func (p *packet) join(tx *wire.MsgTx) error {
	var raw bytes.Buffer
	if err := tx.SerializeNoWitness(&raw); err != nil {
		return fmt.Errorf("unsigned transaction: %w", err)
	}
	p.version = V0
	p.global.remove(onlyV2Global...)
	p.global.remove(globalVersion)
	p.global.set(globalUnsignedTx, raw.Bytes())
	for i := range p.inputs {
		p.inputs[i].remove(onlyV2Input...)
	}
	for i := range p.outputs {
		p.outputs[i].remove(onlyV2Output...)
	}
	return nil
}
