package signer

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// spendOf builds the script of what claim says that it spends, and finds its key.
func (c *Channel) spendOf(claim *Claim) (*spend, error) {
	if err := checkDirection(claim); err != nil {
		return nil, err
	}
	switch k := claim.Kind; {
	case k.Ours():
		return c.spendOurs(claim)
	case k.Penalty():
		return c.spendRevoked(claim)
	case k == tx.ClaimRemoteTimeout || k == tx.ClaimRemoteSuccess:
		return c.spendTheirHTLC(claim)
	case k == tx.ClaimToRemote:
		return c.newSpend(claim, c.payment, &keys.CommitmentKeys{OtherPayment: c.payment.pub}), nil
	case k == tx.ClaimAnchor && c.setup.Anchors:
		return c.newSpend(claim, c.funding, nil), nil
	}
	return nil, fmt.Errorf("no such kind of output in this channel: %w", ErrNotAnOutput)
}

// checkDirection refuses an HTLC that the other side would have to time out, or to have the preimage of.
func checkDirection(claim *Claim) error {
	var offered bool // by the commitment's owner
	switch claim.Kind {
	case tx.ClaimHTLCTimeout, tx.ClaimRemoteSuccess:
		offered = true
	case tx.ClaimHTLCSuccess, tx.ClaimRemoteTimeout:
	default:
		return nil
	}
	if claim.HTLC.Offered != offered {
		return fmt.Errorf("htlc goes the other way: %w", ErrNotAnOutput)
	}
	return nil
}

// newSpend makes the script of claim's output in a commitment with keys k.
func (c *Channel) newSpend(claim *Claim, key *privKey, k *keys.CommitmentKeys) *spend {
	delay := c.setup.RemoteToSelfDelay
	if claim.Kind.Ours() {
		delay = c.setup.LocalToSelfDelay
	}
	script := tx.ClaimScript(claim.Kind, &tx.ClaimParams{
		Anchors: c.setup.Anchors, Keys: k, ToSelfDelay: delay, FundingKey: c.funding.pub,
	}, &claim.HTLC)
	if script == nil { // to_remote without anchors, whose digest covers the output script
		pkScript := tx.P2WPKH(key.pub)
		return &spend{key: key, pkScript: pkScript, scriptCode: pkScript}
	}
	return &spend{key: key, pkScript: tx.P2WSH(script), scriptCode: script}
}

// localKeys are the keys of our own commitment, which must not be revoked: the peer can take all of a
// revoked one, so we never have a reason to be in it.
func (c *Channel) localKeys(number keys.CommitmentNumber) (*keys.CommitmentKeys, error) {
	if number < c.localRevoked {
		return nil, fmt.Errorf("local commitment %d: %w", number, ErrRevoked)
	}
	point, err := c.PerCommitmentPoint(number)
	if err != nil {
		return nil, err
	}
	return keys.DeriveCommitmentKeys(&c.basepoints, &c.setup.RemoteBasepoints, point)
}

// spendOurs is for outputs of our own commitment. What it pays us with a delay can be in any that is not
// revoked: who restores an old state finds a commitment in the chain that comes later.
func (c *Channel) spendOurs(claim *Claim) (*spend, error) {
	if claim.Kind != tx.ClaimDelayed && claim.Number > c.localRevoked+1 {
		return nil, fmt.Errorf("local commitment %d: %w: %d are revoked", claim.Number, ErrOrder, c.localRevoked)
	}
	k, err := c.localKeys(claim.Number)
	if err != nil {
		return nil, err
	}
	point, err := c.PerCommitmentPoint(claim.Number)
	if err != nil {
		return nil, err
	}
	key := c.htlc
	if claim.Kind == tx.ClaimDelayed {
		key = c.delayed
	}
	return c.newSpend(claim, key.tweak(point), k), nil
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
	return c.newSpend(claim, c.htlc.tweak(claim.Point), k), nil
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
	return c.newSpend(claim, c.revocation.revocationPrivKey(claim.Secret, point), k), nil
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
