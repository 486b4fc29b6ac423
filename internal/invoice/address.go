package invoice

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/address/v2/base58"
	"github.com/btcsuite/btcd/address/v2/bech32"
)

// addressForm is how a network writes addresses.
type addressForm struct {
	p2pkh, p2sh byte   // base58 version
	segwit      string // bech32 prefix
}

var addressForms = map[Network]addressForm{
	Bitcoin: {0x00, 0x05, "bc"},
	Testnet: {0x6f, 0xc4, "tb"},
	Signet:  {0x6f, 0xc4, "tb"}, // its invoices alone have a prefix of their own
	Regtest: {0x6f, 0xc4, "bcrt"},
}

// Address is the fallback as people write it; empty if it has no such form.
func (f *Fallback) Address(network Network) string {
	form, known := addressForms[network]
	switch {
	case !known || !f.valid():
		return ""
	case f.Version == FallbackP2PKH:
		return base58.CheckEncode(f.Program, form.p2pkh)
	case f.Version == FallbackP2SH:
		return base58.CheckEncode(f.Program, form.p2sh)
	}
	words := appendWords([]byte{f.Version}, f.Program)
	encode := bech32.EncodeM // BIP 350: all but version 0
	if f.Version == 0 {
		encode = bech32.Encode
	}
	text, err := encode(form.segwit, words)
	if err != nil {
		panic(err) // words of 5 bits and a constant prefix
	}
	return text
}

var errAddress = errors.New("not an address")

// FallbackFromAddress is the reverse of Address.
func FallbackFromAddress(text string, network Network) (Fallback, error) {
	form, known := addressForms[network]
	if !known {
		return Fallback{}, fmt.Errorf("address %q: %w: unknown network %q", text, ErrNetwork, string(network))
	}
	f, err := segwitFallback(text, form)
	if errors.Is(err, errAddress) {
		f, err = base58Fallback(text, form)
	}
	if err != nil {
		return Fallback{}, fmt.Errorf("address %q: %w", text, err)
	}
	return f, nil
}

// segwitFallback fails with errAddress if the text is no bech32 at all.
func segwitFallback(text string, form addressForm) (Fallback, error) {
	hrp, words, version, err := bech32.DecodeGeneric(text)
	if err != nil || len(words) == 0 {
		return Fallback{}, errAddress
	}
	if hrp != form.segwit {
		return Fallback{}, fmt.Errorf("%w: begins with %q, want %q", ErrNetwork, hrp, form.segwit)
	}
	f, ok := parseFallback(words)
	if !ok || f.Version > 16 {
		return Fallback{}, fmt.Errorf("witness version %d with a program of %d bytes", words[0], len(f.Program))
	}
	if (f.Version == 0) != (version == bech32.Version0) {
		return Fallback{}, fmt.Errorf("wrong checksum for witness version %d", f.Version)
	}
	return f, nil
}

func base58Fallback(text string, form addressForm) (Fallback, error) {
	hash, version, err := base58.CheckDecode(text)
	if err != nil || len(hash) != 20 {
		return Fallback{}, errAddress
	}
	switch version {
	case form.p2pkh:
		return Fallback{FallbackP2PKH, hash}, nil
	case form.p2sh:
		return Fallback{FallbackP2SH, hash}, nil
	}
	return Fallback{}, fmt.Errorf("%w: version byte %d", ErrNetwork, version)
}
