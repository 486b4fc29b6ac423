package onion

import (
	"crypto/hmac"
	"crypto/sha256"

	"golang.org/x/crypto/chacha20"

	"fulmen/internal/keys"
)

// The key types of BOLT 4, Key Generation and Returning Errors.
const (
	keyRho           = "rho"
	keyMu            = "mu"
	keyUm            = "um"
	keyPad           = "pad"
	keyAmmag         = "ammag"
	keyAmmagExt      = "ammagext"
	keyBlindedNodeID = "blinded_node_id"
)

// deriveKey is the key of one type for a shared secret.
func deriveKey(keyType string, secret *keys.Secret) [32]byte {
	return mac([]byte(keyType), secret[:])
}

// mac is HMAC-SHA256 over the parts one after the other.
func mac(key []byte, parts ...[]byte) (sum [32]byte) {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		h.Write(part)
	}
	h.Sum(sum[:0])
	return sum
}

// newStream starts the pseudo-random byte stream of one key type. The nonce is always zero, because
// no key is used twice.
func newStream(keyType string, secret *keys.Secret) *chacha20.Cipher {
	key := deriveKey(keyType, secret)
	var nonce [chacha20.NonceSize]byte
	stream, err := chacha20.NewUnauthenticatedCipher(key[:], nonce[:])
	if err != nil {
		panic(err) // only for a key or nonce of another length
	}
	return stream
}
