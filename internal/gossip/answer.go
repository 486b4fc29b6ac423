package gossip

import (
	"bytes"
	"fmt"
	"slices"

	"fulmen/internal/block"
	"fulmen/internal/wire"
)

const (
	// answerBytes is how much of answers one peer gets with each tick, so some 2.5 MB a second.
	answerBytes = 512 << 10
	// answerAllBytes is for all peers together: it passes through connectd, which must not fall behind.
	answerAllBytes = 8 << 20
	// rangeReply is how many channels a reply_channel_range has at most: with timestamps and checksums
	// they take 24 bytes each.
	rangeReply = 2600
)

// answers are the queries of one peer that are not answered in full. BOLT 7 allows one of each kind.
type answers struct {
	byRange *rangeAnswer
	byID    *idAnswer
	sent    int // bytes since the last tick
}

// rangeAnswer answers a query_channel_range.
type rangeAnswer struct {
	options uint64
	after   block.Height        // first_blocknum of the next reply
	end     uint64              // the first block that was not asked for
	from    wire.ShortChannelID // the first channel that is not told
}

// idAnswer answers a query_short_channel_ids.
type idAnswer struct {
	ids   []wire.ShortChannelID
	flags []uint64 // nil: all is wanted
	next  int
	nodes map[uint32]bool // whose node_announcement was sent
}

// recvQueryChannelRange begins to answer (BOLT 7, Query Messages).
func (m *Machine) recvQueryChannelRange(p *peer, q *wire.QueryChannelRange) {
	if q.ChainHash != m.self.ChainHash {
		m.do(SendPeer{p.id, wire.Encode(&wire.ReplyChannelRange{
			ChainHash: q.ChainHash, FirstBlocknum: q.FirstBlocknum, NumberOfBlocks: q.NumberOfBlocks,
			SyncComplete: 1, EncodedShortIDs: wire.EncodeShortIDs(nil),
		})})
		return
	}
	if p.answers.byRange != nil {
		m.misbehaved(p.id, true, "query_channel_range before the last one was answered")
		return
	}
	if !p.questions.take(m.now, questionRate) {
		m.misbehaved(p.id, true, "too many queries")
		return
	}
	a := &rangeAnswer{
		after: q.FirstBlocknum, end: uint64(q.FirstBlocknum) + uint64(max(q.NumberOfBlocks, 1)),
		from: firstIn(uint64(q.FirstBlocknum)),
	}
	if q.QueryOption != nil {
		a.options = *q.QueryOption
	}
	p.answers.byRange = a
	m.answer(p)
}

// firstIn is the least short_channel_id of a block or later. Some ask for 2^32 blocks: beyond 24 bits there are none.
func firstIn(height uint64) wire.ShortChannelID {
	if height >= 1<<24 {
		return 1<<64 - 1
	}
	return wire.ShortChannelID(height << 40)
}

// recvQueryShortChannelIDs begins to answer.
func (m *Machine) recvQueryShortChannelIDs(p *peer, q *wire.QueryShortChannelIDs) {
	a, err := newIDAnswer(q)
	switch {
	case err != nil:
		m.misbehaved(p.id, true, "query_short_channel_ids: %v", err)
	case q.ChainHash != m.self.ChainHash:
		m.do(SendPeer{p.id, wire.Encode(&wire.ReplyShortChannelIDsEnd{ChainHash: q.ChainHash})})
	case p.answers.byID != nil:
		m.misbehaved(p.id, true, "query_short_channel_ids before the last one was answered")
	case !p.questions.take(m.now, questionRate):
		m.misbehaved(p.id, true, "too many queries")
	default:
		p.answers.byID = a
		m.answer(p)
	}
}

func newIDAnswer(q *wire.QueryShortChannelIDs) (*idAnswer, error) {
	ids, err := wire.DecodeShortIDs(q.EncodedShortIDs)
	if err != nil {
		return nil, err
	}
	a := &idAnswer{ids: ids, nodes: make(map[uint32]bool)}
	if q.QueryFlags == nil {
		return a, nil
	}
	a.flags, err = q.QueryFlags.Flags()
	if err == nil && len(a.flags) != len(ids) {
		err = fmt.Errorf("%d flags for %d short_channel_ids", len(a.flags), len(ids))
	}
	return a, err
}

// answerAll answers each peer a little more.
func (m *Machine) answerAll() {
	m.answered = 0
	peers := m.peersSorted()
	for i := range peers {
		p := peers[(i+m.answerFrom)%len(peers)]
		p.answers.sent = 0
		if m.answered >= answerAllBytes {
			m.answerFrom = (i + m.answerFrom) % len(peers) // whose turn is first with the next tick
			return
		}
		m.answer(p)
	}
}

// answer sends what a peer may have until the next tick.
func (m *Machine) answer(p *peer) {
	for p.answers.byRange != nil && m.mayAnswer(p) {
		raw := m.rangeReply(p)
		m.do(SendPeer{p.id, raw})
		m.countAnswer(p, len(raw))
	}
	if p.answers.byID != nil && m.mayAnswer(p) {
		m.answerIDs(p)
	}
}

func (m *Machine) mayAnswer(p *peer) bool {
	return p.answers.sent < answerBytes && m.answered < answerAllBytes
}

func (m *Machine) countAnswer(p *peer, n int) {
	p.answers.sent += n
	m.answered += n
}

// peersSorted are the peers, in the same order each time.
func (m *Machine) peersSorted() []*peer {
	list := make([]*peer, 0, len(m.peers))
	for _, p := range m.peers {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *peer) int { return bytes.Compare(a.id[:], b.id[:]) })
	return list
}

// rangeReply makes the next reply, and ends the answer with the last.
func (m *Machine) rangeReply(p *peer) []byte {
	a := p.answers.byRange
	all := m.ids()
	begin, _ := slices.BinarySearch(all, a.from)
	end, _ := slices.BinarySearch(all, firstIn(a.end))
	end = max(end, begin)
	reply := &wire.ReplyChannelRange{ChainHash: m.self.ChainHash, FirstBlocknum: a.after}
	if end-begin <= rangeReply {
		reply.SyncComplete = 1
		reply.NumberOfBlocks = uint32(a.end - uint64(a.after))
		p.answers.byRange = nil
	} else {
		// The block that comes next may be split, and is named again by the next reply.
		end = begin + rangeReply
		a.from = all[end]
		next := block.Height(a.from.Height())
		reply.NumberOfBlocks = uint32(next-a.after) + 1
		if all[end-1].Height() < a.from.Height() {
			reply.NumberOfBlocks--
		}
		a.after = next
	}
	ids := all[begin:end]
	reply.EncodedShortIDs = wire.EncodeShortIDs(ids)
	if a.options&wire.QueryOptionTimestamps != 0 {
		reply.TimestampsTLV = wire.NewTimestampsTLV(m.timestamps(ids))
	}
	if a.options&wire.QueryOptionChecksums != 0 {
		reply.ChecksumsTLV = m.checksums(ids)
	}
	return wire.Encode(reply)
}

func (m *Machine) timestamps(ids []wire.ShortChannelID) []wire.ChannelUpdateTimestamps {
	list := make([]wire.ChannelUpdateTimestamps, len(ids))
	for i, id := range ids {
		c := m.channel(id)
		list[i] = wire.ChannelUpdateTimestamps{TimestampNodeID1: c.updates[0].timestamp, TimestampNodeID2: c.updates[1].timestamp}
	}
	return list
}

func (m *Machine) checksums(ids []wire.ShortChannelID) []wire.ChannelUpdateChecksums {
	list := make([]wire.ChannelUpdateChecksums, len(ids))
	for i, id := range ids {
		c := m.channel(id)
		list[i] = wire.ChannelUpdateChecksums{ChecksumNodeID1: c.updates[0].checksum, ChecksumNodeID2: c.updates[1].checksum}
	}
	return list
}

// answerIDs sends messages, and the end after the last.
func (m *Machine) answerIDs(p *peer) {
	a := p.answers.byID
	var offsets []int64
	for ; a.next < len(a.ids) && m.mayAnswer(p); a.next++ {
		var n int
		offsets, n = m.answerID(a, offsets)
		m.countAnswer(p, n)
	}
	if len(offsets) > 0 {
		m.do(SendStored{p.id, offsets})
	}
	if a.next == len(a.ids) {
		p.answers.byID = nil
		m.do(SendPeer{p.id, wire.Encode(&wire.ReplyShortChannelIDsEnd{ChainHash: m.self.ChainHash, FullInformation: 1})})
	}
}

// answerID adds what is wanted of the next channel, and how many bytes that is.
func (m *Machine) answerID(a *idAnswer, offsets []int64) (_ []int64, size int) {
	c := m.channel(a.ids[a.next])
	if c == nil {
		return offsets, 0
	}
	want := ^uint64(0)
	if a.flags != nil {
		want = a.flags[a.next]
	}
	add := func(at int64, n int) {
		offsets = append(offsets, at)
		size += n
	}
	if want&wire.QueryChannelAnnouncement != 0 {
		add(c.at, int(c.size))
	}
	for i, u := range c.updates {
		if want&(wire.QueryChannelUpdate1<<i) != 0 && u.at != 0 {
			add(u.at, int(u.size))
		}
	}
	for i, place := range c.nodes {
		n := &m.nodes[place]
		if want&(wire.QueryNodeAnnouncement1<<i) != 0 && n.at != 0 && !a.nodes[place] {
			a.nodes[place] = true
			add(n.at, int(n.size))
		}
	}
	return offsets, size
}
