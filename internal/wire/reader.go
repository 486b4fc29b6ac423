package wire

import (
	"encoding/binary"
	"fmt"
	"strings"

	"fulmen/internal/keys"
)

// DecodeError says what part of a message does not decode.
type DecodeError struct {
	Message string // its name
	Record  string // the TLV record's name, if a record is known to be at fault
	Field   string
	Reason  string
}

func (e *DecodeError) Error() string {
	var b strings.Builder
	for _, s := range []string{e.Message, e.Record, e.Field} {
		if s != "" {
			b.WriteString(s + ": ")
		}
	}
	return b.String() + e.Reason
}

// reader takes fields off the front of b. The first failure sticks: whatever is read afterwards is
// zero or empty, so that decoders need to look at err only once, at their end.
type reader struct {
	message string
	b       []byte // not yet read: of the current record if in one, else of the message
	err     *DecodeError

	recordType uint64
	record     string // its name, once known to be one of ours
	after      []byte // what follows the record
	inStream   bool   // a record was read before, so recordType is a lower bound
}

func newReader(message string, b []byte) reader {
	return reader{message: message, b: b}
}

// result is the error to return: an untyped nil if there was none.
func (r *reader) result() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

func (r *reader) fail(field, format string, args ...any) {
	if r.err == nil {
		r.err = &DecodeError{Message: r.message, Record: r.record, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	r.b, r.after = nil, nil
}

// take returns the next n bytes, or nil after a failure.
func (r *reader) take(n int, field string) []byte {
	if len(r.b) < n {
		r.fail(field, "want %d bytes, have %d", n, len(r.b))
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) byte(field string) byte {
	if p := r.take(1, field); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16(field string) uint16 {
	if p := r.take(2, field); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32(field string) uint32 {
	if p := r.take(4, field); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (r *reader) u64(field string) uint64 {
	if p := r.take(8, field); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (r *reader) tu32(field string) uint32 { return uint32(r.truncated(4, field)) }
func (r *reader) tu64(field string) uint64 { return r.truncated(8, field) }

// truncated reads an integer that takes all that is left of the record, without leading zeros.
func (r *reader) truncated(size int, field string) uint64 {
	p := r.remaining()
	if len(p) > size {
		r.fail(field, "want at most %d bytes, have %d", size, len(p))
		return 0
	}
	if len(p) > 0 && p[0] == 0 {
		r.fail(field, "not minimal")
		return 0
	}
	var v uint64
	for _, c := range p {
		v = v<<8 | uint64(c)
	}
	return v
}

func (r *reader) bigSize(field string) uint64 {
	v, n, err := ReadBigSize(r.b)
	if err != nil {
		r.fail(field, "%v", err)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// fill copies the next len(dst) bytes.
func (r *reader) fill(dst []byte, field string) { copy(dst, r.take(len(dst), field)) }

// point checks no more than the first byte: users parse keys when they need them.
func (r *reader) point(dst *keys.PubKey, field string) {
	r.fill(dst[:], field)
	if r.err == nil && dst[0] != 2 && dst[0] != 3 {
		r.fail(field, "not a compressed point")
	}
}

// bytes copies the next n bytes; it is nil for none.
func (r *reader) bytes(n int, field string) []byte {
	return append([]byte(nil), r.take(n, field)...)
}

// remaining copies all that is left; it is never nil, as nil means an absent record.
func (r *reader) remaining() []byte {
	p := append([]byte{}, r.b...)
	r.b = nil
	return p
}

// fits is n if n elements of at least size bytes can be left, else 0, before anyone allocates them.
func (r *reader) fits(n, size int, field string) int {
	if n*size > len(r.b) {
		r.fail(field, "want %d times %d bytes, have %d", n, size, len(r.b))
		return 0
	}
	return n
}

// whole is how many elements of size bytes are left, which must leave no rest.
func (r *reader) whole(size int, field string) int {
	if len(r.b)%size != 0 {
		r.fail(field, "want a multiple of %d bytes, have %d", size, len(r.b))
	}
	return len(r.b) / size
}
