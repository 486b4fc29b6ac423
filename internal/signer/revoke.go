package signer

import (
	"crypto/subtle"
	"fmt"

	"fulmen/internal/keys"
)

// perCommitmentSecret derives the secret of our commitment (BOLT 3, Per-commitment Secret
// Requirements).
func (c *Channel) perCommitmentSecret(number keys.CommitmentNumber) (keys.Secret, error) {
	index, err := number.ShachainIndex()
	if err != nil {
		return keys.Secret{}, err
	}
	return keys.DeriveSecret(c.commitments, index), nil
}

// PerCommitmentPoint is public for any of our commitments.
func (c *Channel) PerCommitmentPoint(number keys.CommitmentNumber) (keys.PubKey, error) {
	secret, err := c.perCommitmentSecret(number)
	if err != nil {
		return keys.PubKey{}, err
	}
	return keys.PerCommitmentPoint(secret)
}

// RevokeLocal reveals the secret of our commitment number, and the point of the one after the
// next. Commitments are revoked in order; a revoked one's secret may be had again.
func (c *Channel) RevokeLocal(number keys.CommitmentNumber) (keys.Secret, keys.PubKey, error) {
	if number > c.localRevoked {
		return keys.Secret{}, keys.PubKey{}, fmt.Errorf("revoke local commitment %d: %w: %d are revoked", number, ErrOrder, c.localRevoked)
	}
	if number >= c.broadcastFrom {
		return keys.Secret{}, keys.PubKey{}, fmt.Errorf("revoke local commitment %d: %w", number, ErrBroadcast)
	}
	next, err := c.PerCommitmentPoint(number + 2)
	if err != nil {
		return keys.Secret{}, keys.PubKey{}, err
	}
	secret, err := c.perCommitmentSecret(number)
	if err != nil {
		return keys.Secret{}, keys.PubKey{}, err
	}
	c.localRevoked = max(c.localRevoked, number+1)
	return secret, next, nil
}

// IsOurSecret reports whether a peer's your_last_per_commitment_secret is that of our commitment
// number (BOLT 2, Message Retransmission).
func (c *Channel) IsOurSecret(number keys.CommitmentNumber, secret keys.Secret) (bool, error) {
	ours, err := c.perCommitmentSecret(number)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(ours[:], secret[:]) == 1, nil
}
