// Package features has BOLT 9's feature bits: vectors of them, which ones we set where, what a
// peer must not ask of us, and the channel types that are made of them.
package features

import (
	"fmt"
	"iter"
	"math/bits"
	"slices"
)

// Bit is a number in a feature vector: even if compulsory, odd if optional. The constants are the
// even bits. A vector in a message can have more than 2^16.
type Bit uint32

// Compulsory is the even bit of b's pair.
func (b Bit) Compulsory() Bit { return b &^ 1 }

// Optional is the odd bit of b's pair.
func (b Bit) Optional() Bit { return b | 1 }

// IsCompulsory reports whether b is even.
func (b Bit) IsCompulsory() bool { return b%2 == 0 }

// String is e.g. "option_anchors/odd", or e.g. "bit 99".
func (b Bit) String() string {
	name := b.Name()
	switch {
	case name == "":
		return fmt.Sprintf("bit %d", uint32(b))
	case b.IsCompulsory():
		return name + "/even"
	default:
		return name + "/odd"
	}
}

// Vector is a feature vector as on the wire: bit 0 is the lowest of the last byte. It may be nil.
type Vector []byte

// New is the shortest vector with these bits.
func New(set ...Bit) Vector {
	var v Vector
	for _, b := range set {
		v = v.Set(b)
	}
	return v
}

// Set adds b to v, which it may change, and returns the result, as append does.
func (v Vector) Set(b Bit) Vector {
	if short := int(b/8) + 1 - len(v); short > 0 {
		v = append(make(Vector, short), v...)
	}
	v[len(v)-1-int(b/8)] |= 1 << (b % 8)
	return v
}

// Has reports whether exactly the bit b is set.
func (v Vector) Has(b Bit) bool {
	at := len(v) - 1 - int(b/8)
	return at >= 0 && v[at]&(1<<(b%8)) != 0
}

// Supports reports whether either bit of b's pair is set: the feature is offered (BOLT 1, The init
// Message).
func (v Vector) Supports(b Bit) bool { return v.Has(b.Compulsory()) || v.Has(b.Optional()) }

// Requires reports whether the even bit of b's pair is set; the odd one beside it changes nothing
// (BOLT 9, Requirements).
func (v Vector) Requires(b Bit) bool { return v.Has(b.Compulsory()) }

// Or is the shortest vector with the bits of both, as for init's two vectors (BOLT 1, The init
// Message).
func (v Vector) Or(w Vector) Vector {
	if len(v) < len(w) {
		v, w = w, v
	}
	sum := slices.Clone(v)
	for i := range w {
		sum[len(sum)-len(w)+i] |= w[i]
	}
	return sum.trim()
}

// Equal reports whether the same bits are set.
func (v Vector) Equal(w Vector) bool { return slices.Equal(v.trim(), w.trim()) }

// trim cuts off zero bytes in front.
func (v Vector) trim() Vector {
	for len(v) > 0 && v[0] == 0 {
		v = v[1:]
	}
	return v
}

// All goes through the bits that are set, ascending.
func (v Vector) All() iter.Seq[Bit] {
	return func(yield func(Bit) bool) {
		for i := range v {
			for rest := v[len(v)-1-i]; rest != 0; rest &= rest - 1 {
				if b := Bit(i*8 + bits.TrailingZeros8(rest)); !yield(b) {
					return
				}
			}
		}
	}
}

// Negotiated reports whether a feature is in use between two peers: both offered it, or we require
// it and the peer stayed (BOLT 1, The init Message).
func Negotiated(local, remote Vector, b Bit) bool {
	return local.Supports(b) && (remote.Supports(b) || local.Requires(b))
}
