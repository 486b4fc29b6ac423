package gossip

import (
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

const (
	// maxPending is how many channels may wait to be found in the chain, or for their first update. With
	// all that is held for them they take 25 MB at most (see TestWaitingIsSmall).
	maxPending = 4000
	// pendingTime is how long they may wait for an update.
	pendingTime Timestamp = 10 * 60
	// maxHeld is the longest channel_update or node_announcement that is held for them.
	maxHeld = 1024
)

// pendingChannels are announced, with good signatures, and not yet part of the view.
type pendingChannels struct {
	channels map[wire.ShortChannelID]*pendingChannel
	nodes    map[keys.PubKey]*pendingNode
}

type pendingChannel struct {
	msg     *wire.ChannelAnnouncement
	raw     []byte
	from    keys.PubKey
	since   Timestamp
	funding *Funding // nil until the chain has answered
	updates [2]*heldUpdate
}

// heldUpdate is the newest channel_update of one side that came before the chain had answered.
type heldUpdate struct {
	from keys.PubKey
	msg  *wire.ChannelUpdate
	raw  []byte
}

// pendingNode is a node of channels that wait.
type pendingNode struct {
	channels int
	held     *heldNode
}

// heldNode is its newest node_announcement.
type heldNode struct {
	from keys.PubKey
	msg  *wire.NodeAnnouncement
	raw  []byte
}

func newPending() pendingChannels {
	return pendingChannels{
		channels: make(map[wire.ShortChannelID]*pendingChannel),
		nodes:    make(map[keys.PubKey]*pendingNode),
	}
}

func (p *pendingChannels) full() bool { return len(p.channels) >= maxPending }

func (p *pendingChannels) add(c *pendingChannel) {
	p.channels[c.msg.ShortChannelID] = c
	for _, id := range []keys.PubKey{c.msg.NodeID1, c.msg.NodeID2} {
		if p.nodes[id] == nil {
			p.nodes[id] = new(pendingNode)
		}
		p.nodes[id].channels++
	}
}

func (p *pendingChannels) drop(c *pendingChannel) {
	delete(p.channels, c.msg.ShortChannelID)
	for _, id := range []keys.PubKey{c.msg.NodeID1, c.msg.NodeID2} {
		if n := p.nodes[id]; n != nil {
			if n.channels--; n.channels <= 0 {
				delete(p.nodes, id)
			}
		}
	}
}

// takeNode returns the node_announcement that is held for a node, once.
func (p *pendingChannels) takeNode(id keys.PubKey) *heldNode {
	n := p.nodes[id]
	if n == nil {
		return nil
	}
	held := n.held
	n.held = nil
	return held
}

// expire forgets those that nobody completes.
func (p *pendingChannels) expire(now Timestamp) {
	for _, c := range p.channels {
		if c.funding != nil && now > c.since && now-c.since > pendingTime {
			p.drop(c)
		}
	}
}

// hold keeps an update until the chain has answered, if it is the newest of its side.
func (c *pendingChannel) hold(from keys.PubKey, u *wire.ChannelUpdate, raw []byte) {
	held := &c.updates[u.ChannelFlags&wire.ChannelFlagDirection]
	if len(raw) <= maxHeld && (*held == nil || (*held).msg.Timestamp < u.Timestamp) {
		*held = &heldUpdate{from, u, raw}
	}
}

// nodeOf is the node that a channel_update with these flags is from.
func (c *pendingChannel) nodeOf(flags byte) keys.PubKey {
	if flags&wire.ChannelFlagDirection != 0 {
		return c.msg.NodeID2
	}
	return c.msg.NodeID1
}

// maxWrong is how many channels are remembered that the chain does not have.
const maxWrong = 10_000

// wrongChannels are those, so that they are not looked for each time that somebody tells of them.
type wrongChannels struct {
	ids   map[wire.ShortChannelID]bool
	order []wire.ShortChannelID // oldest first, from next on
	next  int
}

func (w *wrongChannels) has(id wire.ShortChannelID) bool { return w.ids[id] }

func (w *wrongChannels) add(id wire.ShortChannelID) {
	if w.ids == nil {
		w.ids = make(map[wire.ShortChannelID]bool)
	}
	if w.ids[id] {
		return
	}
	w.ids[id] = true
	if len(w.order) < maxWrong {
		w.order = append(w.order, id)
		return
	}
	delete(w.ids, w.order[w.next])
	w.order[w.next] = id
	w.next = (w.next + 1) % maxWrong
}
