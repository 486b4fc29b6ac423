package signer

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// spendOf builds the script of what claim says that it spends, and its key.
func (c *Channel) spendOf(claim *Claim) (*spend, error) {
	switch claim.Kind {
	case ClaimDelayed, ClaimHTLCTx:
		return c.spendOurs(claim)
	case ClaimToRemote:
		return c.spendToRemote(), nil
	case ClaimTheirHTLC:
		return c.spendTheirHTLC(claim)
	case ClaimRevokedDelayed, ClaimRevokedHTLC:
		return c.spendRevoked(claim)
	case ClaimAnchor:
		if !c.setup.Anchors {
			return nil, fmt.Errorf("anchor of a channel without anchors: %w", ErrNotAnOutput)
		}
		return witnessScript(c.funding, tx.AnchorScript(c.funding.pub)), nil
	}
	return nil, fmt.Errorf("unknown kind of output %d: %w", claim.Kind, ErrNotAnOutput)
}

func witnessScript(key *privKey, script []byte) *spend {
	return &spend{key: key, pkScript: tx.P2WSH(script), scriptCode: script}
}

// localKeys are the keys of our own commitment, which must not be revoked: the peer can take all of a
// revoked one, so we never have a reason to be in it.
func (c *Channel) localKeys(number keys.CommitmentNumber) (*keys.CommitmentKeys, error) {
	if number < c.localRevoked {
		return nil, fmt.Errorf("local commitment %d: %w", number, ErrRevoked)
	}
	if number > c.localRevoked+1 {
		return nil, fmt.Errorf("local commitment %d: %w: %d are revoked", number, ErrOrder, c.localRevoked)
	}
	point, err := c.PerCommitmentPoint(number)
	if err != nil {
		return nil, err
	}
	return keys.DeriveCommitmentKeys(&c.basepoints, &c.setup.RemoteBasepoints, point)
}

// spendOurs is for outputs of our own commitment.
func (c *Channel) spendOurs(claim *Claim) (*spend, error) {
	k, err := c.localKeys(claim.Number)
	if err != nil {
		return nil, err
	}
	point, err := c.PerCommitmentPoint(claim.Number)
	if err != nil {
		return nil, err
	}
	if claim.Kind == ClaimDelayed {
		script := tx.ToLocalScript(k.Revocation, k.OwnerDelayed, c.setup.LocalToSelfDelay)
		return witnessScript(c.delayed.tweak(point), script), nil
	}
	return witnessScript(c.htlc.tweak(point), tx.HTLCScript(k, c.setup.Anchors, &claim.HTLC)), nil
}

// spendToRemote is for our to_remote, which is the same in all of the remote's commitments.
func (c *Channel) spendToRemote() *spend {
	if c.setup.Anchors {
		return witnessScript(c.payment, tx.ToRemoteAnchorsScript(c.payment.pub))
	}
	pkScript := tx.P2WPKH(c.payment.pub)
	return &spend{key: c.payment, pkScript: pkScript, scriptCode: pkScript}
}

// spendTheirHTLC is for an HTLC output of a commitment of theirs that is not revoked: one of the last two
// that we signed.
func (c *Channel) spendTheirHTLC(claim *Claim) (*spend, error) {
	if err := c.checkRemotePoint(claim.Number, claim.Point); err != nil {
		return nil, err
	}
	if claim.Number+2 < c.remoteSigned {
		return nil, fmt.Errorf("remote commitment %d: %w", claim.Number, ErrRevoked)
	}
	k, err := keys.DeriveCommitmentKeys(&c.setup.RemoteBasepoints, &c.basepoints, claim.Point)
	if err != nil {
		return nil, err
	}
	return witnessScript(c.htlc.tweak(claim.Point), tx.HTLCScript(k, c.setup.Anchors, &claim.HTLC)), nil
}

// spendRevoked is for what the remote may not have any more.
func (c *Channel) spendRevoked(claim *Claim) (*spend, error) {
	point, err := keys.PerCommitmentPoint(claim.Secret)
	if err != nil {
		return nil, err
	}
	if err := c.checkRemotePoint(claim.Number, point); err != nil {
		return nil, err
	}
	// The peer reveals a secret when it has our signature on the next commitment.
	if claim.Number+1 >= c.remoteSigned {
		return nil, fmt.Errorf("remote commitment %d: %w: %d are signed", claim.Number, ErrNotRevoked, c.remoteSigned)
	}
	k, err := keys.DeriveCommitmentKeys(&c.setup.RemoteBasepoints, &c.basepoints, point)
	if err != nil {
		return nil, err
	}
	key := c.revocation.revocationPrivKey(claim.Secret, point)
	if claim.Kind == ClaimRevokedDelayed {
		return witnessScript(key, tx.ToLocalScript(k.Revocation, k.OwnerDelayed, c.setup.RemoteToSelfDelay)), nil
	}
	return witnessScript(key, tx.HTLCScript(k, c.setup.Anchors, &claim.HTLC)), nil
}

// checkRemotePoint refuses a number that we never signed, and a point that is not the one that was signed,
// where that is remembered.
func (c *Channel) checkRemotePoint(number keys.CommitmentNumber, point keys.PubKey) error {
	if number >= c.remoteSigned {
		return fmt.Errorf("remote commitment %d: %w: %d are signed", number, ErrUnknownNumber, c.remoteSigned)
	}
	var signed signedRemote
	switch number {
	case c.remoteSigned - 1:
		signed = c.lastRemote
	case c.remoteSigned - 2:
		signed = c.beforeRemote
	}
	if signed != (signedRemote{}) && signed.point != point {
		return fmt.Errorf("remote commitment %d: %w", number, ErrOtherPoint)
	}
	return nil
}

// revocationPrivKey is the private counterpart of keys.RevocationPubKey, k being revocation_basepoint's
// (BOLT 3, revocationpubkey Derivation).
func (k *privKey) revocationPrivKey(perCommitmentSecret keys.Secret, perCommitmentPoint keys.PubKey) *privKey {
	var base, point btcec.ModNScalar
	hash := keys.Tweak(k.pub, perCommitmentPoint)
	base.SetBytes(&hash)
	base.Mul(&k.key.Key)
	hash = keys.Tweak(perCommitmentPoint, k.pub)
	point.SetBytes(&hash)
	var secret btcec.ModNScalar
	secret.SetBytes((*[32]byte)(&perCommitmentSecret))
	point.Mul(&secret)

	derived := new(privKey)
	derived.key.Key.Set(&base)
	derived.key.Key.Add(&point)
	derived.setPub()
	return derived
}
