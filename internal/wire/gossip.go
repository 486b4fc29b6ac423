package wire

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"fulmen/internal/keys"
)

// signedFrom is where the signed part of a gossip message starts: after the type and signatures.
var signedFrom = map[MessageType]int{
	MsgChannelAnnouncement: 2 + 4*64,
	MsgNodeAnnouncement:    2 + 64,
	MsgChannelUpdate:       2 + 64,
}

// GossipDigest is the hash that the signatures of an encoded channel_announcement,
// node_announcement or channel_update sign: double SHA-256 of all that follows them, bytes that we
// do not understand included (BOLT 7), which is why it takes the message as received.
func GossipDigest(raw []byte) ([32]byte, error) {
	t, err := TypeOf(raw)
	if err != nil {
		return [32]byte{}, err
	}
	from, ok := signedFrom[t]
	if !ok {
		return [32]byte{}, fmt.Errorf("digest of %s: it is not signed", t)
	}
	if len(raw) < from {
		return [32]byte{}, &DecodeError{Message: t.String(), Field: "signature", Reason: fmt.Sprintf("want %d bytes, have %d", from, len(raw))}
	}
	once := sha256.Sum256(raw[from:])
	return sha256.Sum256(once[:]), nil
}

// Flags in a channel_update (BOLT 7, The channel_update Message).
const (
	ChannelFlagDirection byte = 1 << 0 // set: from node_id_2
	ChannelFlagDisable   byte = 1 << 1

	MessageFlagMustBeOne   byte = 1 << 0
	MessageFlagDontForward byte = 1 << 1
)

// Direction is the direction bit of the channel_updates that a node makes about its channel with another:
// node_id_1 is the lesser of the two ids (BOLT 7, The channel_announcement Message).
func Direction(from, with keys.PubKey) byte {
	if bytes.Compare(from[:], with[:]) < 0 {
		return 0
	}
	return ChannelFlagDirection
}

// ChannelFlagAnnounce is announce_channel in open_channel's channel_flags (BOLT 2).
const ChannelFlagAnnounce byte = 1 << 0
