package gossip

import (
	"hash/crc32"

	"fulmen/internal/amount"
	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// recvChannelUpdate has one verified that may be news (BOLT 7, The channel_update Message).
func (m *Machine) recvChannelUpdate(p *peer, u *wire.ChannelUpdate, raw []byte) {
	if u.ChainHash != m.self.ChainHash || len(raw) > maxAnnouncement {
		return
	}
	if c := m.channel(u.ShortChannelID); c != nil {
		from := m.nodes[c.nodes[u.ChannelFlags&wire.ChannelFlagDirection]].id
		if from != m.self.ID && m.worthChecking(c, u) {
			m.queueUpdate(p.id, u, raw, from)
		}
		return
	}
	if c := m.ownOf(p.id, u); c != nil {
		if u.ChannelFlags&wire.ChannelFlagDirection == wire.Direction(p.id, m.self.ID) && c.worthChecking(m.now, u) {
			m.queueUpdate(p.id, u, raw, p.id)
		}
		return
	}
	c, wrong := m.pending.channels[u.ShortChannelID], m.wrong.has(u.ShortChannelID)
	private := u.MessageFlags&wire.MessageFlagDontForward != 0
	if private || c == nil && !wrong {
		// It may be of a channel with us. LDK 0.1 never sets dont_forward, and its first update can have a
		// timestamp of 1970.
		p.keepEarly(u, raw)
	}
	if private || !m.timely(u) || m.batch.postpone(p.id, u, raw) {
		return
	}
	switch {
	case c == nil:
		if !wrong {
			m.seeker.unannounced(p, u.ShortChannelID)
		}
	case c.funding == nil:
		c.hold(p.id, u, raw)
	case plausible(u, c.funding.Amount):
		m.queueUpdate(p.id, u, raw, c.nodeOf(u.ChannelFlags))
	}
}

func (m *Machine) queueUpdate(from keys.PubKey, u *wire.ChannelUpdate, raw []byte, node keys.PubKey) {
	digest, err := wire.GossipDigest(raw)
	if err != nil {
		return // it was decoded, so it is long enough
	}
	m.queue(from, u, raw, Check{node, digest, u.Signature})
}

// worthChecking is false for what would be ignored even if its signature were right.
func (m *Machine) worthChecking(c *channel, u *wire.ChannelUpdate) bool {
	last := &c.updates[u.ChannelFlags&wire.ChannelFlagDirection]
	switch {
	case u.MessageFlags&wire.MessageFlagDontForward != 0:
		return false
	case u.Timestamp <= last.timestamp || !m.timely(u) || !plausible(u, c.capacity):
		return false
	case c.spentAt != 0 && u.ChannelFlags&wire.ChannelFlagDisable == 0:
		return false
	}
	return last.limit.has(m.now, updateRate)
}

// timely is false for what is from the future, or too old to count.
func (m *Machine) timely(u *wire.ChannelUpdate) bool {
	at := Timestamp(u.Timestamp)
	return (at <= m.now || at-m.now <= maxAhead) && (at >= m.now || m.now-at < maxAge)
}

// plausible is false for terms that cannot be true, or that nobody could ever pay.
func plausible(u *wire.ChannelUpdate, capacity amount.Sat) bool {
	return u.HTLCMinimumMsat <= u.HTLCMaximumMsat && u.HTLCMaximumMsat <= capacity.Msat() &&
		amount.Msat(u.FeeBaseMsat) <= capacity.Msat()
}

// updateVerified applies one that is signed by its node.
func (m *Machine) updateVerified(j *job, u *wire.ChannelUpdate) {
	if c := m.channel(u.ShortChannelID); c != nil {
		if m.worthChecking(c, u) { // another may have come before it
			m.applyUpdate(c, u, j.raw, false)
			m.learnPublic(c, u, j.raw)
		}
		return
	}
	if p := m.pending.channels[u.ShortChannelID]; p != nil && p.funding != nil {
		if !m.timely(u) || !plausible(u, p.funding.Amount) {
			return
		}
		c := m.admit(newChannel{msg: p.msg, raw: p.raw, capacity: p.funding.Amount, txid: p.funding.Txid}, u.Timestamp)
		m.pending.drop(p)
		m.applyUpdate(c, u, j.raw, false)
		return
	}
	if c := m.ownOf(j.from, u); c != nil && c.worthChecking(m.now, u) {
		m.learn(c, u, j.raw)
	}
}

// applyUpdate puts an update into the store, in place of the last one of its side.
func (m *Machine) applyUpdate(c *channel, u *wire.ChannelUpdate, raw []byte, own bool) {
	last := &c.updates[u.ChannelFlags&wire.ChannelFlagDirection]
	var flags gossipstore.Flags
	if own {
		flags = gossipstore.Push
	} else if last.at != 0 {
		last.limit.take(m.now, updateRate)
	}
	if c.spentAt != 0 {
		flags |= gossipstore.Dying
	}
	at := m.store(flags, u.Timestamp, raw)
	m.remove(last.at, int(last.size))
	last.at, last.size, last.timestamp, last.checksum = at, uint16(len(raw)), u.Timestamp, updateChecksum(raw)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The parts of an encoded channel_update that its checksum passes over.
const (
	updateSignatureEnd   = 2 + 64
	updateTimestampBegin = updateSignatureEnd + 32 + 8
	updateTimestampEnd   = updateTimestampBegin + 4
)

// updateChecksum is that of an encoded channel_update without signature and timestamp (BOLT 7, Query
// Messages).
func updateChecksum(raw []byte) uint32 {
	sum := crc32.Update(0, castagnoli, raw[updateSignatureEnd:updateTimestampBegin])
	return crc32.Update(sum, castagnoli, raw[updateTimestampEnd:])
}
