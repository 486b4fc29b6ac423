package signer

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// remoteKeys derives the keys of the remote's commitment. It gives what keys.DeriveCommitmentKeys
// gives, in half the time: half of the scalars are ours, and a commitment whose HTLCs are all
// trimmed, as those of the smallest payments are, needs no key for them. The returned key, nil
// without HTLCs, signs HTLC transactions.
func (c *Channel) remoteKeys(content *Commitment, perCommitmentPoint keys.PubKey) (*keys.CommitmentKeys, *privKey, error) {
	s := c.setup
	delayed, err := keys.DerivePubKey(s.RemoteBasepoints.DelayedPayment, perCommitmentPoint)
	if err != nil {
		return nil, nil, fmt.Errorf("delayed_payment_basepoint: %w", err)
	}
	revocation, err := c.revocation.revocationPubKey(perCommitmentPoint)
	if err != nil {
		return nil, nil, fmt.Errorf("revocation_basepoint: %w", err)
	}
	k := &keys.CommitmentKeys{
		OwnerDelayed: delayed,
		OtherPayment: c.basepoints.Payment,
		Revocation:   revocation,
	}
	if tx.CountUntrimmed(s.Anchors, content.FeeratePerKw, s.RemoteDustLimit, content.HTLCs) == 0 {
		return k, nil, nil
	}
	if k.OwnerHTLC, err = keys.DerivePubKey(s.RemoteBasepoints.HTLC, perCommitmentPoint); err != nil {
		return nil, nil, fmt.Errorf("htlc_basepoint: %w", err)
	}
	htlc := c.htlc.tweak(perCommitmentPoint)
	k.OtherHTLC = htlc.pub
	return k, htlc, nil
}

// revocationPubKey is keys.RevocationPubKey of k as revocation_basepoint: knowing its scalar, one
// of the two multiplications is of the generator, which is several times faster (BOLT 3,
// revocationpubkey Derivation).
func (k *privKey) revocationPubKey(perCommitmentPoint keys.PubKey) (keys.PubKey, error) {
	point, err := ecdh.ParsePoint(perCommitmentPoint)
	if err != nil {
		return keys.PubKey{}, fmt.Errorf("per_commitment_point: %w", err)
	}
	var baseTweak, pointTweak btcec.ModNScalar
	hash := keys.Tweak(k.pub, perCommitmentPoint)
	baseTweak.SetBytes(&hash)
	baseTweak.Mul(&k.key.Key)
	hash = keys.Tweak(perCommitmentPoint, k.pub)
	pointTweak.SetBytes(&hash)

	var base, tweaked, sum btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&baseTweak, &base)
	btcec.ScalarMultNonConst(&pointTweak, &point, &tweaked)
	btcec.AddNonConst(&base, &tweaked, &sum)
	return ecdh.Compress(&sum), nil
}
