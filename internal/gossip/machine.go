// Package gossip decides about BOLT 7's messages: what we say of our own channels, what their
// peers say of them, and what we answer to queries. It is a pure machine: whoever runs it has the
// sockets, the clock and the signer.
//
// It knows no channel but our own, none of them announced to the network; so it has no graph to
// relay, and says so to those who ask for it.
package gossip

import (
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Timestamp is in seconds since 1970, as a channel_update has it.
type Timestamp uint32

// maxAhead is how far in the future another node's clock may be.
const maxAhead Timestamp = 24 * 60 * 60

// Channel is what we say of one of our channels.
type Channel struct {
	ChannelID      wire.ChannelID
	PeerID         keys.PubKey
	ShortChannelID wire.ShortChannelID // 0 until the funding transaction is deep enough
	LocalAlias     wire.ShortChannelID // what we told the peer to call it
	RemoteAlias    wire.ShortChannelID // what the peer told us to call it, or 0
	Capacity       amount.Sat
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

// Event is what has happened.
type Event interface{ isEvent() }

// The events.
type (
	// PeerUp: a peer is connected.
	PeerUp struct{ ID keys.PubKey }
	// PeerDown: it is not any more.
	PeerDown struct{ ID keys.PubKey }
	// PeerSent: a connected peer sent an encoded message.
	PeerSent struct {
		ID  keys.PubKey
		Raw []byte
	}
	// ChannelSet: a channel of ours is usable, channel_ready went both ways (BOLT 7, The
	// channel_update Message), or what we say of it is another now.
	ChannelSet struct{ Channel Channel }
	// ChannelGone: a channel of ours is usable no more.
	ChannelGone struct{ ChannelID wire.ChannelID }
	// Signed answers AskSigner.
	Signed struct {
		ChannelID wire.ChannelID
		Signature keys.Signature
	}
)

func (PeerUp) isEvent()      {}
func (PeerDown) isEvent()    {}
func (PeerSent) isEvent()    {}
func (ChannelSet) isEvent()  {}
func (ChannelGone) isEvent() {}
func (Signed) isEvent()      {}

// Action is what to do.
type Action interface{ isAction() }

// The actions.
type (
	// AskSigner: have an encoded channel_update signed. Signed is the next event.
	AskSigner struct {
		ChannelID wire.ChannelID
		Update    []byte
	}
	// SendPeer: send an encoded message.
	SendPeer struct {
		ID  keys.PubKey
		Raw []byte
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
	// Misbehaved: warn the peer and close the connection.
	Misbehaved struct {
		ID     keys.PubKey
		Reason string
	}
)

func (AskSigner) isAction()  {}
func (SendPeer) isAction()   {}
func (Made) isAction()       {}
func (Learned) isAction()    {}
func (Misbehaved) isAction() {}

// Machine is the gossip of one node.
type Machine struct {
	nodeID    keys.PubKey
	chainHash [32]byte
	peers     map[keys.PubKey]bool // connected
	channels  map[wire.ChannelID]*ownChannel
}

// New makes the machine of the node nodeID, without channels and peers.
func New(nodeID keys.PubKey, chainHash [32]byte) *Machine {
	return &Machine{
		nodeID:    nodeID,
		chainHash: chainHash,
		peers:     make(map[keys.PubKey]bool),
		channels:  make(map[wire.ChannelID]*ownChannel),
	}
}

// Step applies one event and returns what to do, in order. An error is about the event itself, so
// ours: a peer's faults are actions.
func (m *Machine) Step(now Timestamp, ev Event) ([]Action, error) {
	switch ev := ev.(type) {
	case PeerUp:
		m.peers[ev.ID] = true
		return m.greet(ev.ID), nil
	case PeerDown:
		delete(m.peers, ev.ID)
		return nil, nil
	case PeerSent:
		return m.peerSent(now, ev), nil
	case ChannelSet:
		return m.setChannel(now, ev.Channel)
	case ChannelGone:
		delete(m.channels, ev.ChannelID)
		return nil, nil
	case Signed:
		return m.afterSigning(ev)
	}
	panic(fmt.Sprintf("gossip: unknown event %T", ev))
}

// peerSent takes one message from a peer. What we did not ask for is ignored.
func (m *Machine) peerSent(now Timestamp, ev PeerSent) []Action {
	msg, err := wire.Decode(ev.Raw)
	if err != nil {
		var unknown *wire.UnknownMessageError
		if errors.As(err, &unknown) && unknown.MayIgnore() {
			return nil
		}
		return []Action{Misbehaved{ev.ID, err.Error()}}
	}
	switch msg := msg.(type) {
	case *wire.ChannelUpdate:
		return m.recvChannelUpdate(now, ev.ID, msg, ev.Raw)
	case *wire.QueryChannelRange:
		return answerRange(ev.ID, msg)
	case *wire.QueryShortChannelIDs:
		return answerShortIDs(ev.ID, msg)
	}
	return nil
}
