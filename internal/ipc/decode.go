package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
)

var errTruncated = errors.New("truncated")

// decoder reads msgpack values from b and never looks or allocates beyond it.
type decoder struct {
	b   []byte
	off int
}

func (d *decoder) remaining() int { return len(d.b) - d.off }

// take returns the next n bytes, which belong to the frame.
func (d *decoder) take(n int) ([]byte, error) {
	if n > d.remaining() {
		return nil, fmt.Errorf("%w: %d bytes wanted, %d left", errTruncated, n, d.remaining())
	}
	d.off += n
	return d.b[d.off-n : d.off], nil
}

func (d *decoder) code() (byte, error) {
	if d.off >= len(d.b) {
		return 0, errTruncated
	}
	d.off++
	return d.b[d.off-1], nil
}

// skipNil consumes a nil if it is next.
func (d *decoder) skipNil() bool {
	if d.off < len(d.b) && d.b[d.off] == codeNil {
		d.off++
		return true
	}
	return false
}

// bigEndian reads an unsigned number of n bytes.
func (d *decoder) bigEndian(n int) (uint64, error) {
	p, err := d.take(n)
	if err != nil {
		return 0, err
	}
	switch n {
	case 1:
		return uint64(p[0]), nil
	case 2:
		return uint64(binary.BigEndian.Uint16(p)), nil
	case 4:
		return uint64(binary.BigEndian.Uint32(p)), nil
	}
	return binary.BigEndian.Uint64(p), nil
}

func (d *decoder) uint() (uint64, error) {
	c, err := d.code()
	if err != nil {
		return 0, err
	}
	return d.uintOf(c)
}

func (d *decoder) uintOf(c byte) (uint64, error) {
	switch {
	case c < 128:
		return uint64(c), nil
	case c >= codeUint8 && c <= codeUint64:
		return d.bigEndian(1 << (c - codeUint8))
	}
	return 0, fmt.Errorf("want an unsigned integer, have code %#02x", c)
}

// arrayLen is at most what the bytes left could hold with one byte an element.
func (d *decoder) arrayLen() (int, error) {
	c, err := d.code()
	if err != nil {
		return 0, err
	}
	var n uint64
	switch {
	case c&0xf0 == codeFixArray:
		n = uint64(c & 0x0f)
	case c == codeArray16:
		n, err = d.bigEndian(2)
	case c == codeArray32:
		n, err = d.bigEndian(4)
	default:
		return 0, fmt.Errorf("want an array, have code %#02x", c)
	}
	if err != nil {
		return 0, err
	}
	if n > uint64(d.remaining()) {
		return 0, fmt.Errorf("%d elements cannot be in the %d bytes left", n, d.remaining())
	}
	return int(n), nil
}

func (d *decoder) bin() ([]byte, error) {
	c, err := d.code()
	if err != nil {
		return nil, err
	}
	if c < codeBin8 || c > codeBin32 {
		return nil, fmt.Errorf("want bytes, have code %#02x", c)
	}
	n, err := d.bigEndian(1 << (c - codeBin8))
	if err != nil {
		return nil, err
	}
	return d.take(int(n))
}

func (d *decoder) str() ([]byte, error) {
	c, err := d.code()
	if err != nil {
		return nil, err
	}
	if c&0xe0 == codeFixStr {
		return d.take(int(c & 0x1f))
	}
	if c < codeStr8 || c > codeStr32 {
		return nil, fmt.Errorf("want a string, have code %#02x", c)
	}
	n, err := d.bigEndian(1 << (c - codeStr8))
	if err != nil {
		return nil, err
	}
	return d.take(int(n))
}

func decBool(d *decoder, v reflect.Value) error {
	c, err := d.code()
	if err != nil {
		return err
	}
	if c != codeTrue && c != codeFalse {
		return fmt.Errorf("want a bool, have code %#02x", c)
	}
	v.SetBool(c == codeTrue)
	return nil
}

func decUint(d *decoder, v reflect.Value) error {
	u, err := d.uint()
	if err != nil {
		return err
	}
	if v.OverflowUint(u) {
		return fmt.Errorf("%d does not fit %s", u, v.Type())
	}
	v.SetUint(u)
	return nil
}

func decInt(d *decoder, v reflect.Value) error {
	i, err := d.int()
	if err != nil {
		return err
	}
	if v.OverflowInt(i) {
		return fmt.Errorf("%d does not fit %s", i, v.Type())
	}
	v.SetInt(i)
	return nil
}

func (d *decoder) int() (int64, error) {
	c, err := d.code()
	switch {
	case err != nil:
		return 0, err
	case c >= codeFixNeg:
		return int64(int8(c)), nil
	case c < codeInt8 || c > codeInt64:
		u, err := d.uintOf(c)
		if err == nil && int64(u) < 0 {
			err = fmt.Errorf("%d does not fit an int64", u)
		}
		return int64(u), err
	}
	n := 1 << (c - codeInt8)
	u, err := d.bigEndian(n)
	unused := 64 - 8*n // extends the sign
	return int64(u<<unused) >> unused, err
}

func decString(d *decoder, v reflect.Value) error {
	p, err := d.str()
	if err == nil {
		v.SetString(string(p))
	}
	return err
}

// decBytes copies: the frame's buffer is used again. No bytes decode as nil.
func decBytes(d *decoder, v reflect.Value) error {
	p, err := d.bin()
	if err == nil && len(p) > 0 {
		v.SetBytes(append(make([]byte, 0, len(p)), p...))
	}
	return err
}

func decByteArray(d *decoder, v reflect.Value) error {
	p, err := d.bin()
	if err != nil {
		return err
	}
	if len(p) != v.Len() {
		return fmt.Errorf("want %d bytes, have %d", v.Len(), len(p))
	}
	copy(v.Bytes(), p)
	return nil
}
