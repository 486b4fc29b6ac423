// Package connectdmsg has the messages between lightningd and connectd.
//
// lightningd's first message is Init, once; connectd listens and answers. From then on a connection
// is named by the peer's id and a number that connectd counts up, so that what crosses its end on the
// way is not taken for the next one:
//
//	connectd: PeerConnected    reads nothing more of this peer yet
//	lightningd: AttachChannel  for each channel with it
//	lightningd: Serve          now it reads
//	...
//	connectd: PeerDisconnected last word about this connection
//
// A peer that connects again replaces its older connection: PeerDisconnected comes first. Orders
// about a connection that has ended are dropped; a descriptor with them is closed, which tells
// channeld.
package connectdmsg

import "fulmen/internal/ipc"

// A request has an even number and its reply the next one; a number is never used again.
const (
	TypeInit          ipc.Type = 200
	TypeInitReply     ipc.Type = 201
	TypeConnect       ipc.Type = 202
	TypeConnectReply  ipc.Type = 203
	TypeDisconnect    ipc.Type = 204
	TypeAttachChannel ipc.Type = 206
	TypeServe         ipc.Type = 208
	TypeSendPeer      ipc.Type = 210
	TypePing          ipc.Type = 212
	TypePingReply     ipc.Type = 213
	TypeLetThrough    ipc.Type = 216
	TypeGossipStore   ipc.Type = 214

	TypePeerConnected    ipc.Type = 240
	TypePeerDisconnected ipc.Type = 242
	TypePeerSent         ipc.Type = 244
)

// The codes of Fail, which are those of the RPC command connect.
const (
	FailNoAddress    = 400 // no address to try, or none that can be
	FailAllAddresses = 401 // all were tried
	FailDisconnected = 402 // it was connected, but not for long enough
	FailNotConnected = 403 // for Ping: there is no such connection
)
