// Package recoverable has ECDSA signatures from which the signer's public key follows: those of
// invoices (BOLT 11) and of signed messages. It signs nothing.
package recoverable

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/keys"
)

// Signature is r and s, each 32 bytes big-endian, and the recovery id, 0 to 3.
type Signature [65]byte

// PubKey is the key that signed hash. A high s is accepted.
func (s Signature) PubKey(hash [32]byte) (keys.PubKey, error) {
	if s[64] > 3 {
		return keys.PubKey{}, fmt.Errorf("recovery id %d, at most 3", s[64])
	}
	var compact [65]byte // as btcec wants it: a header byte first
	const compressed = 4
	compact[0] = 27 + compressed + s[64]
	copy(compact[1:], s[:64])
	pub, _, err := ecdsa.RecoverCompact(compact[:], hash[:])
	if err != nil {
		return keys.PubKey{}, fmt.Errorf("recover public key: %w", err)
	}
	return keys.PubKey(pub.SerializeCompressed()), nil
}
