package connectdmsg

import (
	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Init is lightningd's first message.
type Init struct {
	NodeID    keys.PubKey
	ChainHash [32]byte        // of our network: the genesis block's hash in internal byte order
	Features  features.Vector // for our init message
	Listen    []string        // "IP:port", or ":port" for all; nothing is listened on if empty
	// Proxy is the "IP:port" of a SOCKS5 proxy, empty for none. It is used for .onion addresses, and
	// with AlwaysProxy for all.
	Proxy       string
	AlwaysProxy bool
	// GossipMillis is how often peers are sent what is new in gossip_store; 0 for once a minute.
	GossipMillis uint32
	// DevAllowLocalhost has the peer told its address in init even if it is a private one.
	DevAllowLocalhost bool
	// DevDisconnect has what tests want done to connections: an order a line, as the option dev-disconnect
	// has them.
	DevDisconnect []string
}

// InitReply tells where connectd listens.
type InitReply struct {
	Bound []string // "IP:port" for each of Listen, in order
}

// Connect asks for a connection to a peer. If there is one already, that is the answer. A new one is
// announced by PeerConnected before the reply.
type Connect struct {
	ID keys.PubKey
	// Addrs are tried in order: "IP:port", or "name.onion:port" with a proxy, or "name:port" where the
	// proxy is used for all. connectd looks up no names.
	Addrs         []string
	TimeoutMillis uint32 // for each address; 0 for connectd's own
}

// ConnectReply answers Connect.
type ConnectReply struct {
	Conn     uint64
	Features features.Vector
	Incoming bool   // the peer had connected to us
	Addr     string // of the peer
}

// Disconnect ends a connection after what is queued for the peer was written. With Conn 0 it is
// whichever there is.
type Disconnect struct {
	ID   keys.PubKey
	Conn uint64
	// Ended is a channel whose process has ended: what that said last, mostly a warning, goes to the peer
	// before. It comes over another socket, and may not have been read yet. Zero: none.
	Ended wire.ChannelID
}

// AttachChannel hands over the channel's end towards the peer, as a descriptor (package peermsg). It
// takes the place of an earlier one for the same channel.
type AttachChannel struct {
	ID        keys.PubKey
	Conn      uint64
	ChannelID wire.ChannelID // or temporary_channel_id
}

// Serve lets connectd read from the peer.
type Serve struct {
	ID   keys.PubKey
	Conn uint64
}

// SendPeer sends BOLT messages to the peer. A peer that does not read them in time is disconnected.
type SendPeer struct {
	ID   keys.PubKey
	Conn uint64
	Wire [][]byte // encoded, type first
}

// Ping sends a ping and waits for the pong. With more than MaxPong bytes wanted there will be none,
// and the reply comes at once.
type Ping struct {
	ID        keys.PubKey
	Len       uint16 // bytes of padding in the ping, at most MaxPing
	PongBytes uint16
}

// GossipStore comes with gossip_store as a descriptor, to read. It comes again when another file has
// taken its place.
type GossipStore struct{}

// What the two messages can carry (BOLT 1, The ping and pong Messages).
const (
	MaxPing = wire.MaxMessage - 2 - 2 - 2
	MaxPong = wire.MaxMessage - 2 - 2
)

// LetThrough names types of messages that no BOLT knows and that lightningd takes all the same, for its
// plugins. Each takes the place of the one before. Odd types need none: they always come.
type LetThrough struct {
	Types []uint16
}

// PingReply answers Ping.
type PingReply struct {
	TotLen uint16 // of the pong message with its type; 0 if none was due
}

// IPCType implements ipc.Message.
func (*Init) IPCType() ipc.Type          { return TypeInit }
func (*InitReply) IPCType() ipc.Type     { return TypeInitReply }
func (*Connect) IPCType() ipc.Type       { return TypeConnect }
func (*ConnectReply) IPCType() ipc.Type  { return TypeConnectReply }
func (*Disconnect) IPCType() ipc.Type    { return TypeDisconnect }
func (*AttachChannel) IPCType() ipc.Type { return TypeAttachChannel }
func (*Serve) IPCType() ipc.Type         { return TypeServe }
func (*SendPeer) IPCType() ipc.Type      { return TypeSendPeer }
func (*Ping) IPCType() ipc.Type          { return TypePing }
func (*PingReply) IPCType() ipc.Type     { return TypePingReply }
func (*LetThrough) IPCType() ipc.Type    { return TypeLetThrough }
func (*GossipStore) IPCType() ipc.Type   { return TypeGossipStore }
