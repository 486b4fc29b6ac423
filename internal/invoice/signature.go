package invoice

import (
	"crypto/sha256"
	"fmt"

	"fulmen/internal/keys"
	"fulmen/internal/recoverable"
)

// SigningHash is what the payee signs: the SHA-256 of the human-readable part and the data part before
// the signature, the latter as bits padded with zeros to whole bytes.
func SigningHash(hrp string, data []byte) [32]byte {
	preimage := append([]byte(hrp), toBytes(data)...)
	if rest := len(data) * 5 % 8; rest > 0 {
		last := data[len(data)-1] // its low bits begin the byte that toBytes left out
		if rest > 5 {
			preimage = append(preimage, (data[len(data)-2]<<5|last)<<(8-rest))
		} else {
			preimage = append(preimage, last<<(8-rest))
		}
	}
	return sha256.Sum256(preimage)
}

// checkSignature verifies the signature with the payee that the invoice names, or else recovers the
// payee from it.
func (inv *Invoice) checkSignature(hash [32]byte, words []byte) error {
	raw := recoverable.Signature(toBytes(words))
	inv.Signature, inv.RecoveryID = keys.Signature(raw[:64]), raw[64]
	if inv.IncludePayee {
		// BOLT 11, Tagged Fields: with an n field, a high s is refused too.
		if err := keys.Verify(inv.Payee, hash, inv.Signature); err != nil {
			return fmt.Errorf("signature of payee %s: %w", inv.Payee, err)
		}
		return nil
	}
	payee, err := raw.PubKey(hash)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	inv.Payee = payee
	return nil
}
