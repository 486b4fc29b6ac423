package gossip

import (
	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Action is what to do.
type Action interface{ isAction() }

// Check is one signature.
type Check struct {
	Key       keys.PubKey
	Digest    [32]byte
	Signature keys.Signature
}

// Good reports whether the signature is right.
func (c *Check) Good() bool { return keys.Verify(c.Key, c.Digest, c.Signature) == nil }

// The actions.
type (
	// Verify: check these signatures. Verified is the next event.
	Verify struct{ Checks []Check }
	// AskFunding: find these outputs in the chain. FundingChecked is some later event.
	AskFunding struct{ IDs []wire.ShortChannelID }
	// Append: add a message to the store, where it must get this offset.
	Append struct {
		Offset    int64
		Flags     gossipstore.Flags
		Timestamp uint32
		Msg       []byte
	}
	// Mark: set flags of the store's record there.
	Mark struct {
		Offset int64
		Flags  gossipstore.Flags
	}
	// Compact: copy the store without what is deleted. Compacted is the next event, or none if it did
	// not work.
	Compact struct{}
	// AskSigner: have an encoded channel_update signed. Signed is the next event.
	AskSigner struct {
		ChannelID wire.ChannelID
		Update    []byte
	}
	// AskNodeSigner: have an encoded node_announcement signed. NodeSigned is the next event.
	AskNodeSigner struct{ Announcement []byte }
	// SendPeer: send an encoded message.
	SendPeer struct {
		ID  keys.PubKey
		Raw []byte
	}
	// SendStored: send the store's messages at these offsets.
	SendStored struct {
		ID      keys.PubKey
		Offsets []int64
	}
	// Made: this is our channel_update of the channel now, encoded.
	Made struct {
		ChannelID wire.ChannelID
		Raw       []byte
	}
	// Learned: this is the peer's, checked.
	Learned struct {
		ChannelID wire.ChannelID
		Policy    Policy
		Timestamp Timestamp
		Raw       []byte
	}
	// Misbehaved: warn the peer, and close the connection if so said.
	Misbehaved struct {
		ID         keys.PubKey
		Reason     string
		Disconnect bool
	}
)

func (Verify) isAction()        {}
func (AskFunding) isAction()    {}
func (Append) isAction()        {}
func (Mark) isAction()          {}
func (Compact) isAction()       {}
func (AskSigner) isAction()     {}
func (AskNodeSigner) isAction() {}
func (SendPeer) isAction()      {}
func (SendStored) isAction()    {}
func (Made) isAction()          {}
func (Learned) isAction()       {}
func (Misbehaved) isAction()    {}
