// Package codex32 reads and writes a node's secret in the letters of BIP 93, with a checksum that finds mistakes. It
// knows secrets that are whole, and none that are split into shares.
package codex32

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/btcsuite/btcd/address/v2/bech32"
)

// HRP is the human-readable part of a node's secret, as other nodes write it.
const HRP = "cl"

// The ways in which a text is none.
var (
	ErrForm     = errors.New("not in the form of BIP 93")
	ErrChecksum = errors.New("the checksum does not match: a letter is wrong")
	ErrShare    = errors.New("one of several shares, which are not supported: combine them first")
)

const charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// code is one of BIP 93's two, which differ in their lengths.
type code struct {
	symbols   int // of the checksum
	generator [5]*big.Int
	target    *big.Int
}

var (
	short = newCode(13, "19dc500ce73fde210", "1bfae00def77fe529", "1fbd920fffe7bee52", "1739640bdeee3fdad", "07729a039cfc75f5a", "10ce0795c2fd1e62a")
	long  = newCode(15, "3d59d273535ea62d897", "7a9becb6361c6c51507", "543f9b7e6c38d8a2a0e", "0c577eaeccf1990d13c", "1887f74f8dc71b10651",
		"43381e570bf4798ab26")
)

func newCode(symbols int, constants ...string) *code {
	c := &code{symbols: symbols}
	for i, text := range constants {
		n, ok := new(big.Int).SetString(text, 16)
		if !ok {
			panic("codex32: " + text)
		}
		if i < len(c.generator) {
			c.generator[i] = n
		} else {
			c.target = n
		}
	}
	return c
}

// The longest that the short code covers, and the longest of all, in symbols after the separator, checksum and all.
const (
	mostShort = 93
	leastLong = 96
	mostLong  = 1023
)

// polymod is the residue of the human-readable part and symbols.
func (c *code) polymod(hrp string, symbols []byte) *big.Int {
	expanded := make([]byte, 0, 2*len(hrp)+1+len(symbols)) // BIP 173
	for i := range hrp {
		expanded = append(expanded, hrp[i]>>5)
	}
	expanded = append(expanded, 0)
	for i := range hrp {
		expanded = append(expanded, hrp[i]&31)
	}
	residue := big.NewInt(1)
	top := uint(5 * (c.symbols - 1))
	mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), top), big.NewInt(1))
	for _, v := range append(expanded, symbols...) {
		high := new(big.Int).Rsh(residue, top).Uint64()
		residue.And(residue, mask).Lsh(residue, 5)
		residue.Xor(residue, big.NewInt(int64(v)))
		for i, g := range c.generator {
			if high>>i&1 == 1 {
				residue.Xor(residue, g)
			}
		}
	}
	return residue
}

// checksum is what follows symbols.
func (c *code) checksum(hrp string, symbols []byte) []byte {
	r := c.polymod(hrp, append(symbols[:len(symbols):len(symbols)], make([]byte, c.symbols)...))
	r.Xor(r, c.target)
	sum := make([]byte, c.symbols)
	for i := range sum {
		sum[i] = byte(new(big.Int).Rsh(r, uint(5*(c.symbols-1-i))).Uint64() & 31)
	}
	return sum
}

// Encode writes a secret of 16 to 64 bytes; id is four letters that tell it from others.
func Encode(hrp, id string, secret []byte) (string, error) {
	if len(secret) < 16 || len(secret) > 64 || len(id) != 4 {
		return "", fmt.Errorf("codex32: a secret of %d bytes with the id %q", len(secret), id)
	}
	data, err := bech32.ConvertBits(secret, 8, 5, true)
	if err != nil {
		return "", err
	}
	symbols, err := symbolsOf("0" + id + "s")
	if err != nil {
		return "", err
	}
	symbols = append(symbols, data...)
	c := short
	if len(symbols)+short.symbols > mostShort {
		c = long
	}
	var text strings.Builder
	text.WriteString(hrp + "1")
	for _, v := range append(symbols, c.checksum(hrp, symbols)...) {
		text.WriteByte(charset[v])
	}
	return text.String(), nil
}

func symbolsOf(text string) ([]byte, error) {
	symbols := make([]byte, len(text))
	for i := range text {
		v := strings.IndexByte(charset, text[i])
		if v < 0 {
			return nil, fmt.Errorf("letter %d is none of BIP 173's: %w", i+1, ErrForm)
		}
		symbols[i] = byte(v)
	}
	return symbols, nil
}

// Decode reads a secret. Its errors say nothing of what is in it.
func Decode(text string) (hrp, id string, secret []byte, err error) {
	if lower := strings.ToLower(text); text == strings.ToUpper(text) {
		text = lower
	} else if text != lower {
		return "", "", nil, fmt.Errorf("letters of both cases: %w", ErrForm)
	}
	hrp, rest, ok := strings.Cut(text, "1")
	if !ok || hrp == "" || len(rest) > mostLong {
		return "", "", nil, ErrForm
	}
	c := short
	switch n := len(rest); {
	case n < 6+short.symbols, n > mostShort && n < leastLong:
		return "", "", nil, fmt.Errorf("%d letters: %w", len(text), ErrForm)
	case n >= leastLong:
		c = long
	}
	symbols, err := symbolsOf(rest)
	if err != nil {
		return "", "", nil, err
	}
	if c.polymod(hrp, symbols).Cmp(c.target) != 0 {
		return "", "", nil, ErrChecksum
	}
	if rest[0] != '0' || rest[5] != 's' {
		return "", "", nil, ErrShare
	}
	secret, err = unpack(symbols[6 : len(symbols)-c.symbols])
	return hrp, rest[1:5], secret, err
}

// unpack makes bytes of symbols. The bits that are left may be anything (BIP 93), but fewer than a symbol's.
func unpack(symbols []byte) ([]byte, error) {
	if len(symbols)*5%8 >= 5 {
		return nil, fmt.Errorf("a symbol too many: %w", ErrForm)
	}
	var out []byte
	var bits, n uint
	for _, v := range symbols {
		bits, n = bits<<5|uint(v), n+5
		if n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
			bits &= 1<<n - 1
		}
	}
	return out, nil
}
