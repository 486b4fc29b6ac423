package signer

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// Commitment is the content of one commitment transaction.
type Commitment struct {
	Number       keys.CommitmentNumber
	FeeratePerKw amount.FeeratePerKw
	Local        amount.Msat // our balance before fee and anchors, without HTLCs
	Remote       amount.Msat // with Local and all HTLCs it is exactly the funding amount
	HTLCs        []tx.HTLC   // as package tx has them: Offered is by the commitment's owner
}

// SignRemoteCommitment signs the remote's commitment with its perCommitmentPoint, and all of its
// HTLC transactions, in the order of their outputs.
//
// Numbers go up one by one. The peer revokes a commitment before we sign the next but one, so:
// the highest number so far may be signed again, even with other content (a crash may have lost
// what had not left yet), but never with another point, as then one secret would no longer revoke
// both. The number before may be signed again only if nothing changed. Any lower one is revoked.
func (c *Channel) SignRemoteCommitment(content *Commitment, perCommitmentPoint keys.PubKey) (keys.Signature, []keys.Signature, error) {
	if err := c.mayBuild(content); err != nil {
		return keys.Signature{}, nil, err
	}
	k, htlcKey, err := c.remoteKeys(content, perCommitmentPoint)
	if err != nil {
		return keys.Signature{}, nil, fmt.Errorf("remote commitment %d: %w", content.Number, err)
	}
	commitment, err := c.buildRemote(content, k)
	if err != nil {
		return keys.Signature{}, nil, fmt.Errorf("remote commitment %d: %w", content.Number, err)
	}
	signing := signedRemote{point: perCommitmentPoint, digest: commitment.SigHash()}
	if err := c.admitRemote(content.Number, signing); err != nil {
		return keys.Signature{}, nil, fmt.Errorf("remote commitment %d: %w", content.Number, err)
	}

	digests := commitment.OtherHTLCSigHashes()
	signatures := make([]keys.Signature, len(digests)+1)
	forEach(len(signatures), func(i int) {
		if i == 0 {
			signatures[0] = c.funding.sign(signing.digest)
		} else {
			signatures[i] = htlcKey.sign(digests[i-1])
		}
	})
	return signatures[0], signatures[1:], nil
}

// mayBuild checks what holds for both sides' commitments.
func (c *Channel) mayBuild(content *Commitment) error {
	if c.setup == nil {
		return ErrNoSetup
	}
	if len(content.HTLCs) > maxHTLCs {
		return fmt.Errorf("%d htlcs, at most %d: %w", len(content.HTLCs), maxHTLCs, ErrTooManyHTLCs)
	}
	return nil
}

// buildRemote builds the commitment that the remote may broadcast.
func (c *Channel) buildRemote(content *Commitment, k *keys.CommitmentKeys) (*tx.Commitment, error) {
	s := c.setup
	return tx.BuildCommitment(&tx.CommitmentParams{
		Funding:         c.out,
		OwnerFundingKey: s.RemoteFundingPubKey,
		OtherFundingKey: c.funding.pub,
		ObscuringFactor: c.obscured,
		Anchors:         s.Anchors,
		OwnerIsOpener:   !s.Opener,
		DustLimit:       s.RemoteDustLimit,
		ToSelfDelay:     s.RemoteToSelfDelay,
		Keys:            k,
	}, content.Number, content.FeeratePerKw, content.Remote, content.Local, content.HTLCs)
}

// admitRemote applies the policy to a number, and remembers what is going to be signed.
func (c *Channel) admitRemote(number keys.CommitmentNumber, signing signedRemote) error {
	switch number + 1 {
	case c.remoteSigned + 1:
		c.remoteSigned++
		c.beforeRemote, c.lastRemote = c.lastRemote, signing
		return nil
	case c.remoteSigned:
		if c.lastRemote != (signedRemote{}) && c.lastRemote.point != signing.point {
			return ErrOtherPoint
		}
		c.lastRemote = signing
		return nil
	case c.remoteSigned - 1:
		if c.beforeRemote != signing {
			return ErrOtherContent
		}
		return nil
	}
	if number < c.remoteSigned {
		return fmt.Errorf("%w: %d are signed", ErrRevoked, c.remoteSigned)
	}
	return fmt.Errorf("%w: %d are signed", ErrOrder, c.remoteSigned)
}

// SignLocalCommitment signs our own commitment, to broadcast it; its secret is never revealed
// from then on. There are at most two that are not revoked: the current one and, when the peer has
// signed it, the next.
func (c *Channel) SignLocalCommitment(content *Commitment) (keys.Signature, error) {
	if err := c.mayBuild(content); err != nil {
		return keys.Signature{}, err
	}
	number := content.Number
	if number < c.localRevoked {
		return keys.Signature{}, fmt.Errorf("local commitment %d: %w", number, ErrRevoked)
	}
	if number > c.localRevoked+1 {
		return keys.Signature{}, fmt.Errorf("local commitment %d: %w: %d are revoked", number, ErrOrder, c.localRevoked)
	}
	commitment, err := c.buildLocal(content)
	if err != nil {
		return keys.Signature{}, fmt.Errorf("local commitment %d: %w", number, err)
	}
	c.broadcastFrom = min(c.broadcastFrom, number)
	return c.funding.sign(commitment.SigHash()), nil
}

// buildLocal builds the commitment that we may broadcast.
func (c *Channel) buildLocal(content *Commitment) (*tx.Commitment, error) {
	point, err := c.PerCommitmentPoint(content.Number)
	if err != nil {
		return nil, err
	}
	s := c.setup
	k, err := keys.DeriveCommitmentKeys(&c.basepoints, &s.RemoteBasepoints, point)
	if err != nil {
		return nil, err
	}
	return tx.BuildCommitment(&tx.CommitmentParams{
		Funding:         c.out,
		OwnerFundingKey: c.funding.pub,
		OtherFundingKey: s.RemoteFundingPubKey,
		ObscuringFactor: c.obscured,
		Anchors:         s.Anchors,
		OwnerIsOpener:   s.Opener,
		DustLimit:       s.LocalDustLimit,
		ToSelfDelay:     s.LocalToSelfDelay,
		Keys:            k,
	}, content.Number, content.FeeratePerKw, content.Local, content.Remote, content.HTLCs)
}
