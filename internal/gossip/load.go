package gossip

import (
	"fulmen/internal/block"
	"fulmen/internal/gossipstore"
	"fulmen/internal/wire"
)

// Loader builds the view from the store, record by record, before the machine's first Step.
type Loader struct {
	m     *Machine
	last  *channel // whose own records of the store are next
	stale []Mark   // what the store has twice, or what means nothing
}

// Loader begins.
func (m *Machine) Loader() *Loader { return &Loader{m: m} }

// Record takes the next record that is not deleted. They were believed when they were stored.
func (l *Loader) Record(r *gossipstore.Record) {
	switch r.Type() {
	case gossipstore.MsgChannelAmount:
		if sat, err := gossipstore.ParseChannelAmount(r.Msg); err == nil && l.last != nil {
			l.last.capacity = amountOf(sat)
		}
		return
	case gossipstore.MsgFundingTxid:
		if txid, err := gossipstore.ParseFundingTxid(r.Msg); err == nil && l.last != nil {
			l.last.output = OutpointKey(txid, uint32(l.last.id.Output()))
			l.m.byOutput[l.last.output] = l.m.byID[l.last.id]
		}
		return
	case gossipstore.MsgChannelDying:
		if id, height, err := gossipstore.ParseChannelDying(r.Msg); err == nil {
			if c := l.m.channel(id); c != nil && height > spentTime {
				c.spentAt = block.Height(height - spentTime)
			}
		}
		return
	case wire.MsgChannelAnnouncement, wire.MsgChannelUpdate, wire.MsgNodeAnnouncement:
	default:
		return
	}
	l.last = nil
	msg, err := wire.Decode(r.Msg)
	if err != nil || !l.take(r, msg) {
		l.drop(r.Offset, len(r.Msg))
	}
}

func (l *Loader) drop(at int64, n int) {
	if at != 0 {
		l.m.deleted += gossipstore.Size(n)
		l.stale = append(l.stale, Mark{Offset: at, Flags: gossipstore.Deleted})
	}
}

// take is false for what has no place in the view.
func (l *Loader) take(r *gossipstore.Record, msg wire.Message) bool {
	m := l.m
	switch msg := msg.(type) {
	case *wire.ChannelAnnouncement:
		if msg.ChainHash != m.self.ChainHash || m.channel(msg.ShortChannelID) != nil {
			return false
		}
		l.last = m.add(channel{id: msg.ShortChannelID, at: r.Offset, size: uint32(len(r.Msg))}, nodesOf(msg))
	case *wire.ChannelUpdate:
		c := m.channel(msg.ShortChannelID)
		if c == nil || msg.ChainHash != m.self.ChainHash {
			return false
		}
		return l.takeUpdate(c, r, msg)
	case *wire.NodeAnnouncement:
		n := m.view.node(msg.NodeID)
		if n == nil || n.at != 0 && msg.Timestamp < n.timestamp {
			return false
		}
		l.drop(n.at, int(n.size))
		n.at, n.size, n.timestamp = r.Offset, uint16(len(r.Msg)), msg.Timestamp
		if msg.NodeID == m.self.ID {
			m.node.said = msg
		}
	}
	return true
}

func (l *Loader) takeUpdate(c *channel, r *gossipstore.Record, msg *wire.ChannelUpdate) bool {
	side := msg.ChannelFlags & wire.ChannelFlagDirection
	u := &c.updates[side]
	if u.at != 0 && msg.Timestamp < u.timestamp {
		return false
	}
	l.drop(u.at, int(u.size))
	u.at, u.size, u.timestamp, u.checksum = r.Offset, uint16(len(r.Msg)), msg.Timestamp, updateChecksum(r.Msg)
	if l.m.nodes[c.nodes[side]].id == l.m.self.ID {
		l.m.node.loaded[c.id] = msg
	}
	return true
}

// Done ends the loading. The store has size bytes, deleted of which are flagged.
func (l *Loader) Done(now Timestamp, size, deleted int64) []Action {
	m := l.m
	m.now, m.out, m.size = now, nil, size
	m.deleted += deleted
	for _, mark := range l.stale {
		m.do(mark)
	}
	for _, id := range m.ids() {
		if c := m.channel(id); c.updates[0].at == 0 && c.updates[1].at == 0 {
			m.forget(c)
		}
	}
	m.prune()
	m.pruneAt = now + pruneInterval
	return m.out
}
