// Package graph holds the public network in memory, compactly: arrays that are indexed by small
// numbers, no pointer for a node or a channel. 16,000 nodes and 45,000 channels take about 11 MB.
//
// A Graph is fed announcements as they are in gossip_store (see Apply) and is not safe for use by
// several goroutines at once; a File reads one from the store and keeps it current. What only lists show (a node's
// alias, features and addresses, a channel's features) stays in the store, and is read from there by its offset.
package graph

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// NodeID is a node's public key.
type NodeID = keys.PubKey

// Node is a node's index in a Graph. It stays the same as long as the Graph is there.
type Node uint32

// Channel is a channel's index in a Graph. It is given to another channel once the channel is removed.
type Channel uint32

// Half is one direction of a channel: twice its Channel, plus 1 if it leads from node_id_2 to node_id_1.
type Half uint32

// None is the index of nothing.
const None = ^uint32(0)

// Half is a direction of a channel, 0 or 1.
func (c Channel) Half(direction uint8) Half { return Half(c)<<1 | Half(direction&1) }

// Channel is the channel of which h is a direction.
func (h Half) Channel() Channel { return Channel(h >> 1) }

// Direction is 0 from node_id_1 to node_id_2, else 1.
func (h Half) Direction() uint8 { return uint8(h & 1) }

// Reverse is the other direction of the same channel.
func (h Half) Reverse() Half { return h ^ 1 }

// Policy is what a channel_update says of one direction.
type Policy struct {
	HTLCMinimum  amount.Msat
	HTLCMaximum  amount.Msat
	FeeBase      uint32 // msat
	FeePPM       uint32 // millionths of the amount
	LastUpdate   uint32 // its timestamp; 0: there is no channel_update
	CLTVDelta    block.Delta
	MessageFlags byte
	ChannelFlags byte
}

// Known reports whether there is a channel_update.
func (p *Policy) Known() bool { return p.LastUpdate != 0 }

// Enabled reports whether the direction can be used.
func (p *Policy) Enabled() bool {
	return p.LastUpdate != 0 && p.ChannelFlags&wire.ChannelFlagDisable == 0
}

// Graph is the public network.
type Graph struct {
	// Of nodes, by Node.
	ids      []NodeID
	nodeAnns []int64 // offset of the node_announcement in the store; 0: there is none
	shunned  []bool  // it requires features that we do not know: no route leads on from it
	byID     table

	// Of channels, by Channel.
	scids    []wire.ShortChannelID // 0: the index is free
	ends     [][2]Node             // node_id_1 and node_id_2
	capacity []amount.Sat          // 0: not known yet
	chanAnns []int64               // offset of the channel_announcement
	strange  []bool                // it requires features that we do not know: no route leads over it
	policies []Policy              // by Half
	byScid   table
	free     []Channel

	// The channels of each node: halves that lead away from it, sorted, and the same channels' links that lead
	// to it. Made anew by Settle after a channel came or went.
	first []uint32 // by Node; one more than there are nodes
	away  []Half
	links []Link
	stale bool
}

// Link is a direction of a channel as a search reads it: all that it needs, and those that lead to the same node
// beside each other in memory.
type Link struct {
	HTLCMinimum amount.Msat
	HTLCMaximum amount.Msat
	Capacity    amount.Msat
	FeeBase     uint32 // msat
	FeePPM      uint32 // millionths of the amount
	From        Node
	Half        Half
	CLTVDelta   block.Delta
	Enabled     bool // and neither the channel nor From requires features that we do not know
	Leaf        bool // From has no other channel
}

// New makes an empty graph.
func New() *Graph { return &Graph{stale: true} }

// NumNodes is one more than the largest Node; nodes without channels count.
func (g *Graph) NumNodes() int { return len(g.ids) }

// NumChannels is the number of channels.
func (g *Graph) NumChannels() int { return len(g.scids) - len(g.free) }

// ChannelLimit is one more than the largest Channel; see Exists.
func (g *Graph) ChannelLimit() int { return len(g.scids) }

// ID is a node's public key.
func (g *Graph) ID(n Node) NodeID { return g.ids[n] }

// Node finds a node.
func (g *Graph) Node(id NodeID) (Node, bool) {
	i := g.byID.find(hashID(&id), func(i uint32) bool { return g.ids[i] == id })
	return Node(i), i != None
}

// Exists reports whether the index is a channel's, and not free.
func (g *Graph) Exists(c Channel) bool { return g.scids[c] != 0 }

// Channel finds a channel.
func (g *Graph) Channel(scid wire.ShortChannelID) (Channel, bool) {
	if scid == 0 {
		return Channel(None), false
	}
	i := g.byScid.find(hashScid(scid), func(i uint32) bool { return g.scids[i] == scid })
	return Channel(i), i != None
}

// ShortChannelID is a channel's name.
func (g *Graph) ShortChannelID(c Channel) wire.ShortChannelID { return g.scids[c] }

// Capacity is a channel's funding amount; 0 where the store does not say it yet.
func (g *Graph) Capacity(c Channel) amount.Sat { return g.capacity[c] }

// From is the node that a direction leads away from, and whose policy holds for it.
func (g *Graph) From(h Half) Node { return g.ends[h>>1][h&1] }

// To is the node that a direction leads to.
func (g *Graph) To(h Half) Node { return g.ends[h>>1][h&1^1] }

// Policy is what the latest channel_update says. It is valid until the graph changes.
func (g *Graph) Policy(h Half) *Policy { return &g.policies[h] }

// Announcement is where in the store a channel's channel_announcement is.
func (g *Graph) Announcement(c Channel) int64 { return g.chanAnns[c] }

// NodeAnnouncement is where in the store the last node_announcement is; 0 if there was none.
func (g *Graph) NodeAnnouncement(n Node) int64 { return g.nodeAnns[n] }
