package invoice

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/btcsuite/btcd/address/v2/bech32"

	"fulmen/internal/block"
	"fulmen/internal/features"
	"fulmen/internal/keys"
)

// maxText is the longest invoice that is read, many times what any needs. BOLT 11 names no limit, but who pays an invoice
// keeps it with each part of the payment.
const maxText = 1 << 16

// Decode reads an invoice, checks it as a reader must, and finds out who signed it. Upper case and a
// leading "lightning:" are understood.
func Decode(text string) (*Invoice, error) {
	inv, hrp, data, err := decodeUnchecked(text)
	if err != nil {
		return nil, fmt.Errorf("decode invoice: %w", err)
	}
	signed, signature := data[:len(data)-signatureWords], data[len(data)-signatureWords:]
	if err := inv.checkSignature(SigningHash(hrp, signed), signature); err != nil {
		return nil, fmt.Errorf("decode invoice: %w", err)
	}
	return inv, nil
}

// DecodeUnsigned is Decode for an invoice that is yet to be signed: its signature may be anything of
// the right length, and Payee is only known if the invoice names it.
func DecodeUnsigned(text string) (*Invoice, error) {
	inv, _, _, err := decodeUnchecked(text)
	if err != nil {
		return nil, fmt.Errorf("decode invoice: %w", err)
	}
	return inv, nil
}

// decodeUnchecked is Decode without a look at the signature.
func decodeUnchecked(text string) (inv *Invoice, hrp string, data []byte, err error) {
	const scheme = "lightning:"
	if len(text) > len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
		text = text[len(scheme):]
	}
	if len(text) > maxText {
		return nil, "", nil, fmt.Errorf("%d characters, at most %d", len(text), maxText)
	}
	hrp, data, err = bech32.DecodeNoLimit(text)
	if err != nil {
		return nil, "", nil, err
	}
	if len(data) < timestampWords+signatureWords {
		return nil, "", nil, fmt.Errorf("data of %d words, at least %d", len(data), timestampWords+signatureWords)
	}
	inv = &Invoice{Expiry: DefaultExpiry, MinFinalCLTVExpiryDelta: DefaultMinFinalCLTVExpiryDelta}
	if inv.Network, inv.Amount, err = parseHRP(hrp); err != nil {
		return nil, "", nil, err
	}
	var seconds int64
	for _, w := range data[:timestampWords] {
		seconds = seconds<<5 | int64(w)
	}
	inv.Timestamp = time.Unix(seconds, 0).UTC()
	err = inv.decodeFields(data[timestampWords : len(data)-signatureWords])
	return inv, hrp, data, err
}

func (inv *Invoice) decodeFields(words []byte) error {
	var seen uint32 // a bit for each field type
	for len(words) > 0 {
		if len(words) < 3 {
			return fmt.Errorf("%d words are left for a field, at least 3", len(words))
		}
		typ, length := words[0], int(words[1])<<5|int(words[2])
		words = words[3:]
		if length > len(words) {
			return fmt.Errorf("%c field: data_length %d, %d words are left", charset[typ], length, len(words))
		}
		field := Field{Type: typ, Data: words[:length:length]}
		words = words[length:]
		used, err := inv.decodeField(field, seen&(1<<typ) != 0)
		if err != nil {
			return fmt.Errorf("%c field: %w", charset[typ], err)
		}
		if used {
			seen |= 1 << typ
		} else {
			inv.Skipped = append(inv.Skipped, field)
		}
	}
	return inv.checkFields(seen)
}

// decodeField takes over one field; used is false for one that is to be skipped.
//
// For a `p`, `h`, `s` or `n` of wrong length the text of BOLT 11 says to fail the payment, yet its
// example of fields that must be ignored has all of these. We follow the example: whoever needs such
// a field then finds it missing.
func (inv *Invoice) decodeField(f Field, repeated bool) (used bool, err error) {
	switch f.Type {
	case fieldFallback:
		fallback, ok := parseFallback(f.Data)
		if ok {
			inv.Fallbacks = append(inv.Fallbacks, fallback)
		}
		return ok, nil
	case fieldRoute:
		hops, err := parseRoute(f.Data)
		inv.Routes = append(inv.Routes, hops)
		return true, err
	}
	if repeated {
		return false, nil
	}
	switch f.Type {
	case fieldPaymentHash:
		return setHash(&inv.PaymentHash, f.Data), nil
	case fieldPaymentSecret:
		return setHash(&inv.PaymentSecret, f.Data), nil
	case fieldDescriptionHash:
		inv.DescriptionHash = new([32]byte)
		if !setHash(inv.DescriptionHash, f.Data) {
			inv.DescriptionHash = nil
			return false, nil
		}
		return true, nil
	case fieldPayee:
		if len(f.Data) != pubKeyWords {
			return false, nil
		}
		inv.Payee, inv.IncludePayee = keys.PubKey(toBytes(f.Data)), true
		return true, nil
	}
	return inv.decodeValue(f)
}

// setHash takes over a hash, unless its length is wrong.
func setHash(hash *[32]byte, words []byte) bool {
	if len(words) != hashWords {
		return false
	}
	*hash = [32]byte(toBytes(words))
	return true
}

// decodeValue is decodeField for the fields of variable length.
func (inv *Invoice) decodeValue(f Field) (used bool, err error) {
	switch f.Type {
	case fieldDescription:
		text := string(toBytes(f.Data))
		if !utf8.ValidString(text) {
			return false, errors.New("is not valid UTF-8")
		}
		inv.Description = &text
	case fieldMetadata:
		inv.PaymentMetadata = toBytes(f.Data)
	case fieldExpiry:
		seconds, err := uintOf(f.Data, math.MaxInt64/uint64(time.Second))
		inv.Expiry = time.Duration(seconds) * time.Second
		return true, err
	case fieldMinFinalCLTVExpiry:
		delta, err := uintOf(f.Data, math.MaxUint16)
		inv.MinFinalCLTVExpiryDelta = block.Delta(delta)
		return true, err
	case fieldFeatures:
		bits, err := bitsOf(f.Data)
		if err != nil {
			return false, err
		}
		inv.Features = bits
		return true, features.CheckInvoice(inv.Features)
	default:
		return false, nil
	}
	return true, nil
}

// checkFields refuses an invoice that lacks something (BOLT 11, Tagged Fields, the reader).
func (inv *Invoice) checkFields(seen uint32) error {
	switch {
	case seen&(1<<fieldPaymentHash) == 0:
		return errors.New("no payment hash (p field)")
	case seen&(1<<fieldPaymentSecret) == 0:
		return errors.New("no payment secret (s field)")
	case inv.Description == nil && inv.DescriptionHash == nil:
		return errors.New("neither a description (d field) nor its hash (h field)")
	case inv.Description != nil && inv.DescriptionHash != nil:
		return errors.New("both a description (d field) and a hash (h field)")
	}
	return nil
}
