package gossip

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

const (
	// maxPending is how many channels may wait to be found in the chain, or for their first update. With
	// all that is held for them they take 40 MB at most (see TestWaitingIsSmall).
	maxPending = 4000
	// pendingTime is how long they may wait for an update.
	pendingTime Timestamp = 10 * 60
	// fundingTime is how long they may wait for the chain: longer than it takes to look for as many as may wait.
	fundingTime Timestamp = 3 * 60 * 60
	// maxUnasked is how many of one peer may wait for the chain, unless we are asking it for all that it has; all such
	// peers together get half of the room.
	maxUnasked = 500
	// maxHeld is the longest node_announcement that is held for them, maxHeldUpdate the longest channel_update.
	maxHeld       = 1024
	maxHeldUpdate = 200
	// maxHeldEach is from how many peers an update of one side is held: one of them may be made up.
	maxHeldEach = 3
	// maxRivals is how many other announcements of a channel may wait with the first, each of another peer, and
	// maxRivalsAll how many of all channels.
	maxRivals    = 3
	maxRivalsAll = 1000
)

// pendingChannels are announced, with good signatures, and not yet part of the view.
type pendingChannels struct {
	channels map[wire.ShortChannelID]*pendingChannel
	nodes    map[keys.PubKey]*pendingNode
	unasked  map[keys.PubKey]int // channels of a peer that was not asked for them, and that the chain has not answered
	rivals   int
}

type pendingChannel struct {
	msg     *wire.ChannelAnnouncement
	raw     []byte
	from    keys.PubKey
	since   Timestamp
	blocks  uint64   // Machine.blocks when the chain was asked
	unasked bool     // it is counted
	funding *Funding // nil until the chain has answered
	updates [2][]heldUpdate
	rivals  []rival // with other keys; the chain will tell
}

// rival is another announcement of a channel, with good signatures.
type rival struct {
	from keys.PubKey
	msg  *wire.ChannelAnnouncement
	raw  []byte
}

// heldUpdate is the newest channel_update of one side from one peer that came before the chain had answered.
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
		unasked:  make(map[keys.PubKey]int),
	}
}

// hasRoom reports whether one more channel of a peer may wait; asked is whether it answers what we asked for.
func (p *pendingChannels) hasRoom(from keys.PubKey, asked bool) bool {
	if asked {
		return len(p.channels) < maxPending
	}
	return len(p.channels) < maxPending/2 && p.unasked[from] < maxUnasked
}

func (p *pendingChannels) add(c *pendingChannel) {
	p.channels[c.msg.ShortChannelID] = c
	if c.unasked {
		p.unasked[c.from]++
	}
	for _, id := range []keys.PubKey{c.msg.NodeID1, c.msg.NodeID2} {
		if p.nodes[id] == nil {
			p.nodes[id] = new(pendingNode)
		}
		p.nodes[id].channels++
	}
}

func (p *pendingChannels) drop(c *pendingChannel) {
	delete(p.channels, c.msg.ShortChannelID)
	p.answered(c)
	p.dropRivals(c)
	for _, id := range []keys.PubKey{c.msg.NodeID1, c.msg.NodeID2} {
		if n := p.nodes[id]; n != nil {
			if n.channels--; n.channels <= 0 {
				delete(p.nodes, id)
			}
		}
	}
}

// answered notes that a channel waits for the chain no more.
func (p *pendingChannels) answered(c *pendingChannel) {
	if !c.unasked {
		return
	}
	c.unasked = false
	if p.unasked[c.from]--; p.unasked[c.from] == 0 {
		delete(p.unasked, c.from)
	}
}

// takesRival reports whether an announcement of a channel that waits may wait beside the first: with other keys, either
// may be the false one.
func (p *pendingChannels) takesRival(c *pendingChannel, from keys.PubKey, msg *wire.ChannelAnnouncement) bool {
	if c.funding != nil || len(c.rivals) >= maxRivals || p.rivals >= maxRivalsAll || c.from == from || claimOf(c.msg) == claimOf(msg) {
		return false
	}
	return !slices.ContainsFunc(c.rivals, func(r rival) bool { return r.from == from || claimOf(r.msg) == claimOf(msg) })
}

func (p *pendingChannels) addRival(c *pendingChannel, r rival) {
	c.rivals = append(c.rivals, r)
	p.rivals++
}

func (p *pendingChannels) dropRivals(c *pendingChannel) {
	p.rivals -= len(c.rivals)
	c.rivals = nil
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
		if c.funding != nil && passed(now, c.since, pendingTime) || passed(now, c.since, fundingTime) {
			p.drop(c)
		}
	}
}

// hold keeps an update until the chain has answered, if it is the newest of its side that the peer sent.
func (c *pendingChannel) hold(from keys.PubKey, u *wire.ChannelUpdate, raw []byte) {
	held := &c.updates[u.ChannelFlags&wire.ChannelFlagDirection]
	at := slices.IndexFunc(*held, func(h heldUpdate) bool { return h.from == from })
	switch {
	case len(raw) > maxHeldUpdate || slices.ContainsFunc(*held, func(h heldUpdate) bool { return bytes.Equal(h.raw, raw) }):
	case at < 0 && len(*held) < maxHeldEach:
		*held = append(*held, heldUpdate{from, u, raw})
	case at >= 0 && (*held)[at].msg.Timestamp < u.Timestamp:
		(*held)[at] = heldUpdate{from, u, raw}
	}
}

// nodeOf is the node that a channel_update with these flags is from.
func (c *pendingChannel) nodeOf(flags byte) keys.PubKey {
	if flags&wire.ChannelFlagDirection != 0 {
		return c.msg.NodeID2
	}
	return c.msg.NodeID1
}

// claim names what an announcement says of the chain: that these two keys hold this output.
type claim [16]byte

func claimOf(msg *wire.ChannelAnnouncement) claim {
	b := binary.BigEndian.AppendUint64(nil, uint64(msg.ShortChannelID))
	sum := sha256.Sum256(append(append(b, msg.BitcoinKey1[:]...), msg.BitcoinKey2[:]...))
	return claim(sum[:])
}

// maxWrong is how many channels are remembered that the chain does not have, and how many claims that are false.
const maxWrong = 10_000

// memory has the last maxWrong of something, so that the chain, or a peer, is not asked each time that somebody tells
// of it.
type memory[K comparable] struct {
	ids   map[K]bool
	order []K // oldest first, from next on
	next  int
}

func (w *memory[K]) has(id K) bool { return w.ids[id] }

func (w *memory[K]) add(id K) {
	if w.ids == nil {
		w.ids = make(map[K]bool)
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
