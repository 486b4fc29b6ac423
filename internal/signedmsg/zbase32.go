package signedmsg

import (
	"fmt"
	"strings"
)

// alphabet is that of zbase32, made to be read aloud.
const alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"

// EncodeZBase32 writes 5 bits a letter, the last ones filled with zero bits.
func EncodeZBase32(data []byte) string {
	var text strings.Builder
	var acc uint32
	bits := 0
	for _, b := range data {
		acc = acc<<8 | uint32(b)
		for bits += 8; bits >= 5; {
			bits -= 5
			text.WriteByte(alphabet[acc>>bits&31])
		}
	}
	if bits > 0 {
		text.WriteByte(alphabet[acc<<(5-bits)&31])
	}
	return text.String()
}

// DecodeZBase32 reads what EncodeZBase32 writes, and nothing else.
func DecodeZBase32(text string) ([]byte, error) {
	data := make([]byte, 0, len(text)*5/8)
	var acc uint32
	bits := 0
	for i := range len(text) {
		v := strings.IndexByte(alphabet, text[i])
		if v < 0 {
			return nil, fmt.Errorf("zbase32: byte %d is %q", i, text[i])
		}
		acc = acc<<5 | uint32(v)
		if bits += 5; bits >= 8 {
			bits -= 8
			data = append(data, byte(acc>>bits))
		}
	}
	if bits >= 5 || acc&(1<<bits-1) != 0 {
		return nil, fmt.Errorf("zbase32: %d bits left at the end, want none or zeros", bits)
	}
	return data, nil
}
