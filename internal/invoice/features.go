package invoice

import (
	"errors"
	"fmt"
)

// ErrFeature means that the invoice asks for a feature that we do not have, or for one without
// another that it needs.
var ErrFeature = errors.New("unknown required feature")

// The features that a payer may meet in an invoice (BOLT 9, the lines with context 9, and those that
// everybody is assumed to have), as their even bits. Blinded paths are unknown here.
const (
	featureVarOnion        = 8
	featurePaymentSecret   = 14
	featureBasicMPP        = 16
	featureAttribution     = 36
	featurePaymentMetadata = 48
)

var knownFeatures = map[int]bool{
	featureVarOnion: true, featurePaymentSecret: true, featureBasicMPP: true,
	featureAttribution: true, featurePaymentMetadata: true,
}

// hasBit reports whether a bit is set in a big-endian bit vector.
func hasBit(features []byte, bit int) bool {
	at := len(features) - 1 - bit/8
	return at >= 0 && features[at]>>(bit%8)&1 == 1
}

// OffersMPP reports whether the payee takes the amount in several parts.
func (inv *Invoice) OffersMPP() bool {
	return hasBit(inv.Features, featureBasicMPP) || hasBit(inv.Features, featureBasicMPP+1)
}

// checkFeatures applies BOLT 11, Tagged Fields (the reader's rule for unknown even bits).
func checkFeatures(features []byte) error {
	for bit := 0; bit < len(features)*8; bit += 2 {
		if hasBit(features, bit) && !knownFeatures[bit] {
			return fmt.Errorf("%w: bit %d", ErrFeature, bit)
		}
	}
	return nil
}
