package signer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// The refusals. Every one of them means that the asker is broken or has been taken over.
var (
	ErrNoSetup      = errors.New("channel has no setup yet")
	ErrSetup        = errors.New("bad channel setup")
	ErrSetupChanged = errors.New("channel setup never changes")
	ErrOrder        = errors.New("commitment number out of order")
	ErrRevoked      = errors.New("commitment is revoked")
	ErrBroadcast    = errors.New("commitment was signed to be broadcast")
	ErrOtherPoint   = errors.New("another per_commitment_point was signed for this number")
	ErrOtherContent = errors.New("another commitment was signed for this number")
	ErrTooManyHTLCs = errors.New("too many htlcs")
	ErrScript       = errors.New("script is not one that the mutual close may pay to")
	ErrAnnouncement = errors.New("not our announcement")
)

// maxHTLCs is both sides' max_accepted_htlcs at their highest (BOLT 2, `open_channel`).
const maxHTLCs = 2 * 483

// Setup is what is fixed about a channel when its funding outpoint is known.
type Setup struct {
	FundingTxid          [32]byte // internal byte order
	FundingOutput        uint16
	FundingSats          amount.Sat
	Opener               bool // we opened it
	Anchors              bool
	RemoteFundingPubKey  keys.PubKey
	RemoteBasepoints     keys.Basepoints
	LocalToSelfDelay     block.Delta // delays our outputs in our commitments
	RemoteToSelfDelay    block.Delta // delays the remote's outputs in theirs
	LocalDustLimit       amount.Sat
	RemoteDustLimit      amount.Sat
	RemoteShutdownScript []byte // upfront; empty if the remote gave none
}

// Channel has one channel's keys, and what the policy remembers about it. It is not safe for use
// from several goroutines.
//
// What it remembers dies with the process: whoever makes it again tells it what was revoked and
// signed (Resume), and is believed, as it is the database that knows.
type Channel struct {
	node *Node
	peer keys.PubKey

	funding     *privKey
	revocation  *privKey
	payment     *privKey
	delayed     *privKey
	htlc        *privKey
	basepoints  keys.Basepoints
	commitments keys.Secret // the seed of our per-commitment secrets

	setup    *Setup
	out      *tx.Funding
	obscured uint64

	localRevoked    keys.CommitmentNumber // how many of our commitments are revoked
	broadcastFrom   keys.CommitmentNumber // our commitments from this one on are never revoked
	remoteSigned    keys.CommitmentNumber // how many of the remote's commitments we have signed
	lastRemote      signedRemote          // what was signed for remoteSigned-1
	beforeRemote    signedRemote          // and for remoteSigned-2
	shutdownScripts [][]byte
}

// signedRemote identifies a commitment that we signed; the zero value is one that was signed in
// another life of this process.
type signedRemote struct {
	point  keys.PubKey
	digest [32]byte
}

// Channel derives the keys of the channel with peer that has this id in the database.
func (n *Node) Channel(peer keys.PubKey, dbid uint64) *Channel {
	secrets := n.channelSecrets(peer, dbid)
	c := &Channel{
		node:          n,
		peer:          peer,
		funding:       newPrivKey(secrets.Funding),
		revocation:    newPrivKey(secrets.Revocation),
		payment:       newPrivKey(secrets.Payment),
		delayed:       newPrivKey(secrets.DelayedPayment),
		htlc:          newPrivKey(secrets.HTLC),
		commitments:   secrets.Seed,
		broadcastFrom: keys.MaxCommitmentNumber + 1,
	}
	c.basepoints = keys.Basepoints{
		Revocation:     c.revocation.pub,
		Payment:        c.payment.pub,
		DelayedPayment: c.delayed.pub,
		HTLC:           c.htlc.pub,
	}
	return c
}

// FundingPubKey is our key in the funding output.
func (c *Channel) FundingPubKey() keys.PubKey { return c.funding.pub }

// Basepoints are our public basepoints.
func (c *Channel) Basepoints() keys.Basepoints { return c.basepoints }

// SetUp fixes the setup; a second one must be the same.
func (c *Channel) SetUp(s *Setup) error {
	if c.setup != nil {
		if !c.setup.equal(s) {
			return ErrSetupChanged
		}
		return nil
	}
	if err := c.check(s); err != nil {
		return err
	}
	c.setup = s
	c.out = &tx.Funding{
		Outpoint: wire.OutPoint{Hash: chainhash.Hash(s.FundingTxid), Index: uint32(s.FundingOutput)},
		Amount:   s.FundingSats,
		KeyA:     c.funding.pub,
		KeyB:     s.RemoteFundingPubKey,
	}
	opener, accepter := c.basepoints.Payment, s.RemoteBasepoints.Payment
	if !s.Opener {
		opener, accepter = accepter, opener
	}
	c.obscured = tx.ObscuringFactor(opener, accepter)
	return nil
}

// IsSetUp reports whether there is a funding output: before that nothing was signed.
func (c *Channel) IsSetUp() bool { return c.setup != nil }

// check refuses what could not be a channel.
func (c *Channel) check(s *Setup) error {
	if s.FundingSats == 0 || s.FundingSats > amount.MaxSat {
		return fmt.Errorf("funding_satoshis %s: %w", s.FundingSats, ErrSetup)
	}
	for _, key := range []struct {
		name string
		pub  keys.PubKey
	}{
		{"funding_pubkey", s.RemoteFundingPubKey},
		{"revocation_basepoint", s.RemoteBasepoints.Revocation},
		{"payment_basepoint", s.RemoteBasepoints.Payment},
		{"delayed_payment_basepoint", s.RemoteBasepoints.DelayedPayment},
		{"htlc_basepoint", s.RemoteBasepoints.HTLC},
	} {
		if err := key.pub.Check(); err != nil {
			return fmt.Errorf("%w: remote's %s: %w", ErrSetup, key.name, err)
		}
	}
	if s.RemoteFundingPubKey == c.funding.pub {
		return fmt.Errorf("%w: remote's funding_pubkey is ours", ErrSetup)
	}
	return nil
}

func (s *Setup) equal(o *Setup) bool {
	a, b := *s, *o
	if !bytes.Equal(a.RemoteShutdownScript, b.RemoteShutdownScript) {
		return false
	}
	a.RemoteShutdownScript, b.RemoteShutdownScript = nil, nil
	return a.FundingTxid == b.FundingTxid && a.FundingOutput == b.FundingOutput &&
		a.FundingSats == b.FundingSats && a.Opener == b.Opener && a.Anchors == b.Anchors &&
		a.RemoteFundingPubKey == b.RemoteFundingPubKey && a.RemoteBasepoints == b.RemoteBasepoints &&
		a.LocalToSelfDelay == b.LocalToSelfDelay && a.RemoteToSelfDelay == b.RemoteToSelfDelay &&
		a.LocalDustLimit == b.LocalDustLimit && a.RemoteDustLimit == b.RemoteDustLimit
}

// Resume tells what the database knows: how many of our commitments are revoked and how many of
// the remote's are signed. What the channel knows itself never goes back.
func (c *Channel) Resume(localRevoked, remoteSigned keys.CommitmentNumber) error {
	if max(localRevoked, remoteSigned) > keys.MaxCommitmentNumber {
		return fmt.Errorf("%d revoked, %d signed: %w", localRevoked, remoteSigned, keys.ErrNumberRange)
	}
	if localRevoked > c.broadcastFrom {
		return fmt.Errorf("%d revoked, but commitment %d: %w", localRevoked, c.broadcastFrom, ErrBroadcast)
	}
	c.localRevoked = max(c.localRevoked, localRevoked)
	if remoteSigned > c.remoteSigned {
		c.remoteSigned, c.lastRemote, c.beforeRemote = remoteSigned, signedRemote{}, signedRemote{}
	}
	return nil
}

// AllowShutdownScript lets a mutual close pay our balance to script.
func (c *Channel) AllowShutdownScript(script []byte) {
	if !c.mayPay(script) {
		c.shutdownScripts = append(c.shutdownScripts, slices.Clone(script))
	}
}

func (c *Channel) mayPay(script []byte) bool {
	return slices.ContainsFunc(c.shutdownScripts, func(s []byte) bool { return bytes.Equal(s, script) })
}
