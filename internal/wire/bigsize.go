package wire

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// The ways in which a BigSize can be wrong.
var (
	ErrBigSizeNotMinimal = errors.New("bigsize is not minimal")
	ErrBigSizeCutOff     = errors.New("bigsize is cut off")
)

// AppendBigSize appends v as a BigSize (BOLT 1, Appendix A).
func AppendBigSize(dst []byte, v uint64) []byte {
	switch {
	case v < 0xfd:
		return append(dst, byte(v))
	case v <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 0xfd), uint16(v))
	case v <= 0xffffffff:
		return binary.BigEndian.AppendUint32(append(dst, 0xfe), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 0xff), v)
	}
}

// ReadBigSize reads the BigSize that b starts with, and returns how many bytes it took.
func ReadBigSize(b []byte) (v uint64, n int, err error) {
	if len(b) == 0 {
		return 0, 0, ErrBigSizeCutOff
	}
	if b[0] < 0xfd {
		return uint64(b[0]), 1, nil
	}
	n = 1 + 2<<(b[0]-0xfd)
	if len(b) < n {
		return 0, 0, ErrBigSizeCutOff
	}
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	if bigSizeLen(v) != n {
		return 0, 0, ErrBigSizeNotMinimal
	}
	return v, n, nil
}

// bigSizeLen is the size of v as a BigSize.
func bigSizeLen(v uint64) int {
	switch {
	case v < 0xfd:
		return 1
	case v <= 0xffff:
		return 3
	case v <= 0xffffffff:
		return 5
	default:
		return 9
	}
}

// truncatedLen is the size of v as a tu16, tu32 or tu64.
func truncatedLen(v uint64) int { return (bits.Len64(v) + 7) / 8 }
