package channel

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Event is what happened: a message, an order, an answer to an action, or that nothing more is
// there to be read.
type Event interface{ isEvent() }

// The events that come by themselves.
type (
	// Connected begins a connection: of a new channel, whose opening it goes on with, and of a
	// restored one, for which channel_reestablish is exchanged first.
	Connected struct{}
	// PeerSent is a message of the peer about this channel.
	PeerSent struct{ Msg wire.Message }
	// Idle says that all input that was there has been stepped.
	Idle struct{}

	// Offer orders an HTLC to be offered. Ref comes back in Store.Offered or OfferFailed.
	Offer struct {
		Ref         uint64
		Amount      amount.Msat
		PaymentHash [32]byte
		CLTVExpiry  block.Height
		Onion       *[OnionSize]byte
		BlindedPath *keys.PubKey
		ExtraTLVs   []byte // records for the peer besides those that we know, at most MaxExtraTLVs bytes
	}
	// Settle orders what becomes of an HTLC that the peer offered. For one that is settled already,
	// or gone, it does nothing.
	Settle struct {
		HTLCID uint64
		Result Result
	}
	// SetFeerate orders update_fee, if we are the opener and can pay it.
	SetFeerate struct{ Feerate amount.FeeratePerKw }
	// Shutdown orders a mutual close.
	Shutdown struct{ Script []byte }
	// FundingConfirmed tells how deep the funding transaction is.
	FundingConfirmed struct {
		Depth          uint32
		ShortChannelID wire.ShortChannelID
	}
	// NewHeight tells of a block, and at the start of the newest one.
	NewHeight struct{ Height block.Height }
	// SetPolicy replaces the policy, and is given before anything else.
	SetPolicy struct{ Policy Policy }
)

// The answers, each to the action of a similar name; nothing else may come in between.
type (
	// Point answers AskPoint.
	Point struct{ PerCommitmentPoint keys.PubKey }
	// Signed answers AskSigner.
	Signed struct {
		Signature      keys.Signature
		HTLCSignatures []keys.Signature
	}
	// Verified answers Verify; Err is the first check that failed, or nil.
	Verified struct{ Err error }
	// Revocation answers AskRevocation.
	Revocation struct {
		Secret    keys.Secret
		NextPoint keys.PubKey
	}
	// SecretChecked answers CheckSecret.
	SecretChecked struct{ Correct bool }
	// AnnouncementSigned answers AskAnnouncement.
	AnnouncementSigned struct{ Node, Bitcoin keys.Signature }
)

func (Connected) isEvent()          {}
func (PeerSent) isEvent()           {}
func (Idle) isEvent()               {}
func (Offer) isEvent()              {}
func (Settle) isEvent()             {}
func (SetFeerate) isEvent()         {}
func (Shutdown) isEvent()           {}
func (FundingConfirmed) isEvent()   {}
func (NewHeight) isEvent()          {}
func (SetPolicy) isEvent()          {}
func (Point) isEvent()              {}
func (Signed) isEvent()             {}
func (Verified) isEvent()           {}
func (Revocation) isEvent()         {}
func (SecretChecked) isEvent()      {}
func (AnnouncementSigned) isEvent() {}
