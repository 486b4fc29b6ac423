package channel

import (
	"encoding/binary"
	"fmt"
)

// encoder appends to what is stored: numbers as varints, arrays as they are, slices with a length.
type encoder []byte

func (e *encoder) uint(v uint64) { *e = binary.AppendUvarint(*e, v) }

func (e *encoder) raw(b []byte) { *e = append(*e, b...) }

func (e *encoder) bytes(b []byte) {
	e.uint(uint64(len(b)))
	e.raw(b)
}

// flags packs booleans, the first in the lowest bit.
func (e *encoder) flags(list ...bool) {
	var v uint64
	for i, set := range list {
		if set {
			v |= 1 << i
		}
	}
	e.uint(v)
}

// decoder reads it back. After an error all reads give zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrBadRecord)
	}
	d.b = nil
}

func (d *decoder) uint(what string, limit uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail("%s: no number", what)
		return 0
	}
	if v > limit {
		d.fail("%s: %d, limit %d", what, v, limit)
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) raw(what string, dst []byte) {
	if len(d.b) < len(dst) {
		d.fail("%s: want %d bytes, have %d", what, len(dst), len(d.b))
		return
	}
	copy(dst, d.b)
	d.b = d.b[len(dst):]
}

// bytes copies, so that what is kept does not hold on to the whole record; empty gives nil.
func (d *decoder) bytes(what string) []byte {
	n := d.uint(what, uint64(len(d.b)))
	if n == 0 || d.err != nil {
		return nil
	}
	b := make([]byte, n)
	d.raw(what, b)
	return b
}

// count is a number of entries that take at least size bytes each.
func (d *decoder) count(what string, size int) int {
	return int(d.uint(what, uint64(len(d.b)/size)))
}

func (d *decoder) flags(what string, list ...*bool) {
	v := d.uint(what, 1<<len(list)-1)
	for i, set := range list {
		*set = v>>i&1 == 1
	}
}

// end says what went wrong, also if bytes are left over.
func (d *decoder) end(what string) error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes left over", len(d.b))
	}
	if d.err != nil {
		return fmt.Errorf("%s: %w", what, d.err)
	}
	return nil
}
