package graph

import (
	"encoding/binary"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/features"
	"fulmen/internal/wire"
)

// Where fields are in the messages of BOLT 7, from the type on. The store's messages were checked when they came:
// their fields are read in place, because decoding 150,000 of them would be most of the time that loading takes.
const (
	announcementFeatures = 2 + 4*64 // the length of the features, then they
	afterChain           = 2 + 32   // from that length on, but for the features

	nodeFeatures = 2 + 64
	nodeID       = 2 + 4 // from that length on, but for the features: their end, timestamp

	updateScid     = 2 + 64 + 32
	updateSizeFull = updateScid + 8 + 4 + 1 + 1 + 2 + 8 + 4 + 4 + 8
)

func short(what string, want, have int) error {
	return fmt.Errorf("%s: want %d bytes, have %d", what, want, have)
}

// ApplyChannelAnnouncement takes a channel_announcement at an offset of the store.
func (g *Graph) ApplyChannelAnnouncement(msg []byte, offset int64) (Channel, error) {
	const name = "channel_announcement"
	if len(msg) < announcementFeatures+2 {
		return 0, short(name, announcementFeatures+2, len(msg))
	}
	length := int(binary.BigEndian.Uint16(msg[announcementFeatures:]))
	at := announcementFeatures + afterChain + length
	const size = 8 + 4*33
	if len(msg) < at+size {
		return 0, short(name, at+size, len(msg))
	}
	b := msg[at:]
	scid := wire.ShortChannelID(binary.BigEndian.Uint64(b))
	if scid == 0 {
		return 0, fmt.Errorf("%s: short_channel_id is 0", name)
	}
	c := g.AddChannel(scid, NodeID(b[8:]), NodeID(b[8+33:]), offset)
	g.strange[c] = features.Vector(msg[announcementFeatures+2:][:length]).Strange()
	return c, nil
}

// ApplyChannelUpdate takes a channel_update. One of a channel that is not there, or older than what is there, is
// ignored.
func (g *Graph) ApplyChannelUpdate(msg []byte) error {
	if len(msg) < updateSizeFull {
		return short("channel_update", updateSizeFull, len(msg))
	}
	b := msg[updateScid:]
	c, ok := g.Channel(wire.ShortChannelID(binary.BigEndian.Uint64(b)))
	if !ok {
		return nil
	}
	p := Policy{
		LastUpdate: binary.BigEndian.Uint32(b[8:]), MessageFlags: b[12], ChannelFlags: b[13],
		CLTVDelta:   block.Delta(binary.BigEndian.Uint16(b[14:])),
		HTLCMinimum: amount.Msat(binary.BigEndian.Uint64(b[16:])),
		FeeBase:     binary.BigEndian.Uint32(b[24:]), FeePPM: binary.BigEndian.Uint32(b[28:]),
		HTLCMaximum: amount.Msat(binary.BigEndian.Uint64(b[32:])),
	}
	h := c.Half(p.ChannelFlags & wire.ChannelFlagDirection)
	if p.LastUpdate >= g.policies[h].LastUpdate {
		g.SetPolicy(h, p)
	}
	return nil
}

// ApplyNodeAnnouncement notes where a node's announcement is, and whether it can be routed through. That of a node without channels is ignored (BOLT 7,
// The node_announcement Message).
func (g *Graph) ApplyNodeAnnouncement(msg []byte, offset int64) error {
	const name = "node_announcement"
	if len(msg) < nodeFeatures+2 {
		return short(name, nodeFeatures+2, len(msg))
	}
	length := int(binary.BigEndian.Uint16(msg[nodeFeatures:]))
	at := nodeFeatures + nodeID + length
	if len(msg) < at+33 {
		return short(name, at+33, len(msg))
	}
	if n, ok := g.Node(NodeID(msg[at:])); ok {
		g.nodeAnns[n] = offset
		g.setFeatures(n, features.Vector(msg[nodeFeatures+2:][:length]))
	}
	return nil
}
