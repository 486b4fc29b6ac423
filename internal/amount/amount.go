// Package amount has the types for money and fee rates, with checked arithmetic.
// It prints amounts for logs; text for users is elsewhere.
package amount

import (
	"errors"
	"fmt"
	"math/bits"
)

// Msat is an amount in millisatoshi.
type Msat uint64

// Sat is an amount in satoshi.
type Sat uint64

// MaxSat is the number of satoshis that can ever exist.
const MaxSat Sat = 21_000_000 * 100_000_000

// MaxMsat is MaxSat in millisatoshi; it fits 63 bits, so two sums of it never wrap unnoticed.
const MaxMsat Msat = Msat(MaxSat) * 1000

// ErrOverflow is returned when a sum or product exceeds 64 bits, or a difference is negative.
var ErrOverflow = errors.New("amount overflows")

// Msat converts to millisatoshi; it saturates at the largest Msat, which no valid amount reaches.
func (s Sat) Msat() Msat {
	hi, lo := bits.Mul64(uint64(s), 1000)
	if hi != 0 {
		return Msat(^uint64(0))
	}
	return Msat(lo)
}

// Sat rounds down to whole satoshis.
func (m Msat) Sat() Sat { return Sat(m / 1000) }

// SatRoundUp rounds up to whole satoshis.
func (m Msat) SatRoundUp() Sat {
	s := Sat(m / 1000)
	if m%1000 != 0 {
		s++
	}
	return s
}

// Add returns m+o, or ErrOverflow.
func (m Msat) Add(o Msat) (Msat, error) {
	sum, carry := bits.Add64(uint64(m), uint64(o), 0)
	if carry != 0 {
		return 0, fmt.Errorf("%s + %s: %w", m, o, ErrOverflow)
	}
	return Msat(sum), nil
}

// Sub returns m-o, or ErrOverflow when o is larger.
func (m Msat) Sub(o Msat) (Msat, error) {
	if o > m {
		return 0, fmt.Errorf("%s - %s: %w", m, o, ErrOverflow)
	}
	return m - o, nil
}

// Add returns s+o, or ErrOverflow.
func (s Sat) Add(o Sat) (Sat, error) {
	sum, carry := bits.Add64(uint64(s), uint64(o), 0)
	if carry != 0 {
		return 0, fmt.Errorf("%s + %s: %w", s, o, ErrOverflow)
	}
	return Sat(sum), nil
}

// Sub returns s-o, or ErrOverflow when o is larger.
func (s Sat) Sub(o Sat) (Sat, error) {
	if o > s {
		return 0, fmt.Errorf("%s - %s: %w", s, o, ErrOverflow)
	}
	return s - o, nil
}

// String prints e.g. "1000msat".
func (m Msat) String() string { return fmt.Sprintf("%dmsat", uint64(m)) }

// String prints e.g. "1000sat".
func (s Sat) String() string { return fmt.Sprintf("%dsat", uint64(s)) }

// FeeratePerKw is a fee rate in satoshi per 1000 weight units.
type FeeratePerKw uint32

// FeerateFloor is the lowest fee rate that relays (BOLT 2, `update_fee`; 1 sat/vbyte, rounded up).
const FeerateFloor FeeratePerKw = 253

// Fee is the fee for weight units, rounded down (BOLT 3, Fee Calculation).
func (f FeeratePerKw) Fee(weight int) Sat { return Sat(uint64(f) * uint64(weight) / 1000) }

// PerKvB converts to satoshi per 1000 virtual bytes.
func (f FeeratePerKw) PerKvB() uint64 { return uint64(f) * 4 }

// String prints e.g. "253perkw".
func (f FeeratePerKw) String() string { return fmt.Sprintf("%dperkw", uint32(f)) }
