package keys

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
)

// The ways in which a key or a signature is unusable.
var (
	ErrNotOnCurve  = errors.New("not a point on secp256k1")
	ErrScalarRange = errors.New("not in the range of private keys")
	ErrSigRange    = errors.New("r or s is not in the group's range")
	ErrHighS       = errors.New("s is not in the lower half")
	ErrSigWrong    = errors.New("signature does not match")
)

// ParsedPubKey is a public key that is on the curve, ready for many verifications.
type ParsedPubKey struct{ key *btcec.PublicKey }

// Parse decompresses p, or fails if it is not on the curve.
func (p PubKey) Parse() (ParsedPubKey, error) {
	if p[0] != 2 && p[0] != 3 { // BOLT 1: points are compressed
		return ParsedPubKey{}, fmt.Errorf("public key %s: %w", p, ErrNotOnCurve)
	}
	key, err := btcec.ParsePubKey(p[:])
	if err != nil {
		return ParsedPubKey{}, fmt.Errorf("public key %s: %w", p, ErrNotOnCurve)
	}
	return ParsedPubKey{key}, nil
}

// Check reports whether p is on the curve.
func (p PubKey) Check() error {
	_, err := p.Parse()
	return err
}

// Verify checks a signature over digest; it refuses a high s, which would not relay (BOLT 2).
func (p ParsedPubKey) Verify(digest [32]byte, sig Signature) error {
	parsed, err := sig.parse()
	if err != nil {
		return err
	}
	if !parsed.Verify(digest[:], p.key) {
		return ErrSigWrong
	}
	return nil
}

// Verify checks one signature; for many with one key, Parse it once.
func Verify(pub PubKey, digest [32]byte, sig Signature) error {
	key, err := pub.Parse()
	if err != nil {
		return err
	}
	return key.Verify(digest, sig)
}

// parse checks ranges and low s.
func (s *Signature) parse() (*ecdsa.Signature, error) {
	var r, ss btcec.ModNScalar
	rOver := r.SetByteSlice(s[:32])
	sOver := ss.SetByteSlice(s[32:])
	if rOver || sOver || r.IsZero() || ss.IsZero() {
		return nil, ErrSigRange
	}
	if ss.IsOverHalfOrder() {
		return nil, ErrHighS
	}
	return ecdsa.NewSignature(&r, &ss), nil
}

// AppendDER appends the signature as Bitcoin's scripts want it, without the sighash byte.
func (s *Signature) AppendDER(b []byte) []byte {
	var r, ss derInt
	rLen, sLen := r.set(s[:32]), ss.set(s[32:])
	b = append(b, 0x30, byte(4+rLen+sLen), 0x02, byte(rLen))
	b = append(b, r[33-rLen:]...)
	b = append(b, 0x02, byte(sLen))
	return append(b, ss[33-sLen:]...)
}

// derInt is a big-endian integer, right-aligned, with room for a leading zero.
type derInt [33]byte

// set stores v and returns the length of the shortest positive encoding.
func (d *derInt) set(v []byte) int {
	copy(d[1:], v)
	start := 1
	for start < 32 && d[start] == 0 {
		start++
	}
	if d[start]&0x80 != 0 {
		start--
	}
	return 33 - start
}

// SignatureFromDER converts a strict DER signature, without the sighash byte.
func SignatureFromDER(der []byte) (Signature, error) {
	parsed, err := ecdsa.ParseDERSignature(der)
	if err != nil {
		return Signature{}, fmt.Errorf("der signature: %w", err)
	}
	r, s := parsed.R(), parsed.S()
	var sig Signature
	r.PutBytesUnchecked(sig[:32])
	s.PutBytesUnchecked(sig[32:])
	return sig, nil
}
