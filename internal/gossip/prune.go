package gossip

import (
	"maps"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

const (
	// spentTime is for how many blocks a channel is kept after its funding output was spent: it may have
	// been a splice (BOLT 7).
	spentTime = 72
	// pruneInterval is how often old channels are looked for.
	pruneInterval Timestamp = 60 * 60

	maxCapacity = amount.MaxSat

	// compactAt is how much must be deleted before compaction is worth it, which is besides half of the
	// file.
	compactAt = 1 << 20
	// compactPause is how long after one the next may be.
	compactPause Timestamp = 10 * 60
)

func amountOf(sat uint64) amount.Sat { return amount.Sat(min(sat, uint64(maxCapacity))) }

func nodesOf(msg *wire.ChannelAnnouncement) [2]keys.PubKey {
	return [2]keys.PubKey{msg.NodeID1, msg.NodeID2}
}

// prune forgets channels that a side has not updated for two weeks (BOLT 7, Recommendation on Pruning
// Stale Entries), but not our own: we know better.
func (m *Machine) prune() {
	for _, id := range m.ids() {
		c := m.channel(id)
		oldest := c.updates[0].timestamp
		if other := c.updates[1]; c.updates[0].at == 0 || other.at != 0 && other.timestamp < oldest {
			oldest = other.timestamp
		}
		if m.ours(c) || Timestamp(oldest) > m.now || m.now-Timestamp(oldest) < maxAge {
			continue
		}
		m.forget(c)
	}
}

// ours reports whether a channel is one of ours.
func (m *Machine) ours(c *channel) bool {
	return m.nodes[c.nodes[0]].id == m.self.ID || m.nodes[c.nodes[1]].id == m.self.ID
}

// blockSeen looks for channels that the block closes, and forgets those that were closed long ago.
func (m *Machine) blockSeen(ev BlockSeen) {
	m.height = ev.Height
	m.spentWaiting(ev.Spent)
	m.seeker.grown(ev.Height)
	for _, key := range ev.Spent {
		if place, ok := m.byOutput[key]; ok && m.channels[place].spentAt == 0 {
			m.suspects[m.channels[place].id] = max(ev.Height, 1)
		}
	}
	if len(m.suspects) > 0 {
		m.do(AskFunding{slices.Sorted(maps.Keys(m.suspects))})
	}
	for _, id := range m.ids() {
		if c := m.channel(id); c.spentAt != 0 && m.height >= c.spentAt+spentTime {
			m.forget(c)
		}
	}
}

// keptSpends is of how many blocks it is known what they spent.
const keptSpends = 24

// spentWaiting notes what a block spends, and drops channels that wait for their first update if it is theirs.
func (m *Machine) spentWaiting(spent []uint64) {
	m.blocks++
	m.spends = append(m.spends, slices.Sorted(slices.Values(spent)))
	m.spends = slices.Delete(m.spends, 0, max(0, len(m.spends)-keptSpends))
	waiting := make(map[uint64]*pendingChannel)
	for id, p := range m.pending.channels {
		if p.funding != nil {
			waiting[OutpointKey(p.funding.Txid, uint32(id.Output()))] = p
		}
	}
	for _, key := range spent {
		if p := waiting[key]; p != nil {
			m.pending.drop(p)
			m.wrong.add(p.msg.ShortChannelID)
		}
	}
}

// spentSince reports whether an output was spent by a block that was seen after so many others. It is not known if too
// many have come since.
func (m *Machine) spentSince(blocks uint64, key uint64) (spent, known bool) {
	n := int(m.blocks - blocks)
	if n > len(m.spends) {
		return false, false
	}
	return slices.ContainsFunc(m.spends[len(m.spends)-n:], func(b []uint64) bool {
		_, found := slices.BinarySearch(b, key)
		return found
	}), true
}

// afterSpent marks a channel whose funding output is spent. It stays for a while.
func (m *Machine) afterSpent(c *channel, r Funding) {
	if r.Unknown {
		return // it is asked again with the next block
	}
	at, ok := m.suspects[c.id]
	delete(m.suspects, c.id)
	if !ok || r.Unspent || c.spentAt != 0 {
		return
	}
	c.spentAt = at
	if m.height >= at+spentTime { // blocks came faster than the answer
		m.forget(c)
		return
	}
	m.do(Mark{Offset: c.at, Flags: gossipstore.Dying})
	for _, u := range c.updates {
		if u.at != 0 {
			m.do(Mark{Offset: u.at, Flags: gossipstore.Dying})
		}
	}
	m.store(0, 0, gossipstore.AppendChannelDying(nil, c.id, uint32(c.spentAt)+spentTime))
}

// compact asks for a new file when too much of the present one is deleted.
func (m *Machine) compact() {
	if m.deleted < compactAt || m.deleted < m.size/2 || m.now < m.compactNext {
		return
	}
	m.compactNext = m.now + compactPause
	m.do(Compact{})
}

// compacted notes where everything is now.
func (m *Machine) compacted(ev Compacted) {
	m.size, m.deleted = ev.Size, 0
	move := func(at *int64) {
		if *at != 0 {
			*at = ev.Moved.To(*at)
		}
	}
	for i := range m.channels {
		c := &m.channels[i]
		move(&c.at)
		move(&c.updates[0].at)
		move(&c.updates[1].at)
	}
	for i := range m.nodes {
		move(&m.nodes[i].at)
	}
}
