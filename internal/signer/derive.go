package signer

import (
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/keys"
)

// expand is HKDF with a 32-byte result.
func expand(secret, salt []byte, info string) keys.Secret {
	out, err := hkdf.Key(sha256.New, secret, salt, info, 32)
	if err != nil {
		panic("signer: " + err.Error()) // only for outputs longer than HKDF can make
	}
	defer clear(out)
	return keys.Secret(out)
}

// privKey is a private key with its public one.
type privKey struct {
	key btcec.PrivateKey
	pub keys.PubKey
}

// newPrivKey reduces the secret modulo the group's order; a hash is beyond it, or zero, only with
// a chance of 2^-127.
func newPrivKey(secret keys.Secret) *privKey {
	k := new(privKey)
	k.key.Key.SetBytes((*[32]byte)(&secret))
	k.setPub()
	return k
}

func (k *privKey) setPub() { k.pub = keys.PubKey(k.key.PubKey().SerializeCompressed()) }

// tweak is the private counterpart of keys.DerivePubKey (BOLT 3, Key Derivation).
func (k *privKey) tweak(perCommitmentPoint keys.PubKey) *privKey {
	hash := keys.Tweak(perCommitmentPoint, k.pub)
	derived := new(privKey)
	derived.key.Key.SetBytes(&hash)
	derived.key.Key.Add(&k.key.Key)
	derived.setPub()
	return derived
}

// sign makes a compact signature; its nonce is RFC 6979's, so that signing again gives the same.
func (k *privKey) sign(digest [32]byte) keys.Signature {
	sig := ecdsa.Sign(&k.key, digest[:])
	r, s := sig.R(), sig.S()
	var compact keys.Signature
	r.PutBytesUnchecked(compact[:32])
	s.PutBytesUnchecked(compact[32:])
	return compact
}

// signRecoverable makes r, s and the recovery id, as BOLT 11 has it.
func (k *privKey) signRecoverable(digest [32]byte) (sig [65]byte) {
	const firstHeader = 27 + 4 // Bitcoin's compact form counts recovery ids of compressed keys from here
	compact := ecdsa.SignCompact(&k.key, digest[:], true)
	copy(sig[:], compact[1:])
	sig[64] = compact[0] - firstHeader
	return sig
}
