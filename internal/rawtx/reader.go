package rawtx

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// reader takes one value after the other from in. After an error it has only zeros.
type reader struct {
	in  []byte
	err error
}

// take is the next n bytes, or nil and an error.
func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.in) {
		r.err = io.ErrUnexpectedEOF
	}
	if r.err != nil {
		r.in = nil
		return nil
	}
	b := r.in[:n]
	r.in = r.in[n:]
	return b
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); r.err == nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// compactSize reads Bitcoin's count: one byte, or a byte that says how many follow. There is only one encoding for each
// value.
func (r *reader) compactSize() uint64 {
	first := r.take(1)
	if r.err != nil {
		return 0
	}
	size := 0
	switch first[0] {
	case 0xfd:
		size = 2
	case 0xfe:
		size = 4
	case 0xff:
		size = 8
	default:
		return uint64(first[0])
	}
	var b [8]byte
	copy(b[:], r.take(size))
	v := binary.LittleEndian.Uint64(b[:])
	if r.err == nil && (v < 0xfd || size > 2 && v>>(4*size) == 0) {
		r.err = fmt.Errorf("count %d is not encoded in as few bytes as can be", v)
	}
	return v
}

// count reads how many things follow, each of which has at least size bytes.
func (r *reader) count(what string, size int) int {
	n := r.compactSize()
	if r.err == nil && n > uint64(len(r.in)/size) {
		r.err = fmt.Errorf("%d %s claimed in %d bytes: %w", n, what, len(r.in), io.ErrUnexpectedEOF)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// bytes reads a number of bytes, and these.
func (r *reader) bytes() []byte { return r.take(r.count("bytes", 1)) }

func unix(seconds uint32) time.Time { return time.Unix(int64(seconds), 0) }
