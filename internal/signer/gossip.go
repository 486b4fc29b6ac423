package signer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"fulmen/internal/keys"
)

// The gossip messages that carry our signatures, and where what is signed begins: after the type
// and the signatures (BOLT 7).
const (
	typeChannelAnnouncement = 256
	typeNodeAnnouncement    = 257
	typeChannelUpdate       = 258

	channelAnnouncementSigned = 2 + 4*64
	otherSigned               = 2 + 64
	maxGossip                 = 65535
)

// gossipBody returns the part of a message of type t that its signatures cover.
func gossipBody(raw []byte, t uint16, start int) ([]byte, error) {
	if len(raw) <= start || len(raw) > maxGossip || binary.BigEndian.Uint16(raw) != t {
		return nil, fmt.Errorf("%d bytes, want a message of type %d: %w", len(raw), t, ErrAnnouncement)
	}
	return raw[start:], nil
}

func doubleSHA256(b []byte) [32]byte {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}

// SignNodeAnnouncement signs our own node_announcement, given whole.
func (n *Node) SignNodeAnnouncement(raw []byte) (keys.Signature, error) {
	body, err := gossipBody(raw, typeNodeAnnouncement, otherSigned)
	if err != nil {
		return keys.Signature{}, fmt.Errorf("node_announcement: %w", err)
	}
	// BOLT 7, The `node_announcement` Message: features, then a timestamp before the node_id.
	if _, rest, ok := cutFeatures(body); !ok || len(rest) < 4 || !bytes.HasPrefix(rest[4:], n.node.pub[:]) {
		return keys.Signature{}, fmt.Errorf("node_announcement: node_id: %w", ErrAnnouncement)
	}
	return n.node.sign(doubleSHA256(body)), nil
}

// SignChannelUpdate signs a channel_update, given whole. It names no node: whose channel it is,
// only the channel_announcement tells.
func (n *Node) SignChannelUpdate(raw []byte) (keys.Signature, error) {
	body, err := gossipBody(raw, typeChannelUpdate, otherSigned)
	if err != nil {
		return keys.Signature{}, fmt.Errorf("channel_update: %w", err)
	}
	return n.node.sign(doubleSHA256(body)), nil
}

// SignAnnouncement signs the channel's channel_announcement, given whole, with the node's and the
// funding key.
func (c *Channel) SignAnnouncement(raw []byte) (node, bitcoin keys.Signature, err error) {
	if c.setup == nil {
		return node, bitcoin, ErrNoSetup
	}
	body, err := gossipBody(raw, typeChannelAnnouncement, channelAnnouncementSigned)
	if err != nil {
		return node, bitcoin, fmt.Errorf("channel_announcement: %w", err)
	}
	if !c.announces(body) {
		return node, bitcoin, fmt.Errorf("channel_announcement: keys: %w", ErrAnnouncement)
	}
	digest := doubleSHA256(body)
	return c.node.node.sign(digest), c.funding.sign(digest), nil
}

// announces checks the four keys, which go in the order of the node ids (BOLT 7, The
// `channel_announcement` Message).
func (c *Channel) announces(body []byte) bool {
	_, rest, ok := cutFeatures(body)
	if !ok || len(rest) < 32+8 {
		return false
	}
	first, second := c.node.node.pub, c.peer
	firstKey, secondKey := c.funding.pub, c.setup.RemoteFundingPubKey
	if bytes.Compare(first[:], second[:]) > 0 {
		first, second, firstKey, secondKey = second, first, secondKey, firstKey
	}
	want := bytes.Join([][]byte{first[:], second[:], firstKey[:], secondKey[:]}, nil)
	return bytes.HasPrefix(rest[32+8:], want) // after chain_hash and short_channel_id
}

// cutFeatures splits a body that begins with a length and so many bytes of features.
func cutFeatures(body []byte) (features, rest []byte, ok bool) {
	if len(body) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(body))
	if len(body) < 2+n {
		return nil, nil, false
	}
	return body[2 : 2+n], body[2+n:], true
}
