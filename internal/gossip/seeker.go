package gossip

import (
	"cmp"
	"errors"
	"slices"

	"fulmen/internal/block"
	"fulmen/internal/wire"
)

const (
	// maxSeekers is how many peers relay to us what they hear. The others send their own only.
	maxSeekers = 5
	// fullInterval is how long after one comparison of everything the next is made, with another peer.
	fullInterval Timestamp = 60 * 60
	// answerTime is how long a peer may take for each part of an answer.
	answerTime Timestamp = 120
	// queryIDs is how many channels are asked for at once: some 700 kB, which wait for the chain.
	queryIDs = 1000
	// maxMissing is how many channels a peer may claim to have that we lack.
	maxMissing = 200_000
	// maxMissed is how many channels may wait to be asked for because an update of them came.
	maxMissed = 1000
	// overlap is how far before now the relay of live gossip begins, for what was on its way.
	overlap Timestamp = 10 * 60
)

// seeker decides whom we ask, and for what.
type seeker struct {
	relays int        // peers that relay to us
	asking *peer      // whom we are comparing everything with
	synced Timestamp  // when that was last done to the end; 0 never
	missed []missedID // of which an update came, and no announcement
	young  []missedID // whose announcement came before our chain had their blocks
	tried  wrongChannels
}

type missedID struct {
	from *peer
	id   wire.ShortChannelID
}

// asked is what we asked one peer, and wait for.
type asked struct {
	relays   bool
	silent   bool // it did not answer, and is not asked again
	byRange  bool
	byID     bool
	since    Timestamp // the last sign of an answer
	compared Timestamp // when it was last asked for everything
	// after is the first_blocknum that the next reply_channel_range must not be below.
	after block.Height
	end   uint64 // the first block that was not asked for
	// missing is what the peer has and we lack, by its replies.
	missing []missing
	// nodes are those without a node_announcement that are among it, each with one of its channels.
	nodes map[uint32]bool
}

// missing is a channel, with what of it is to be asked for.
type missing struct {
	id    wire.ShortChannelID
	flags byte // as query_flags has it
}

// arrived takes up a new peer.
func (s *seeker) arrived(m *Machine, p *peer) {
	if !p.queries || s.relays >= maxSeekers {
		m.filter(p, 0xffffffff, 0) // its own gossip only
		return
	}
	s.relays++
	p.asked.relays = true
	m.filter(p, uint32(max(m.now, overlap)-overlap), 0xffffffff)
}

func (s *seeker) left(p *peer) {
	if p.asked.relays {
		s.relays--
	}
	if s.asking == p {
		s.asking = nil
	}
	of := func(w missedID) bool { return w.from == p }
	s.missed, s.young = slices.DeleteFunc(s.missed, of), slices.DeleteFunc(s.young, of)
}

func (m *Machine) filter(p *peer, first, length uint32) {
	m.do(SendPeer{p.id, wire.Encode(&wire.GossipTimestampFilter{
		ChainHash: m.self.ChainHash, FirstTimestamp: first, TimestampRange: length,
	})})
}

// missed notes a channel of which a peer sent an update, to ask that peer for the rest.
func (s *seeker) missing(p *peer, id wire.ShortChannelID) {
	if !p.queries || p.asked.silent || len(s.missed) >= maxMissed || s.tried.has(id) {
		return
	}
	s.tried.add(id)
	s.missed = append(s.missed, missedID{p, id})
}

// tooYoung notes a channel whose announcement came before our chain is so far, to ask its peer again.
func (s *seeker) tooYoung(p *peer, id wire.ShortChannelID) {
	w := missedID{p, id}
	if p.queries && len(s.young) < maxMissed && !slices.Contains(s.young, w) {
		s.young = append(s.young, w)
	}
}

// grown asks for what is deep enough at height.
func (s *seeker) grown(height block.Height) {
	s.young = slices.DeleteFunc(s.young, func(w missedID) bool {
		deep := deepEnough(w.id, height)
		if deep && len(s.missed) < maxMissed {
			s.missed = append(s.missed, w)
		}
		return deep
	})
}

// seek asks on.
func (m *Machine) seek() {
	s := &m.seeker
	for _, p := range m.peers {
		if (p.asked.byRange || p.asked.byID) && m.now > p.asked.since && m.now-p.asked.since > answerTime {
			// It must not be asked again before it has answered (BOLT 7), which it never may.
			p.asked = asked{relays: p.asked.relays, silent: true}
			if s.asking == p {
				s.asking = nil
			}
		}
	}
	if s.asking == nil && (s.synced == 0 || m.now-s.synced >= fullInterval) && m.height > 0 {
		m.compareAll()
	}
	if p := s.asking; p != nil && !p.asked.byRange && !p.asked.byID {
		m.askNext(p)
	}
	m.askMissed()
}

// compareAll asks the peer that was asked the longest ago which channels it has, with timestamps and
// checksums: so we ask for nothing that we have.
func (m *Machine) compareAll() {
	var next *peer
	for _, p := range m.peersSorted() {
		if p.asked.relays && !p.asked.silent && !p.asked.byID && (next == nil || p.asked.compared < next.asked.compared) {
			next = p
		}
	}
	if next == nil {
		return
	}
	m.seeker.asking = next
	a := &next.asked
	a.byRange, a.since, a.compared = true, m.now, m.now
	a.after, a.end, a.missing, a.nodes = 0, uint64(m.height)+1, nil, make(map[uint32]bool)
	m.do(SendPeer{next.id, wire.Encode(&wire.QueryChannelRange{
		ChainHash: m.self.ChainHash, FirstBlocknum: 0, NumberOfBlocks: uint32(a.end),
		QueryOption: new(wire.QueryOptionTimestamps | wire.QueryOptionChecksums),
	})})
}

// recvReplyChannelRange compares a part of what the peer has with what we have.
func (m *Machine) recvReplyChannelRange(p *peer, r *wire.ReplyChannelRange) {
	a := &p.asked
	if !a.byRange || r.ChainHash != m.self.ChainHash {
		return
	}
	ids, timestamps, err := rangeContent(r)
	if err == nil && r.FirstBlocknum < a.after {
		err = errRangeOrder
	}
	if err != nil {
		m.misbehaved(p.id, true, "reply_channel_range: %v", err)
		return
	}
	a.since, a.after = m.now, r.FirstBlocknum
	for i, id := range ids {
		if len(a.missing) >= maxMissing {
			break
		}
		if flags := m.wanted(id, r, timestamps, i) | m.unnamed(a, id); flags != 0 {
			a.missing = append(a.missing, missing{id, flags})
		}
	}
	if r.SyncComplete == 0 || uint64(r.FirstBlocknum)+uint64(r.NumberOfBlocks) < a.end {
		return
	}
	a.byRange = false
	slices.SortFunc(a.missing, func(x, y missing) int { return cmp.Compare(x.id, y.id) })
	a.missing = slices.CompactFunc(a.missing, func(x, y missing) bool { return x.id == y.id })
	a.nodes = nil
	m.askNext(p)
}

var (
	errRangeOrder  = errors.New("first_blocknum is below that of the reply before")
	errRangeLength = errors.New("timestamps or checksums are not one for each short_channel_id")
)

// rangeContent reads what a reply has. Without timestamps, they are nil.
func rangeContent(r *wire.ReplyChannelRange) ([]wire.ShortChannelID, []wire.ChannelUpdateTimestamps, error) {
	ids, err := wire.DecodeShortIDs(r.EncodedShortIDs)
	if err != nil {
		return nil, nil, err
	}
	if r.ChecksumsTLV != nil && len(r.ChecksumsTLV) != len(ids) {
		return nil, nil, errRangeLength
	}
	if r.TimestampsTLV == nil {
		return ids, nil, nil
	}
	timestamps, err := r.TimestampsTLV.Timestamps()
	if err == nil && len(timestamps) != len(ids) {
		err = errRangeLength
	}
	return ids, timestamps, err
}

// wanted is what to ask of the channel that is the i-th of a reply, as query_flags has it.
func (m *Machine) wanted(id wire.ShortChannelID, r *wire.ReplyChannelRange, timestamps []wire.ChannelUpdateTimestamps, i int) byte {
	c := m.channel(id)
	if c == nil {
		const follows = byte(wire.QueryChannelUpdate1 | wire.QueryChannelUpdate2 |
			wire.QueryNodeAnnouncement1 | wire.QueryNodeAnnouncement2)
		switch {
		case m.wrong.has(id) || !deepEnough(id, m.height):
			return 0
		case timestamps != nil && m.tooOld(timestamps[i].TimestampNodeID1) && m.tooOld(timestamps[i].TimestampNodeID2):
			return 0 // we would forget it at once
		case m.pending.channels[id] != nil:
			return follows // it was relayed to us, as one of its updates is new: the other may be old
		}
		return byte(wire.QueryChannelAnnouncement) | follows
	}
	if timestamps == nil || c.spentAt != 0 || m.ours(c) {
		return 0
	}
	theirs := [2]uint32{timestamps[i].TimestampNodeID1, timestamps[i].TimestampNodeID2}
	var sums [2]uint32
	if r.ChecksumsTLV != nil {
		sums = [2]uint32{r.ChecksumsTLV[i].ChecksumNodeID1, r.ChecksumsTLV[i].ChecksumNodeID2}
	}
	var flags byte
	for side, u := range c.updates {
		if m.newer(&u, theirs[side], sums[side]) {
			flags |= byte(wire.QueryChannelUpdate1) << side
		}
	}
	return flags
}

// unnamed is what to ask of a channel that we have for the sake of its nodes: those that we have no
// node_announcement of, because it came too early, or was lost. Most that have none never made one, which costs
// the peer nothing.
func (m *Machine) unnamed(a *asked, id wire.ShortChannelID) (flags byte) {
	c := m.channel(id)
	if c == nil {
		return 0
	}
	for side, place := range c.nodes {
		if n := &m.nodes[place]; n.at == 0 && n.id != m.self.ID && !a.nodes[place] {
			a.nodes[place] = true
			flags |= byte(wire.QueryNodeAnnouncement1) << side
		}
	}
	return flags
}

func (m *Machine) tooOld(at uint32) bool {
	return Timestamp(at) < m.now && m.now-Timestamp(at) >= maxAge
}

// repeatAge is when an update that says the same anew is worth having: the channel must not grow old.
const repeatAge Timestamp = 5 * 24 * 60 * 60

// newer reports whether a peer's update of this timestamp and checksum (0: unknown) is worth asking for.
func (m *Machine) newer(u *update, timestamp, sum uint32) bool {
	switch {
	case timestamp <= u.timestamp || m.tooOld(timestamp) || Timestamp(timestamp) > m.now+maxAhead:
		return false
	case !u.limit.has(m.now, updateRate):
		return false
	case sum == u.checksum && u.at != 0:
		return Timestamp(u.timestamp) < m.now && m.now-Timestamp(u.timestamp) >= repeatAge
	}
	return true
}

// askNext asks for the next part of what we lack, or ends the comparison.
func (m *Machine) askNext(p *peer) {
	a := &p.asked
	if len(a.missing) == 0 {
		m.seeker.asking, m.seeker.synced = nil, m.now
		a.missing = nil
		return
	}
	if m.waiting()+queryIDs > maxPending || len(m.batch.later)+perChannel*queryIDs > maxLater {
		return // the chain, or our processor, is slower than the peer
	}
	n := min(len(a.missing), queryIDs)
	ids := make([]wire.ShortChannelID, n)
	flags := make([]byte, n)
	for i, w := range a.missing[:n] {
		ids[i], flags[i] = w.id, w.flags
	}
	a.missing = a.missing[n:]
	m.ask(p, ids, flags)
}

// perChannel is how many messages a channel may have that wait for its announcement: two updates, and two
// nodes.
const perChannel = 4

// waiting is how many channels wait: to be verified, or for the chain.
func (m *Machine) waiting() int {
	n := len(m.pending.channels)
	for _, jobs := range [][]job{m.jobs, m.verifying} {
		for i := range jobs {
			if _, ok := jobs[i].msg.(*wire.ChannelAnnouncement); ok {
				n++
			}
		}
	}
	return n
}

func (m *Machine) ask(p *peer, ids []wire.ShortChannelID, flags []byte) {
	p.asked.byID, p.asked.since = true, m.now
	q := &wire.QueryShortChannelIDs{ChainHash: m.self.ChainHash, EncodedShortIDs: wire.EncodeShortIDs(ids)}
	if flags != nil {
		q.QueryFlags = &wire.QueryFlags{EncodedQueryFlags: flags} // each is below 0xfd: one byte
	}
	m.do(SendPeer{p.id, wire.Encode(q)})
}

func (m *Machine) recvReplyShortChannelIDsEnd(p *peer, r *wire.ReplyShortChannelIDsEnd) {
	if r.ChainHash != m.self.ChainHash || !p.asked.byID {
		return
	}
	p.asked.byID = false
	if m.seeker.asking == p {
		m.askNext(p) // it looks for the next while we check signatures
	}
}

// askMissed asks for channels of which only an update came.
func (m *Machine) askMissed() {
	s := &m.seeker
	if len(s.missed) == 0 {
		return
	}
	p := s.missed[0].from
	if p.asked.byID || p.asked.byRange {
		return // one thing after the other
	}
	var ids []wire.ShortChannelID
	s.missed = slices.DeleteFunc(s.missed, func(w missedID) bool {
		if w.from == p {
			ids = append(ids, w.id)
		}
		return w.from == p
	})
	if p.asked.silent {
		return
	}
	slices.Sort(ids)
	m.ask(p, ids, nil)
}
