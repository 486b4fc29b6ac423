// Package signedmsg is the format in which nodes sign text, as operators know it from other nodes:
// zbase32 of a recoverable signature over a prefixed, twice hashed message. No key is here.
package signedmsg

import (
	"crypto/sha256"
	"fmt"

	"fulmen/internal/keys"
	"fulmen/internal/recoverable"
)

// prefix keeps a signed text from being anything else that the node's key may sign.
const prefix = "Lightning Signed Message:"

// headerBase is added to the recovery id in the first byte: 27, and 4 for a compressed key.
const headerBase = 31

// Digest is what is signed for a message.
func Digest(message []byte) [32]byte {
	once := sha256.Sum256(append([]byte(prefix), message...))
	return sha256.Sum256(once[:])
}

// Encode is the text form of a signature: header byte, r and s in zbase32.
func Encode(sig recoverable.Signature) string {
	return EncodeZBase32(append([]byte{headerBase + sig[64]}, sig[:64]...))
}

// Decode reads what Encode writes.
func Decode(text string) (recoverable.Signature, error) {
	var sig recoverable.Signature
	raw, err := DecodeZBase32(text)
	if err != nil {
		return sig, fmt.Errorf("signature: %w", err)
	}
	if len(raw) != len(sig) {
		return sig, fmt.Errorf("signature: %d bytes, want %d", len(raw), len(sig))
	}
	if raw[0] < headerBase || raw[0] > headerBase+3 {
		return sig, fmt.Errorf("signature: header byte %d, want %d to %d", raw[0], headerBase, headerBase+3)
	}
	copy(sig[:], raw[1:])
	sig[64] = raw[0] - headerBase
	return sig, nil
}

// Recover is the key that signed the message. Any well-formed signature yields some key: whether it is
// a node that one knows is for the caller to find out.
func Recover(message []byte, text string) (keys.PubKey, error) {
	sig, err := Decode(text)
	if err != nil {
		return keys.PubKey{}, err
	}
	pub, err := sig.PubKey(Digest(message))
	if err != nil {
		return keys.PubKey{}, fmt.Errorf("signature: %w", err)
	}
	return pub, nil
}
