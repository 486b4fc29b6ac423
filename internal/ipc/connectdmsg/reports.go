package connectdmsg

import (
	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// PeerConnected reports a connection whose init messages are exchanged and compatible.
type PeerConnected struct {
	ID       keys.PubKey
	Conn     uint64 // higher than any before
	Features features.Vector
	Incoming bool
	Addr     string // of the peer
	// RemoteAddr is our own address as the peer sees it ("IP:port"), empty if it did not say. It may be
	// a lie.
	RemoteAddr string
}

// PeerDisconnected is the end of a connection that was reported.
type PeerDisconnected struct {
	ID     keys.PubKey
	Conn   uint64
	Reason string
}

// PeerSent carries a message that no attached channel claims: open_channel, what is for a channel
// unknown here, and odd messages unknown to us. An error or warning for all channels comes here too,
// after each attached channel got it.
type PeerSent struct {
	ID   keys.PubKey
	Conn uint64
	Wire []byte // encoded, type first
}

// IPCType implements ipc.Message.
func (*PeerConnected) IPCType() ipc.Type    { return TypePeerConnected }
func (*PeerDisconnected) IPCType() ipc.Type { return TypePeerDisconnected }
func (*PeerSent) IPCType() ipc.Type         { return TypePeerSent }
