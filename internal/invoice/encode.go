package invoice

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/btcsuite/btcd/address/v2/bech32"
)

// Encode writes the invoice and has it signed.
func (inv *Invoice) Encode(sign Signer) (string, error) {
	hrp, err := formatHRP(inv.Network, inv.Amount)
	if err != nil {
		return "", fmt.Errorf("encode invoice: %w", err)
	}
	data, err := inv.data()
	if err != nil {
		return "", fmt.Errorf("encode invoice: %w", err)
	}
	return signed(hrp, data, sign)
}

// signed appends the signature and writes the whole as bech32.
func signed(hrp string, data []byte, sign Signer) (string, error) {
	sig, err := sign(hrp, data)
	if err != nil {
		return "", fmt.Errorf("sign invoice: %w", err)
	}
	text, err := bech32.Encode(hrp, appendWords(data, sig[:]))
	if err != nil {
		return "", fmt.Errorf("encode invoice: %w", err)
	}
	return text, nil
}

// writer collects the data part; the first error stays.
type writer struct {
	words []byte
	err   error
}

// field appends a tagged field of 5-bit words.
func (w *writer) field(typ byte, words []byte) {
	if len(words) > 1023 && w.err == nil {
		w.err = fmt.Errorf("%c field: more than %d bytes", charset[typ], maxField)
	}
	w.words = append(w.words, typ, byte(len(words)>>5)&31, byte(len(words))&31)
	w.words = append(w.words, words...)
}

func (w *writer) bytes(typ byte, data []byte) { w.field(typ, appendWords(nil, data)) }

// data is all of the data part that is signed. The order of the fields is that of most examples of
// BOLT 11; any order would do.
func (inv *Invoice) data() ([]byte, error) {
	if err := inv.check(); err != nil {
		return nil, err
	}
	w := writer{words: make([]byte, 0, 512)}
	timestamp := uint64(inv.Timestamp.Unix())
	for shift := 5 * (timestampWords - 1); shift >= 0; shift -= 5 {
		w.words = append(w.words, byte(timestamp>>shift)&31)
	}
	w.bytes(fieldPaymentSecret, inv.PaymentSecret[:])
	w.bytes(fieldPaymentHash, inv.PaymentHash[:])
	if inv.Description != nil {
		w.bytes(fieldDescription, []byte(*inv.Description))
	} else {
		w.bytes(fieldDescriptionHash, inv.DescriptionHash[:])
	}
	if inv.PaymentMetadata != nil {
		w.bytes(fieldMetadata, inv.PaymentMetadata)
	}
	if inv.IncludePayee {
		w.bytes(fieldPayee, inv.Payee[:])
	}
	if inv.Expiry != DefaultExpiry {
		w.field(fieldExpiry, uintWords(uint64(inv.Expiry/time.Second)))
	}
	if inv.MinFinalCLTVExpiryDelta != DefaultMinFinalCLTVExpiryDelta {
		w.field(fieldMinFinalCLTVExpiry, uintWords(uint64(inv.MinFinalCLTVExpiryDelta)))
	}
	inv.addresses(&w)
	if words := bitsWords(inv.Features); len(words) > 0 {
		w.field(fieldFeatures, words)
	}
	return w.words, w.err
}

// addresses writes the fallbacks and routes.
func (inv *Invoice) addresses(w *writer) {
	for i := range inv.Fallbacks {
		words, err := inv.Fallbacks[i].words()
		if err != nil && w.err == nil {
			w.err = err
		}
		w.field(fieldFallback, words)
	}
	for _, hops := range inv.Routes {
		w.bytes(fieldRoute, routeBytes(hops))
	}
}

// check refuses what the format cannot hold or forbids (BOLT 11, Tagged Fields, the writer).
func (inv *Invoice) check() error {
	if t := inv.Timestamp.Unix(); t < 0 || t >= 1<<35 {
		return fmt.Errorf("timestamp %d: want 35 bits", t)
	}
	if (inv.Description == nil) == (inv.DescriptionHash == nil) {
		return errors.New("want either a description or a description hash")
	}
	if inv.Description != nil && !utf8.ValidString(*inv.Description) {
		return errors.New("description is not valid UTF-8")
	}
	if inv.Expiry < 0 || inv.Expiry%time.Second != 0 {
		return fmt.Errorf("expiry %s: want whole seconds", inv.Expiry)
	}
	return nil
}
