package psbtversion

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"
)

// The fields that version 0 must not have (BIP 370).
var (
	onlyV2Global = []byte{globalTxVersion, globalFallbackLocktime, globalInputCount, globalOutputCount, globalTxModifiable}
	onlyV2Input  = []byte{inPreviousTxid, inOutputIndex, inSequence, inRequiredTimeLocktime, inRequiredHeight}
	onlyV2Output = []byte{outAmount, outScript}
)

var magic = []byte("psbt\xff")

// maxSize bounds a PSBT: its transaction, and what it spends, are blocks of transactions at most.
const maxSize = 32 << 20

// field is one pair of a map.
type field struct{ key, value []byte }

// fields is a map, ordered by its keys; each has one byte at least.
type fields []field

func (f fields) get(typ byte) []byte {
	i, found := f.find([]byte{typ})
	if !found {
		return nil
	}
	return f[i].value
}

func (f fields) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(f, key, func(a field, key []byte) int { return bytes.Compare(a.key, key) })
}

func (f fields) uint32(typ byte) (uint32, error) {
	v := f.get(typ)
	if len(v) != 4 {
		return 0, fmt.Errorf("has %d bytes, want 4", len(v))
	}
	return binary.LittleEndian.Uint32(v), nil
}

func (f *fields) set(typ byte, value []byte) {
	i, found := f.find([]byte{typ})
	if found {
		(*f)[i].value = value
		return
	}
	*f = slices.Insert(*f, i, field{[]byte{typ}, value})
}

func (f *fields) setUint32(typ byte, v uint32) {
	f.set(typ, binary.LittleEndian.AppendUint32(nil, v))
}

func (f *fields) remove(types ...byte) {
	*f = slices.DeleteFunc(*f, func(e field) bool { return len(e.key) == 1 && slices.Contains(types, e.key[0]) })
}

// lacks fails if a map has one of the fields.
func (f fields) lacks(types ...byte) error {
	for _, e := range f {
		if slices.Contains(types, e.key[0]) {
			return fmt.Errorf("has a field of type 0x%02x, which its version has not", e.key[0])
		}
	}
	return nil
}

// begin reads the global map, and the version from it. What it leaves are the other maps.
func begin(raw []byte) (*packet, *bytes.Reader, error) {
	if len(raw) > maxSize {
		return nil, nil, fmt.Errorf("PSBT of %d bytes, at most %d are read", len(raw), maxSize)
	}
	rest, ok := bytes.CutPrefix(raw, magic)
	if !ok {
		return nil, nil, errors.New("does not begin as a PSBT")
	}
	r := bytes.NewReader(rest)
	p := new(packet)
	var err error
	if p.global, err = readMap(r); err != nil {
		return nil, nil, fmt.Errorf("global map: %w", err)
	}
	if p.global.get(globalVersion) != nil {
		if p.version, err = p.global.uint32(globalVersion); err != nil {
			return nil, nil, fmt.Errorf("global map: version: %w", err)
		}
	}
	return p, r, nil
}

// decode reads a PSBT to its last byte.
func decode(raw []byte) (*packet, error) {
	p, r, err := begin(raw)
	if err != nil {
		return nil, err
	}
	ins, outs, err := p.readGlobal()
	if err != nil {
		return nil, fmt.Errorf("global map: %w", err)
	}
	if p.inputs, err = p.readMaps(r, ins, onlyV2Input); err != nil {
		return nil, fmt.Errorf("input %w", err)
	}
	if p.outputs, err = p.readMaps(r, outs, onlyV2Output); err != nil {
		return nil, fmt.Errorf("output %w", err)
	}
	if r.Len() > 0 {
		return nil, fmt.Errorf("%d bytes are left over behind the last output", r.Len())
	}
	return p, nil
}

// readGlobal finds out how many inputs and outputs follow.
func (p *packet) readGlobal() (ins, outs uint64, err error) {
	switch p.version {
	case V0:
		if err := p.global.lacks(onlyV2Global...); err != nil {
			return 0, 0, err
		}
		tx, err := readTx(p.global.get(globalUnsignedTx))
		if err != nil {
			return 0, 0, err
		}
		return uint64(len(tx.TxIn)), uint64(len(tx.TxOut)), nil
	case V2:
		if err := p.global.lacks(globalUnsignedTx); err != nil {
			return 0, 0, err
		}
		if ins, err = p.global.count(globalInputCount); err != nil {
			return 0, 0, fmt.Errorf("input_count: %w", err)
		}
		if outs, err = p.global.count(globalOutputCount); err != nil {
			return 0, 0, fmt.Errorf("output_count: %w", err)
		}
		return ins, outs, nil
	}
	return 0, 0, fmt.Errorf("version %d, only 0 and 2 are known", p.version)
}

func (f fields) count(typ byte) (uint64, error) {
	r := bytes.NewReader(f.get(typ))
	v, err := wire.ReadVarInt(r, 0)
	if err == nil && r.Len() > 0 {
		err = fmt.Errorf("%d bytes are left over", r.Len())
	}
	return v, err
}

// readMaps reads so many maps, which grow with what is there, not with what is claimed.
func (p *packet) readMaps(r *bytes.Reader, count uint64, onlyV2 []byte) (maps []fields, err error) {
	for i := range count {
		m, err := readMap(r)
		if err == nil && p.version == V0 {
			err = m.lacks(onlyV2...)
		}
		if err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
		maps = append(maps, m)
	}
	return maps, nil
}

func readMap(r *bytes.Reader) (fields, error) {
	var list fields
	for {
		key, err := readBytes(r)
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		if len(key) == 0 {
			break
		}
		value, err := readBytes(r)
		if err != nil {
			return nil, fmt.Errorf("value of type 0x%02x: %w", key[0], err)
		}
		list = append(list, field{key, value})
	}
	slices.SortFunc(list, func(a, b field) int { return bytes.Compare(a.key, b.key) })
	for i := 1; i < len(list); i++ {
		if bytes.Equal(list[i-1].key, list[i].key) {
			return nil, fmt.Errorf("has the key %x twice", list[i].key)
		}
	}
	return list, nil
}

// readBytes reads a length and so many bytes, never nil.
func readBytes(r *bytes.Reader) ([]byte, error) {
	length, err := wire.ReadVarInt(r, 0)
	if err != nil {
		return nil, err
	}
	if length > uint64(r.Len()) {
		return nil, fmt.Errorf("claims %d bytes, %d are left", length, r.Len())
	}
	b := make([]byte, length)
	_, err = io.ReadFull(r, b)
	return b, err
}

func (p *packet) encode() []byte {
	raw := slices.Clone(magic)
	for _, m := range slices.Concat([]fields{p.global}, p.inputs, p.outputs) {
		for _, f := range m {
			raw = append(append(raw, compactSize(uint64(len(f.key)))...), f.key...)
			raw = append(append(raw, compactSize(uint64(len(f.value)))...), f.value...)
		}
		raw = append(raw, 0)
	}
	return raw
}

func compactSize(v uint64) []byte {
	var b bytes.Buffer
	wire.WriteVarInt(&b, 0, v) //nolint:errcheck // a buffer takes all
	return b.Bytes()
}
