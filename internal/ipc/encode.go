package ipc

import (
	"encoding/binary"
	"math"
	"reflect"
)

// The codes of the msgpack specification that we use.
const (
	codeFixArray = 0x90 // up to 15 elements
	codeFixStr   = 0xa0 // up to 31 bytes
	codeNil      = 0xc0
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	codeBin8     = 0xc4
	codeBin16    = 0xc5
	codeBin32    = 0xc6
	codeUint8    = 0xcc
	codeUint16   = 0xcd
	codeUint32   = 0xce
	codeUint64   = 0xcf
	codeInt8     = 0xd0
	codeInt16    = 0xd1
	codeInt32    = 0xd2
	codeInt64    = 0xd3
	codeStr8     = 0xd9
	codeStr16    = 0xda
	codeStr32    = 0xdb
	codeArray16  = 0xdc
	codeArray32  = 0xdd
	codeFixNeg   = 0xe0 // -32 to -1
)

func encBool(b []byte, v reflect.Value) []byte {
	if v.Bool() {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

func encUint(b []byte, v reflect.Value) []byte { return appendUint(b, v.Uint()) }

func encInt(b []byte, v reflect.Value) []byte {
	i := v.Int()
	switch {
	case i >= 0:
		return appendUint(b, uint64(i))
	case i >= -32:
		return append(b, byte(i))
	case i >= math.MinInt8:
		return append(b, codeInt8, byte(i))
	case i >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, codeInt16), uint16(i))
	case i >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, codeInt32), uint32(i))
	}
	return binary.BigEndian.AppendUint64(append(b, codeInt64), uint64(i))
}

func encString(b []byte, v reflect.Value) []byte {
	s := v.String()
	switch n := len(s); {
	case n < 32:
		b = append(b, codeFixStr|byte(n))
	case n <= math.MaxUint8:
		b = append(b, codeStr8, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, codeStr16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, codeStr32), uint32(n))
	}
	return append(b, s...)
}

// encBytes encodes byte slices and byte arrays, which are addressable in a message.
func encBytes(b []byte, v reflect.Value) []byte {
	p := v.Bytes()
	switch n := len(p); {
	case n <= math.MaxUint8:
		b = append(b, codeBin8, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, codeBin16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, codeBin32), uint32(n))
	}
	return append(b, p...)
}

func appendUint(b []byte, u uint64) []byte {
	switch {
	case u < 128:
		return append(b, byte(u))
	case u <= math.MaxUint8:
		return append(b, codeUint8, byte(u))
	case u <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, codeUint16), uint16(u))
	case u <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, codeUint32), uint32(u))
	}
	return binary.BigEndian.AppendUint64(append(b, codeUint64), u)
}

func appendArrayLen(b []byte, n int) []byte {
	switch arrayHeaderLen(n) {
	case 1:
		return append(b, codeFixArray|byte(n))
	case 3:
		return binary.BigEndian.AppendUint16(append(b, codeArray16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeArray32), uint32(n))
}

func arrayHeaderLen(n int) int {
	switch {
	case n < 16:
		return 1
	case n <= math.MaxUint16:
		return 3
	}
	return 5
}

func binHeaderLen(n int) int {
	switch {
	case n <= math.MaxUint8:
		return 2
	case n <= math.MaxUint16:
		return 3
	}
	return 5
}
