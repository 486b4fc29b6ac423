// Package payments has what lightningd knows of outgoing payments: the parts that `sendpay` makes,
// whether a new part may be sent beside those that exist, and what a failure that came back means.
// It is pure; parts are stored by the caller.
package payments

import (
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Status is a part's state, by its name in the RPC.
type Status string

// The states of a part.
const (
	Pending  Status = "pending"
	Complete Status = "complete"
	Failed   Status = "failed"
)

// Hash is a payment_hash, 32 bytes.
type Hash [32]byte

// ID names a part: (payment_hash, groupid, partid) is unique.
type ID struct {
	PaymentHash Hash
	Group       uint64
	Part        uint64
}

// Hop is one step of a route: the channel, and what the node at its end receives.
type Hop struct {
	NodeID         keys.PubKey
	ShortChannelID wire.ShortChannelID
	Amount         amount.Msat
	CLTVExpiry     block.Height
	SharedSecret   keys.Secret // of the onion's layer for NodeID; decrypts failures
}

// Part is one HTLC of ours on its way, or what became of it.
type Part struct {
	CreatedIndex uint64 // counts parts from 1
	UpdatedIndex uint64 // counts changes of parts from 1; 0 when never changed
	ID
	Status      Status
	Destination keys.PubKey
	Amount      amount.Msat // delivered by this part
	Sent        amount.Msat // with fees
	Total       amount.Msat // of all parts of the payment
	CreatedAt   time.Time
	CompletedAt time.Time // zero while pending
	Label       string
	Bolt11      string
	Description string
	Route       []Hop
	Channel     uint64 // our channel's number, 0 until it has committed to the HTLC
	HTLC        uint64 // valid with Channel
	Preimage    *[32]byte
	Failure     *Failure
	// Injected is the secret that this node shares with who made the onion, where that is somebody else, who
	// reads failures as if this node had got the onion from a peer; nil otherwise.
	Injected *keys.Secret
}

// Failure is why a part failed.
type Failure struct {
	Code      int    // RPC error code: 202, 203 or 204
	Message   string // for people
	Onion     []byte // as it came from the first hop; empty for a failure of our own
	Raw       []byte // the decrypted failure message, BOLT 4
	Index     int    // hops from us to the erring node; 0 is us
	Node      keys.PubKey
	Channel   wire.ShortChannelID // after the erring node; 0 when that is the destination
	Direction int
	FailCode  uint16 // BOLT 4
	CodeName  string
}
