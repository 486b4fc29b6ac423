// Package htlcswitch decides about HTLCs that this node is to forward: which channel takes one on, or
// with which message it is failed; and, once it is on its way, what its end means for the channel that it
// came from. It is pure: channels are seen through an interface, time and height come in with each call,
// and what must be done goes out as actions.
//
// An HTLC that is forwarded and its twin, the one that we offer, are linked on disk in the same
// transaction as the outgoing channel's own record of the twin. So after a crash at any point there are
// two cases: the link is there, and then the twin's end decides; or it is not, and then the twin never
// was, and the HTLC, which its channel tells of again, is decided anew.
package htlcswitch

import (
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

// Key names an HTLC: its channel's number in the database, and its id in the channel.
type Key struct {
	Channel uint64
	HTLC    uint64
}

// HTLC is one from a peer, irrevocably committed, whose onion says that it goes on.
type HTLC struct {
	Key
	Name        wire.ShortChannelID // of the channel that it came through
	PaymentHash [32]byte
	Amount      amount.Msat
	CLTVExpiry  block.Height

	// From the onion's payload (BOLT 4, Payload Format).
	ShortChannelID wire.ShortChannelID
	AmtToForward   amount.Msat
	OutgoingCLTV   block.Height
	Onion          []byte // for the next node; nil once its channel has committed to it
	ExtraTLVs      []byte // for the next node besides the onion, and as long; what came is not passed on by itself
}

// Status is what became of a forward, by its name in listforwards.
type Status string

// The statuses. LocalFailed is one that we failed ourselves, Failed one that the next node did.
const (
	Offered     Status = "offered"
	Settled     Status = "settled"
	Failed      Status = "failed"
	LocalFailed Status = "local_failed"
)

// Forward is an HTLC with what became of it.
type Forward struct {
	HTLC
	Status     Status
	Out        Key                 // of its twin; Channel is 0 while no channel has committed to it
	OutName    wire.ShortChannelID // of the twin's channel; of the one that was asked for, if none took it
	FailCode   onion.FailureCode   // 0: none that we know
	ReceivedAt time.Time
	ResolvedAt time.Time // zero while Offered
	Preimage   *[32]byte
	Reason     []byte // the next node's encrypted reason,
	Failure    []byte // or our own message, with which it is failed

	tried  []uint64 // channels that refused it
	saving bool     // its end is not on disk yet: see Stored
}

// Fee is what this node earns if the payment succeeds.
func (f *Forward) Fee() amount.Msat { return f.Amount - f.AmtToForward }

// Terms are what a channel asks of those who forward through it, as in its channel_update (BOLT 7).
type Terms struct {
	FeeBase   amount.Msat
	FeePPM    uint32
	HTLCMin   amount.Msat
	HTLCMax   amount.Msat
	CLTVDelta block.Delta
}

// State is whether a channel takes HTLCs.
type State uint8

// The states of a channel. Opening is one that has no channel_ready yet.
const (
	Ready State = iota
	Away        // its peer is not connected, or not reestablished
	Opening
	Closing
)

// Channel is a channel as it is at the moment that the switch asks.
type Channel struct {
	ID             uint64
	Peer           keys.PubKey
	ShortChannelID wire.ShortChannelID // 0: none yet
	Alias          wire.ShortChannelID // that we told the peer
	AliasOnly      bool                // option_scid_alias is in its channel_type
	State          State
	Spendable      amount.Msat // the largest HTLC that it can take
	Terms          Terms
	Former         *Terms // the terms before these, while they still pass
	// Update is our newest channel_update, by the name in UpdateFor; empty: there is none.
	Update    []byte
	UpdateFor wire.ShortChannelID
	Disabled  bool // Update says so
}

// name is how the channel is called in public.
func (c *Channel) name() wire.ShortChannelID {
	if c.ShortChannelID != 0 {
		return c.ShortChannelID
	}
	return c.Alias
}

// goesBy reports whether an onion may name the channel so. BOLT 2, channel_ready: our alias is always
// recognised; with option_scid_alias nothing else is.
func (c *Channel) goesBy(id wire.ShortChannelID) bool {
	return id != 0 && (id == c.Alias || id == c.ShortChannelID && !c.AliasOnly)
}

// Channels are this node's channels.
type Channels interface {
	// Named finds a channel by its short_channel_id or by our alias; nil: there is none.
	Named(wire.ShortChannelID) *Channel
	// With lists the channels with a peer.
	With(keys.PubKey) []*Channel
	// OnChain reports whether a channel can only be resolved on chain any more, or is forgotten.
	OnChain(id uint64) bool
}

// Action is what the caller must do.
type Action interface{ isAction() }

// Offer has a channel offer the twin. Its answer is Commit or Refuse.
type Offer struct {
	Forward *Forward
	Channel uint64
}

// End is the end of a forward. Row has to be on disk before Stored is called and Settle is carried out,
// but for a forward that never had a twin: that one is decided anew if neither was done.
type End struct {
	Row    Forward
	Settle Settle
}

// Settle is what the channel of the incoming HTLC does: exactly one of the three is set.
type Settle struct {
	Key
	Preimage *[32]byte
	Reason   []byte // of the next node, to be wrapped once more
	Failure  []byte // message of ours
	// Attribution is what came from the next node with Preimage or Reason (BOLT 4, attribution_data), if
	// it did; it is not stored.
	Attribution []byte
}

func (Offer) isAction()  {}
func (End) isAction()    {}
func (Settle) isAction() {}
