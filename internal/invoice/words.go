package invoice

import (
	"bytes"
	"errors"
	"fmt"
)

var errZeroWord = errors.New("begins with a zero word")

// toBytes joins 5-bit words to bytes and drops the padding at the end.
func toBytes(words []byte) []byte {
	out := make([]byte, 0, len(words)*5/8)
	var acc uint32
	bits := 0
	for _, w := range words {
		acc = acc<<5 | uint32(w)
		if bits += 5; bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	return out
}

// appendWords appends data as 5-bit words, padded with zero bits at the end.
func appendWords(words, data []byte) []byte {
	var acc uint32
	bits := 0
	for _, b := range data {
		acc = acc<<8 | uint32(b)
		for bits += 8; bits >= 5; {
			bits -= 5
			words = append(words, byte(acc>>bits)&31)
		}
	}
	if bits > 0 {
		words = append(words, byte(acc<<(5-bits))&31)
	}
	return words
}

// uintOf reads the big-endian number of a field; max is what its meaning allows.
func uintOf(words []byte, max uint64) (uint64, error) {
	if len(words) > 0 && words[0] == 0 {
		return 0, errZeroWord
	}
	if len(words) > 12 { // 60 bits
		return 0, fmt.Errorf("%d words, at most 12", len(words))
	}
	var v uint64
	for _, w := range words {
		v = v<<5 | uint64(w)
	}
	if v > max {
		return 0, fmt.Errorf("%d, at most %d", v, max)
	}
	return v, nil
}

// uintWords is v in as few words as possible.
func uintWords(v uint64) []byte {
	var words []byte
	for shift := 60; shift >= 0; shift -= 5 {
		if w := byte(v>>shift) & 31; w != 0 || len(words) > 0 {
			words = append(words, w)
		}
	}
	return words
}

// bitsOf reads a feature field, whose number is aligned to its end, as a big-endian bit vector.
func bitsOf(words []byte) ([]byte, error) {
	if len(words) > 0 && words[0] == 0 {
		return nil, errZeroWord
	}
	pad := (8 - len(words)*5%8) % 8 // zero bits to put in front
	out := make([]byte, (len(words)*5+pad)/8)
	for i, w := range words {
		bit := pad + i*5
		v := uint16(w) << (11 - bit%8)
		out[bit/8] |= byte(v >> 8)
		if low := byte(v); low != 0 {
			out[bit/8+1] |= low
		}
	}
	return bytes.TrimLeft(out, "\x00"), nil
}

// bitsWords is the reverse of bitsOf, in as few words as possible.
func bitsWords(bits []byte) []byte {
	pad := (5 - len(bits)*8%5) % 5
	words := make([]byte, (len(bits)*8+pad)/5)
	for i := range len(bits) * 8 {
		if bits[i/8]>>(7-i%8)&1 == 1 {
			at := pad + i
			words[at/5] |= 1 << (4 - at%5)
		}
	}
	return bytes.TrimLeft(words, "\x00")
}
