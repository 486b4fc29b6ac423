// Package keys has the public side of BOLT 3's keys: compressed points and signatures as they
// go on the wire, derivation of per-commitment public keys, and storage of per-commitment
// secrets. No private basepoint is ever here.
package keys

import (
	"encoding/hex"
	"fmt"
)

// PubKey is a compressed secp256k1 point, 33 bytes, not known to be on the curve.
type PubKey [33]byte

// String is 66 hex digits.
func (p PubKey) String() string { return hex.EncodeToString(p[:]) }

// Signature is a compact ECDSA signature: r and s, each 32 bytes big-endian (BOLT 1, `signature`).
type Signature [64]byte

// String is 128 hex digits.
func (s Signature) String() string { return hex.EncodeToString(s[:]) }

// Secret is 32 secret bytes: a private key, a per-commitment secret or an ECDH result.
type Secret [32]byte

// String never prints the secret.
func (Secret) String() string { return "(secret)" }

// GoString never prints the secret.
func (Secret) GoString() string { return "(secret)" }

// ParsePubKey decodes 66 hex digits; it does not check that the point is on the curve.
func ParsePubKey(s string) (PubKey, error) {
	var p PubKey
	if len(s) != 2*len(p) {
		return p, fmt.Errorf("public key: want %d hex digits, have %d characters", 2*len(p), len(s))
	}
	if _, err := hex.Decode(p[:], []byte(s)); err != nil {
		return p, fmt.Errorf("public key: %w", err)
	}
	return p, nil
}
