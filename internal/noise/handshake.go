package noise

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"golang.org/x/crypto/chacha20poly1305"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

// Sizes of the three acts (BOLT 8, Authenticated Key Exchange Handshake Specification).
const (
	ActOneSize   = 1 + 33 + tagSize
	ActTwoSize   = 1 + 33 + tagSize
	ActThreeSize = 1 + 33 + tagSize + tagSize
)

const (
	tagSize  = chacha20poly1305.Overhead
	version  = 0
	protocol = "Noise_XK_secp256k1_ChaChaPoly_SHA256"
	prologue = "lightning"
)

// What may be wrong with an act of the remote; the error around it names the act.
var (
	ErrLength  = errors.New("wrong length")
	ErrVersion = errors.New("unknown handshake version")
	ErrPubKey  = errors.New("bad public key")
	ErrTag     = errors.New("bad tag")
)

// StaticECDH is the Diffie-Hellman of the node's static key and a point.
type StaticECDH func(keys.PubKey) (keys.Secret, error)

// state is what both sides keep during the handshake (BOLT 8, Handshake State).
type state struct {
	static     keys.PubKey // our own
	staticECDH StaticECDH
	ephemeral  btcec.ModNScalar
	ck         [32]byte // chaining key
	h          [32]byte // handshake hash
	tempK      [32]byte // temp_k1, temp_k2 or temp_k3, whichever is current
}

// newState mixes in the responder's static key, which the initiator must know beforehand.
func newState(static, responder keys.PubKey, ephemeral keys.Secret, dh StaticECDH) (state, error) {
	e, err := ecdh.ParseScalar(&ephemeral)
	if err != nil {
		return state{}, fmt.Errorf("ephemeral key: %w", err)
	}
	s := state{static: static, staticECDH: dh, ephemeral: e}
	s.ck = sha256.Sum256([]byte(protocol))
	s.h = s.ck
	s.mixHash([]byte(prologue))
	s.mixHash(responder[:])
	return s, nil
}

func (s *state) mixHash(data []byte) {
	hash := sha256.New()
	hash.Write(s.h[:])
	hash.Write(data)
	hash.Sum(s.h[:0])
}

func (s *state) mixKey(shared keys.Secret) {
	s.ck, s.tempK = hkdf2(s.ck, shared[:])
}

// ephemeralECDH multiplies our ephemeral key with a point of the remote.
func (s *state) ephemeralECDH(remote keys.PubKey) (keys.Secret, error) {
	point, err := ecdh.ParsePoint(remote)
	if err != nil {
		return keys.Secret{}, fmt.Errorf("%w: %w", ErrPubKey, err)
	}
	return ecdh.Shared(&s.ephemeral, &point), nil
}

// seal appends the encryption of plaintext under the temporary key and mixes the ciphertext in.
func (s *state) seal(dst []byte, nonce uint64, plaintext []byte) []byte {
	n := nonceBytes(nonce)
	start := len(dst)
	dst = newAEAD(&s.tempK).Seal(dst, n[:], plaintext, s.h[:])
	s.mixHash(dst[start:])
	return dst
}

// open is the reverse of seal.
func (s *state) open(nonce uint64, ciphertext []byte) ([]byte, error) {
	n := nonceBytes(nonce)
	plaintext, err := newAEAD(&s.tempK).Open(nil, n[:], ciphertext, s.h[:])
	if err != nil {
		return nil, ErrTag
	}
	s.mixHash(ciphertext)
	return plaintext, nil
}

// sendEphemeral starts act one or two: version and our ephemeral key.
func (s *state) sendEphemeral() []byte {
	e := ecdh.PubKeyOfFew(&s.ephemeral) // one a connection; connectd needs no other
	s.mixHash(e[:])
	act := make([]byte, 0, ActOneSize)
	return append(append(act, version), e[:]...)
}

// recvEphemeral checks the outer form of act one or two and mixes in the remote's ephemeral key.
func (s *state) recvEphemeral(act []byte) (remote keys.PubKey, tag []byte, err error) {
	if err := checkForm(act, ActOneSize); err != nil {
		return remote, nil, err
	}
	remote = keys.PubKey(act[1:34])
	s.mixHash(remote[:])
	return remote, act[34:], nil
}

func checkForm(act []byte, size int) error {
	if len(act) != size {
		return fmt.Errorf("%w: want %d bytes, have %d", ErrLength, size, len(act))
	}
	if act[0] != version {
		return fmt.Errorf("%w %d", ErrVersion, act[0])
	}
	return nil
}

// split derives the two transport keys; the first is the initiator's for sending.
func (s *state) split() (initiator, responder cipherState) {
	k1, k2 := hkdf2(s.ck, nil)
	return newCipherState(s.ck, k1), newCipherState(s.ck, k2)
}

// hkdf2 is the HKDF of BOLT 8: 64 bytes out, no info.
func hkdf2(salt [32]byte, ikm []byte) (first, second [32]byte) {
	out, err := hkdf.Key(sha256.New, ikm, salt[:], "", 64)
	if err != nil {
		panic(err) // only for an output longer than HKDF allows
	}
	return [32]byte(out[:32]), [32]byte(out[32:])
}
