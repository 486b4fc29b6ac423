// Package gossipmsg has the messages between connectd and gossipd: BOLT 7's messages of every peer,
// over one link.
package gossipmsg

import (
	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// A request has an even number and its reply the next one; a number is never used again.
const (
	TypePeerUp     ipc.Type = 500
	TypePeerDown   ipc.Type = 502
	TypePeerGossip ipc.Type = 504
)

// PeerUp, from connectd: a peer is connected, and lightningd has let it be served. A peer that
// connects anew is down first.
type PeerUp struct {
	ID       keys.PubKey
	Features features.Vector
}

// PeerDown, from connectd: the peer of an earlier PeerUp is gone.
type PeerDown struct {
	ID keys.PubKey
}

// PeerGossip carries gossip messages in order: from connectd what the peer sent, from gossipd what
// it is to be sent. From gossipd it is dropped if the peer is not connected any more.
type PeerGossip struct {
	ID   keys.PubKey
	Wire [][]byte // encoded, type first
}

// IPCType implements ipc.Message.
func (*PeerUp) IPCType() ipc.Type     { return TypePeerUp }
func (*PeerDown) IPCType() ipc.Type   { return TypePeerDown }
func (*PeerGossip) IPCType() ipc.Type { return TypePeerGossip }
