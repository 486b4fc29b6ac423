package keys

import (
	"crypto/sha256"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
)

// Basepoints are one side's public basepoints, fixed for the life of a channel.
type Basepoints struct {
	Revocation     PubKey
	Payment        PubKey
	DelayedPayment PubKey
	HTLC           PubKey
}

// CommitmentKeys are the public keys of one commitment transaction. Owner is who may broadcast
// it (BOLT 3 calls that side local), other is the peer of that owner.
type CommitmentKeys struct {
	OwnerHTLC    PubKey
	OwnerDelayed PubKey
	OtherHTLC    PubKey
	OtherPayment PubKey // with option_static_remotekey the other's payment_basepoint itself
	Revocation   PubKey // the other's, once the owner has revealed the per-commitment secret
}

// DeriveCommitmentKeys derives the keys of the owner's commitment with perCommitmentPoint.
func DeriveCommitmentKeys(owner, other *Basepoints, perCommitmentPoint PubKey) (*CommitmentKeys, error) {
	ownerHTLC, err := DerivePubKey(owner.HTLC, perCommitmentPoint)
	if err != nil {
		return nil, fmt.Errorf("owner's htlc_basepoint: %w", err)
	}
	ownerDelayed, err := DerivePubKey(owner.DelayedPayment, perCommitmentPoint)
	if err != nil {
		return nil, fmt.Errorf("owner's delayed_payment_basepoint: %w", err)
	}
	otherHTLC, err := DerivePubKey(other.HTLC, perCommitmentPoint)
	if err != nil {
		return nil, fmt.Errorf("other's htlc_basepoint: %w", err)
	}
	revocation, err := RevocationPubKey(other.Revocation, perCommitmentPoint)
	if err != nil {
		return nil, fmt.Errorf("other's revocation_basepoint: %w", err)
	}
	return &CommitmentKeys{
		OwnerHTLC:    ownerHTLC,
		OwnerDelayed: ownerDelayed,
		OtherHTLC:    otherHTLC,
		OtherPayment: other.Payment,
		Revocation:   revocation,
	}, nil
}

// PerCommitmentPoint is secret * G (BOLT 3, Per-commitment Secret Requirements).
func PerCommitmentPoint(secret Secret) (PubKey, error) {
	var scalar btcec.ModNScalar
	if overflow := scalar.SetBytes((*[32]byte)(&secret)); overflow != 0 || scalar.IsZero() {
		return PubKey{}, fmt.Errorf("per_commitment_secret: %w", ErrScalarRange)
	}
	var p btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&scalar, &p)
	return serialize(&p)
}

// DerivePubKey is basepoint + SHA256(perCommitmentPoint || basepoint) * G: localpubkey, the
// htlcpubkeys and the delayedpubkeys (BOLT 3, Key Derivation).
func DerivePubKey(basepoint, perCommitmentPoint PubKey) (PubKey, error) {
	base, err := basepoint.Parse()
	if err != nil {
		return PubKey{}, err
	}
	var tweak btcec.ModNScalar
	hashToScalar(&tweak, perCommitmentPoint, basepoint)

	var p, tweaked, sum btcec.JacobianPoint
	base.key.AsJacobian(&p)
	btcec.ScalarBaseMultNonConst(&tweak, &tweaked)
	btcec.AddNonConst(&p, &tweaked, &sum)
	return serialize(&sum)
}

// RevocationPubKey blinds the other side's revocation basepoint with the owner's per-commitment
// point, so that its private key needs a secret of both (BOLT 3, revocationpubkey Derivation).
func RevocationPubKey(revocationBasepoint, perCommitmentPoint PubKey) (PubKey, error) {
	base, err := revocationBasepoint.Parse()
	if err != nil {
		return PubKey{}, err
	}
	point, err := perCommitmentPoint.Parse()
	if err != nil {
		return PubKey{}, fmt.Errorf("per_commitment_point: %w", err)
	}
	var baseTweak, pointTweak btcec.ModNScalar
	hashToScalar(&baseTweak, revocationBasepoint, perCommitmentPoint)
	hashToScalar(&pointTweak, perCommitmentPoint, revocationBasepoint)

	var b, p, bTweaked, pTweaked, sum btcec.JacobianPoint
	base.key.AsJacobian(&b)
	point.key.AsJacobian(&p)
	btcec.ScalarMultNonConst(&baseTweak, &b, &bTweaked)
	btcec.ScalarMultNonConst(&pointTweak, &p, &pTweaked)
	btcec.AddNonConst(&bTweaked, &pTweaked, &sum)
	return serialize(&sum)
}

// Tweak is SHA256(first || second), the scalar that BOLT 3's derivations add or multiply by; the
// private counterparts of the functions above need it.
func Tweak(first, second PubKey) [32]byte {
	var both [66]byte
	copy(both[:33], first[:])
	copy(both[33:], second[:])
	return sha256.Sum256(both[:])
}

// hashToScalar reduces the tweak modulo the group order.
func hashToScalar(s *btcec.ModNScalar, first, second PubKey) {
	h := Tweak(first, second)
	s.SetBytes(&h)
}

// serialize compresses a point; infinity, which only a chosen key could reach, is no key.
func serialize(p *btcec.JacobianPoint) (PubKey, error) {
	if p.Z.IsZero() {
		return PubKey{}, fmt.Errorf("derived key: %w", ErrNotOnCurve)
	}
	p.ToAffine()
	return PubKey(btcec.NewPublicKey(&p.X, &p.Y).SerializeCompressed()), nil
}
