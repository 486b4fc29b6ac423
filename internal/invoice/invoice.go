package invoice

import (
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// What a reader takes where the field is absent (BOLT 11, Tagged Fields).
const (
	DefaultExpiry                  = 3600 * time.Second
	DefaultMinFinalCLTVExpiryDelta = block.Delta(18)
)

// Invoice is what an invoice says. Where a field appears more than once, the first counts.
type Invoice struct {
	Network                 Network
	Amount                  amount.Msat // zero: the payer chooses
	Timestamp               time.Time   // whole seconds
	PaymentHash             [32]byte
	PaymentSecret           [32]byte
	Description             *string   // either this
	DescriptionHash         *[32]byte // or this, never both
	PaymentMetadata         []byte    // nil if absent
	Expiry                  time.Duration
	MinFinalCLTVExpiryDelta block.Delta
	Fallbacks               []Fallback  // most preferred first
	Routes                  [][]HopHint // each leads to the payee
	Features                features.Vector

	// Payee is the node that signed. It is written into the invoice only if IncludePayee, because a
	// reader recovers it from the signature.
	Payee        keys.PubKey
	IncludePayee bool

	// Set by Decode alone: the signature with its recovery id, and the fields that were skipped.
	Signature  keys.Signature
	RecoveryID byte
	Skipped    []Field
}

// Field is a tagged field as it stands in the invoice: its type and data in 5-bit words.
type Field struct {
	Type byte
	Data []byte
}

// Tag is the field's type as the letter that it shows as.
func (f Field) Tag() byte { return charset[f.Type] }

// HopHint is one entry of an `r` field: a channel that is not announced.
type HopHint struct {
	NodeID                    keys.PubKey // who forwards over the channel
	ShortChannelID            wire.ShortChannelID
	FeeBaseMsat               uint32
	FeeProportionalMillionths uint32
	CLTVExpiryDelta           block.Delta
}

// ExpiresAt is when payment should no longer be attempted.
func (inv *Invoice) ExpiresAt() time.Time { return inv.Timestamp.Add(inv.Expiry) }

// Signer signs the hash that SigningHash gives for the same arguments, and returns r, s and the
// recovery id as the last byte.
type Signer func(hrp string, data []byte) ([65]byte, error)

const (
	maxField       = 639 // bytes that fit the 1023 words of a field
	timestampWords = 7
	signatureWords = 104
	hashWords      = 52
	pubKeyWords    = 53
	hopHintSize    = 33 + 8 + 4 + 4 + 2
	charset        = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

// The types of the tagged fields, as the letters that they show as (BOLT 11, Tagged Fields).
const (
	fieldPaymentHash        byte = 1  // p
	fieldRoute              byte = 3  // r
	fieldFeatures           byte = 5  // 9
	fieldExpiry             byte = 6  // x
	fieldFallback           byte = 9  // f
	fieldDescription        byte = 13 // d
	fieldPaymentSecret      byte = 16 // s
	fieldPayee              byte = 19 // n
	fieldDescriptionHash    byte = 23 // h
	fieldMinFinalCLTVExpiry byte = 24 // c
	fieldMetadata           byte = 27 // m
)
