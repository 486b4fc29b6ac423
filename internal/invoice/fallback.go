package invoice

import "fmt"

// Fallback is an address on chain, for when the payment fails.
type Fallback struct {
	Version byte   // a witness version, or FallbackP2PKH, or FallbackP2SH
	Program []byte // the witness program or the hash
}

// What stands in place of a witness version for the older kinds of address.
const (
	FallbackP2PKH = 17
	FallbackP2SH  = 18
)

// valid reports whether the program's length suits the version (BIP 141).
func (f *Fallback) valid() bool {
	n := len(f.Program)
	switch {
	case f.Version == FallbackP2PKH || f.Version == FallbackP2SH:
		return n == 20
	case f.Version == 0:
		return n == 20 || n == 32
	}
	return f.Version <= 16 && n >= 2 && n <= 40
}

// Script is the output script to pay to.
func (f *Fallback) Script() []byte {
	const (
		opDup, opHash160, opEqual, opEqualVerify, opCheckSig = 0x76, 0xa9, 0x87, 0x88, 0xac
		op1                                                  = 0x51
	)
	push := append([]byte{byte(len(f.Program))}, f.Program...)
	switch f.Version {
	case FallbackP2PKH:
		return append(append([]byte{opDup, opHash160}, push...), opEqualVerify, opCheckSig)
	case FallbackP2SH:
		return append(append([]byte{opHash160}, push...), opEqual)
	case 0:
		return append([]byte{0}, push...)
	}
	return append([]byte{op1 + f.Version - 1}, push...)
}

// parseFallback reads an `f` field; ok is false for one that is to be skipped.
func parseFallback(words []byte) (f Fallback, ok bool) {
	if len(words) == 0 {
		return f, false
	}
	f = Fallback{Version: words[0], Program: toBytes(words[1:])}
	return f, f.valid()
}

func (f *Fallback) words() ([]byte, error) {
	if !f.valid() {
		return nil, fmt.Errorf("fallback: version %d with a program of %d bytes", f.Version, len(f.Program))
	}
	return appendWords([]byte{f.Version}, f.Program), nil
}
