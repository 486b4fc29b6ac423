// Package gossipdmsg has the messages between lightningd and gossipd.
//
//	lightningd: Init            once, before anything else
//	lightningd: SetChannel      a channel of ours is usable, or its terms are others now
//	lightningd: ForgetChannel   it is usable no more
//	gossipd:    OwnUpdate       our channel_update, signed; the peer gets it from gossipd
//	gossipd:    PeerUpdate      the peer's, checked
//	gossipd:    BadPeer         lightningd should warn the peer and disconnect it
//
// All are one way.
package gossipdmsg

import (
	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// A request has an even number and its reply the next one; a number is never used again.
const (
	TypeInit          ipc.Type = 600
	TypeSetChannel    ipc.Type = 602
	TypeForgetChannel ipc.Type = 604

	TypeOwnUpdate  ipc.Type = 640
	TypePeerUpdate ipc.Type = 642
	TypeBadPeer    ipc.Type = 644
)

// Init says who we are.
type Init struct {
	NodeID    keys.PubKey
	ChainHash [32]byte // internal byte order
}

// SetChannel comes when channel_ready went both ways, again when an alias or the short_channel_id
// becomes known or changes, and when the policy does. The same once more does nothing.
type SetChannel struct {
	Channel gossip.Channel
}

// ForgetChannel comes when a channel is closing, or closed.
type ForgetChannel struct {
	ChannelID wire.ChannelID
}

// OwnUpdate answers a SetChannel that changed something.
type OwnUpdate struct {
	ChannelID wire.ChannelID
	Update    []byte // the whole message with its type
}

// PeerUpdate comes when the peer of one of our channels told its terms: those under which it
// forwards to us.
type PeerUpdate struct {
	ChannelID wire.ChannelID
	Policy    gossip.Policy
	Timestamp gossip.Timestamp
	Update    []byte // the whole message with its type
}

// BadPeer comes when a peer's gossip was malformed or falsely signed. The peer has not heard of it:
// gossipd sends nothing but gossip.
type BadPeer struct {
	ID     keys.PubKey
	Reason string
}

// IPCType implements ipc.Message.
func (*Init) IPCType() ipc.Type          { return TypeInit }
func (*SetChannel) IPCType() ipc.Type    { return TypeSetChannel }
func (*ForgetChannel) IPCType() ipc.Type { return TypeForgetChannel }
func (*OwnUpdate) IPCType() ipc.Type     { return TypeOwnUpdate }
func (*PeerUpdate) IPCType() ipc.Type    { return TypePeerUpdate }
func (*BadPeer) IPCType() ipc.Type       { return TypeBadPeer }
