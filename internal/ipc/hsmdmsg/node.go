package hsmdmsg

import (
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// MaxECDHPoints bounds one batch: both sides' HTLCs of a channel fit.
const MaxECDHPoints = 1024

// ECDH asks for the shared secrets of the node key and each point: BOLT 8's handshake for
// connectd, BOLT 4's onions for channeld. Right: ECDH.
type ECDH struct {
	Points []keys.PubKey // at most MaxECDHPoints
}

// ECDHReply has one result for each point, in order.
type ECDHReply struct {
	Results []ECDHResult
}

// ECDHResult is one shared secret. A point that is not on the curve has none: the sender of that
// point must learn of it, the others in the batch must not suffer.
type ECDHResult struct {
	SharedSecret keys.Secret
	BadPoint     bool
}

// SignChannelAnnouncement asks for both of our signatures on this channel's announcement. Right:
// Commitment.
type SignChannelAnnouncement struct {
	Announcement []byte // the whole message with its type; the signatures in it are not looked at
}

// SignChannelAnnouncementReply has what announcement_signatures carries.
type SignChannelAnnouncementReply struct {
	NodeSignature    keys.Signature
	BitcoinSignature keys.Signature
}

// SignNodeAnnouncement asks for the node key's signature. Right: Gossip.
type SignNodeAnnouncement struct {
	Announcement []byte // the whole message with its type; the signature in it is not looked at
}

// SignNodeAnnouncementReply answers SignNodeAnnouncement.
type SignNodeAnnouncementReply struct {
	Signature keys.Signature
}

// SignChannelUpdate asks for the node key's signature. Right: Gossip.
type SignChannelUpdate struct {
	Update []byte // the whole message with its type; the signature in it is not looked at
}

// SignChannelUpdateReply answers SignChannelUpdate.
type SignChannelUpdateReply struct {
	Signature keys.Signature
}

// IPCType implements ipc.Message.
func (*ECDH) IPCType() ipc.Type                         { return TypeECDH }
func (*ECDHReply) IPCType() ipc.Type                    { return TypeECDHReply }
func (*SignChannelAnnouncement) IPCType() ipc.Type      { return TypeSignChannelAnnouncement }
func (*SignChannelAnnouncementReply) IPCType() ipc.Type { return TypeSignChannelAnnouncementReply }
func (*SignNodeAnnouncement) IPCType() ipc.Type         { return TypeSignNodeAnnouncement }
func (*SignNodeAnnouncementReply) IPCType() ipc.Type    { return TypeSignNodeAnnouncementReply }
func (*SignChannelUpdate) IPCType() ipc.Type            { return TypeSignChannelUpdate }
func (*SignChannelUpdateReply) IPCType() ipc.Type       { return TypeSignChannelUpdateReply }
