package onion

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Record is one TLV record.
type Record struct {
	Type  uint64
	Value []byte
}

// PayloadError is a payload that we do not understand; it is answered with the failure
// invalid_onion_payload. Type and Offset are zero when no single record is to blame.
type PayloadError struct {
	Type   uint64 // of the offending or missing record
	Offset uint16 // of that record in the payload
	Reason string
}

func (e *PayloadError) Error() string {
	if e.Type == 0 && e.Offset == 0 {
		return "onion payload: " + e.Reason
	}
	return fmt.Sprintf("onion payload: type %d at byte %d: %s", e.Type, e.Offset, e.Reason)
}

// Failure is the message that tells the origin.
func (e *PayloadError) Failure() *Failure {
	return &Failure{Code: InvalidOnionPayload, TLVType: e.Type, TLVOffset: e.Offset}
}

// record is a Record with its place in the stream.
type record struct {
	Record
	offset int
}

func (r *record) fault(format string, args ...any) error {
	return &PayloadError{Type: r.Type, Offset: uint16(min(r.offset, math.MaxUint16)), Reason: fmt.Sprintf(format, args...)}
}

// nextRecord reads the record at offset of stream, whose type must exceed that of the one before
// (last, or -1 for none), as BOLT 1, Type-Length-Value Format has it.
func nextRecord(stream []byte, offset int, last *record) (rec record, end int, err error) {
	rec.offset = offset
	typ, n := readBigSize(stream[offset:])
	if n == 0 {
		return rec, 0, rec.fault("type is not a minimal bigsize")
	}
	rec.Type = typ
	if last != nil && typ <= last.Type {
		return rec, 0, rec.fault("not after type %d", last.Type)
	}
	start := offset + n
	length, n := readBigSize(stream[start:])
	if n == 0 {
		return rec, 0, rec.fault("length is not a minimal bigsize")
	}
	start += n
	if length > uint64(len(stream)-start) {
		return rec, 0, rec.fault("length %d, %d bytes are left", length, len(stream)-start)
	}
	end = start + int(length)
	rec.Value = stream[start:end:end]
	return rec, end, nil
}

// truncated reads the value as tu64 or tu32: minimal, at most size bytes.
func (r *record) truncated(value []byte, size int) (uint64, error) {
	if len(value) > size {
		return 0, r.fault("integer of %d bytes, at most %d", len(value), size)
	}
	if len(value) > 0 && value[0] == 0 {
		return 0, r.fault("integer is not minimal")
	}
	var v uint64
	for _, b := range value {
		v = v<<8 | uint64(b)
	}
	return v, nil
}

// appendRecord appends type, length and value.
func appendRecord(dst []byte, r Record) []byte {
	dst = appendBigSize(dst, r.Type)
	dst = appendBigSize(dst, uint64(len(r.Value)))
	return append(dst, r.Value...)
}

// appendTruncated appends v as tu64: big-endian without leading zeros.
func appendTruncated(dst []byte, v uint64) []byte {
	full := binary.BigEndian.AppendUint64(nil, v)
	for len(full) > 0 && full[0] == 0 {
		full = full[1:]
	}
	return append(dst, full...)
}

// readBigSize reads a minimal bigsize and returns its length, 0 if there is none.
func readBigSize(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch first := b[0]; {
	case first < 0xfd:
		return uint64(first), 1
	case first == 0xfd && len(b) >= 3:
		v, n = uint64(binary.BigEndian.Uint16(b[1:])), 3
	case first == 0xfe && len(b) >= 5:
		v, n = uint64(binary.BigEndian.Uint32(b[1:])), 5
	case first == 0xff && len(b) >= 9:
		v, n = binary.BigEndian.Uint64(b[1:]), 9
	}
	if n != bigSizeLen(v) {
		return 0, 0
	}
	return v, n
}

func bigSizeLen(v uint64) int {
	switch {
	case v < 0xfd:
		return 1
	case v <= math.MaxUint16:
		return 3
	case v <= math.MaxUint32:
		return 5
	}
	return 9
}

func appendBigSize(dst []byte, v uint64) []byte {
	switch bigSizeLen(v) {
	case 1:
		return append(dst, byte(v))
	case 3:
		return binary.BigEndian.AppendUint16(append(dst, 0xfd), uint16(v))
	case 5:
		return binary.BigEndian.AppendUint32(append(dst, 0xfe), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xff), v)
}
