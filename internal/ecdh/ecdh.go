// Package ecdh has the one Diffie-Hellman that Lightning uses: the SHA-256 of the compressed product
// of a private key and a point (BOLT 8, Handshake State; BOLT 4, Shared Secret). It stores no key.
package ecdh

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/keys"
)

// ErrBadPoint means that 33 bytes are not a compressed point on the curve.
var ErrBadPoint = errors.New("not a point on secp256k1")

// ErrBadScalar means that 32 bytes are not a private key: zero, or not below the group order.
var ErrBadScalar = errors.New("not a secp256k1 private key")

// ParsePoint decompresses p. Only the prefixes 02 and 03 are accepted.
func ParsePoint(p keys.PubKey) (btcec.JacobianPoint, error) {
	var point btcec.JacobianPoint
	odd := p[0] == 3
	if p[0] != 2 && !odd {
		return point, fmt.Errorf("public key %s: %w", p, ErrBadPoint)
	}
	if overflow := point.X.SetByteSlice(p[1:]); overflow || !btcec.DecompressY(&point.X, odd, &point.Y) {
		return point, fmt.Errorf("public key %s: %w", p, ErrBadPoint)
	}
	point.Y.Normalize()
	point.Z.SetInt(1)
	return point, nil
}

// ParseScalar reads a private key.
func ParseScalar(secret *keys.Secret) (btcec.ModNScalar, error) {
	var s btcec.ModNScalar
	if overflow := s.SetBytes((*[32]byte)(secret)); overflow != 0 || s.IsZero() {
		return s, ErrBadScalar
	}
	return s, nil
}

// Compress serializes a point. It converts the point to affine coordinates in place.
func Compress(point *btcec.JacobianPoint) keys.PubKey {
	point.ToAffine()
	var p keys.PubKey
	p[0] = 2
	if point.Y.IsOdd() {
		p[0] = 3
	}
	point.X.PutBytesUnchecked(p[1:])
	return p
}

// PubKeyOf is the public key of a private one.
func PubKeyOf(priv *btcec.ModNScalar) keys.PubKey {
	var point btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(priv, &point)
	return Compress(&point)
}

// PubKeyOfFew is PubKeyOf for a process that makes few: four times as slow, but without the table of a megabyte that
// PubKeyOf has made at its first use.
func PubKeyOfFew(priv *btcec.ModNScalar) keys.PubKey {
	var generator, point btcec.JacobianPoint
	btcec.GeneratorJacobian(&generator)
	btcec.ScalarMultNonConst(priv, &generator, &point)
	return Compress(&point)
}

// Shared is the shared secret of a private key and a point.
func Shared(priv *btcec.ModNScalar, point *btcec.JacobianPoint) keys.Secret {
	var product btcec.JacobianPoint
	btcec.ScalarMultNonConst(priv, point, &product)
	compressed := Compress(&product)
	return sha256.Sum256(compressed[:])
}
