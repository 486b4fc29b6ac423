package gossip

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// view is the network: where in the store each message is, and what judging the next one takes. With
// 45,000 channels that is some 12 MB (see TestViewIsSmall).
type view struct {
	channels []channel // slots; free ones are in spare
	spare    []uint32
	byID     map[wire.ShortChannelID]uint32
	byOutput map[uint64]uint32 // OutpointKey, to find what a block spends
	nodes    []node
	byNode   map[keys.PubKey]uint32
	sorted   []wire.ShortChannelID // of all channels, ascending; nil if it has to be made anew
}

// channel is one that is announced: in the store, and updated by at least one side.
type channel struct {
	id       wire.ShortChannelID
	nodes    [2]uint32 // places in view.nodes
	at       int64     // of the channel_announcement
	size     uint32    // of it; the channel's own records of fixed size follow
	spentAt  block.Height
	capacity amount.Sat
	output   uint64 // OutpointKey
	updates  [2]update
}

// update is the last channel_update of one side.
type update struct {
	at        int64 // 0 if there is none
	timestamp uint32
	checksum  uint32 // see updateChecksum
	size      uint16
	limit     limiter
}

// node is one that has a channel.
type node struct {
	id        keys.PubKey
	size      uint16 // of the node_announcement
	channels  uint32 // 0: the slot is unused until the node has a channel again
	timestamp uint32
	limit     limiter
	at        int64 // of the node_announcement; 0 if there is none
}

func newView() view {
	return view{
		byID:     make(map[wire.ShortChannelID]uint32),
		byOutput: make(map[uint64]uint32),
		byNode:   make(map[keys.PubKey]uint32),
	}
}

// channel finds one, or nil. It is good until the next is added.
func (v *view) channel(id wire.ShortChannelID) *channel {
	if i, ok := v.byID[id]; ok {
		return &v.channels[i]
	}
	return nil
}

// node finds one that has a channel, or nil.
func (v *view) node(id keys.PubKey) *node {
	if i, ok := v.byNode[id]; ok && v.nodes[i].channels > 0 {
		return &v.nodes[i]
	}
	return nil
}

// add enters a channel between two nodes.
func (v *view) add(c channel, ids [2]keys.PubKey) *channel {
	for i, id := range ids {
		c.nodes[i] = v.use(id)
	}
	place := uint32(len(v.channels))
	if n := len(v.spare); n > 0 {
		place, v.spare = v.spare[n-1], v.spare[:n-1]
		v.channels[place] = c
	} else {
		v.channels = append(v.channels, c)
	}
	v.byID[c.id] = place
	if c.output != 0 {
		v.byOutput[c.output] = place
	}
	v.sorted = nil
	return &v.channels[place]
}

// use finds or makes a node's slot and counts one more channel of it. Slots of nodes stay: nodes come
// back, and few of those that ever were are gone.
func (v *view) use(id keys.PubKey) uint32 {
	i, ok := v.byNode[id]
	if !ok {
		i = uint32(len(v.nodes))
		v.nodes = append(v.nodes, node{id: id})
		v.byNode[id] = i
	}
	v.nodes[i].channels++
	return i
}

// drop takes a channel out, and returns those of its nodes that have no other.
func (v *view) drop(c *channel) (alone []*node) {
	place := v.byID[c.id]
	delete(v.byID, c.id)
	if v.byOutput[c.output] == place {
		delete(v.byOutput, c.output)
	}
	for _, i := range c.nodes {
		n := &v.nodes[i]
		if n.channels--; n.channels == 0 {
			alone = append(alone, n)
		}
	}
	v.spare = append(v.spare, place)
	*c = channel{}
	v.sorted = nil
	return alone
}

// ids are those of all channels, ascending.
func (v *view) ids() []wire.ShortChannelID {
	if v.sorted == nil {
		v.sorted = make([]wire.ShortChannelID, 0, len(v.byID))
		for id := range v.byID {
			v.sorted = append(v.sorted, id)
		}
		slices.Sort(v.sorted)
	}
	return v.sorted
}

// OutpointKey is a short name for an output: what a block spends is told by these. Two outputs with
// the same one are no harm, as the chain is asked before a channel is believed to be closed.
func OutpointKey(txid [32]byte, output uint32) uint64 {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(txid[:], output))
	return binary.BigEndian.Uint64(sum[:])
}
