package gossip

import (
	"cmp"
	"errors"
	"slices"

	"fulmen/internal/block"
	"fulmen/internal/wire"
)

// What a peer has is compared with what we have by query_channel_range; what we lack is then asked for in parts.

const (
	// queryIDs is how many channels are asked for at once: some 700 kB, which wait for the chain.
	queryIDs = 1000
	// maxMissing is how many channels a peer may claim to have that we lack.
	maxMissing = 200_000
)

// missing is a channel, with what of it is to be asked for.
type missing struct {
	id    wire.ShortChannelID
	flags byte // as query_flags has it
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
	a.waited = 0
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
		m.seeker.asking, m.seeker.synced, m.seeker.height = nil, m.now, block.Height(a.end-1)
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
