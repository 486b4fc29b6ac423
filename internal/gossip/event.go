package gossip

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Channel is what we say of one of our channels.
type Channel struct {
	ChannelID      wire.ChannelID
	PeerID         keys.PubKey
	ShortChannelID wire.ShortChannelID // 0 until the funding transaction is deep enough
	LocalAlias     wire.ShortChannelID // what we told the peer to call it
	RemoteAlias    wire.ShortChannelID // what the peer told us to call it, or 0
	Capacity       amount.Sat
	FundingTxid    [32]byte
	FundingOutput  uint16
	Policy         Policy
}

// Policy is under which terms one side forwards through a channel.
type Policy struct {
	FeeBaseMsat               uint32
	FeeProportionalMillionths uint32
	CLTVExpiryDelta           block.Delta
	HTLCMinimum               amount.Msat
	HTLCMaximum               amount.Msat
	Disabled                  bool
}

// Node is what we say of ourselves.
type Node struct {
	Alias     [32]byte
	RGBColor  [3]byte
	Features  []byte
	Addresses []byte // descriptors in ascending order
}

// Funding is what the chain says of a channel's funding output.
type Funding struct {
	ShortChannelID wire.ShortChannelID
	// Unspent is false for one that is spent, or is not in the chain.
	Unspent bool
	// Unknown is set if the chain could not be asked now: all else says nothing.
	Unknown bool
	Txid    [32]byte // internal byte order
	Amount  amount.Sat
	Script  []byte
}

// Event is what has happened.
type Event interface{ isEvent() }

// The events.
type (
	// PeerUp: a peer is connected.
	PeerUp struct {
		ID      keys.PubKey
		Queries bool // it offers gossip_queries: it is worth asking
	}
	// PeerDown: it is not any more.
	PeerDown struct{ ID keys.PubKey }
	// PeerSent: a connected peer sent an encoded message.
	PeerSent struct {
		ID  keys.PubKey
		Raw []byte
	}
	// Injected: the operator has a message, which is judged like a peer's.
	Injected struct{ Raw []byte }
	// Idle: no more events wait, so what was gathered for a batch should be done.
	Idle struct{}
	// Verified answers Verify.
	Verified struct{ Good []bool } // one for each check
	// FundingChecked answers AskFunding, in one or more parts.
	FundingChecked struct{ Results []Funding }
	// ChannelSet: a channel of ours is usable, channel_ready went both ways (BOLT 7, The
	// channel_update Message), or what we say of it is another now.
	ChannelSet struct{ Channel Channel }
	// ChannelGone: a channel of ours is usable no more.
	ChannelGone struct{ ChannelID wire.ChannelID }
	// Announced: both sides have signed a channel's announcement; it is encoded.
	Announced struct {
		ChannelID    wire.ChannelID
		Announcement []byte
	}
	// NodeSet: what we say of ourselves.
	NodeSet struct{ Node Node }
	// Signed answers AskSigner.
	Signed struct {
		ChannelID wire.ChannelID
		Signature keys.Signature
	}
	// NodeSigned answers AskNodeSigner.
	NodeSigned struct{ Signature keys.Signature }
	// BlockSeen: the chain is so high now. It is lower than before after a reorganisation.
	BlockSeen struct {
		Height block.Height
		Spent  []uint64 // OutpointKey of each output that the block spends
	}
	// Tick: some time has passed: see Tick's interval in TickMillis.
	Tick struct{}
	// Compacted answers Compact: the store was copied to a new file, of which Size has been written.
	Compacted struct {
		Size  int64
		Moved *gossipstore.Moved
	}
)

// TickMillis is how often a Tick is due.
const TickMillis = 200

func (PeerUp) isEvent()         {}
func (PeerDown) isEvent()       {}
func (PeerSent) isEvent()       {}
func (Injected) isEvent()       {}
func (Idle) isEvent()           {}
func (Verified) isEvent()       {}
func (FundingChecked) isEvent() {}
func (ChannelSet) isEvent()     {}
func (ChannelGone) isEvent()    {}
func (Announced) isEvent()      {}
func (NodeSet) isEvent()        {}
func (Signed) isEvent()         {}
func (NodeSigned) isEvent()     {}
func (BlockSeen) isEvent()      {}
func (Tick) isEvent()           {}
func (Compacted) isEvent()      {}
