package gossip

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

const (
	// announceDepth is how deep a funding transaction is when its channel may be announced (BOLT 7); one
	// less is enough for us, as a peer may see a block before we do.
	announceDepth = 6
	// maxAnnouncement is the longest message that we keep. BOLT 7 lets us be choosy about those that
	// are longer than the fields of today.
	maxAnnouncement = 2048
)

// deepEnough reports whether a channel may be announced at height.
func deepEnough(id wire.ShortChannelID, height block.Height) bool {
	return block.Height(id.Height())+announceDepth-2 <= height
}

// recvChannelAnnouncement has one verified that may be news (BOLT 7, The channel_announcement Message).
func (m *Machine) recvChannelAnnouncement(p *peer, msg *wire.ChannelAnnouncement, raw []byte) {
	id := msg.ShortChannelID
	switch {
	case msg.ChainHash != m.self.ChainHash || len(raw) > maxAnnouncement:
		return
	case bytes.Compare(msg.NodeID1[:], msg.NodeID2[:]) >= 0:
		m.misbehaved(p.id, false, "channel_announcement of %s: node ids are not in order", id)
		return
	case msg.NodeID1 == m.self.ID || msg.NodeID2 == m.self.ID:
		return // of our own channels we need not be told
	case m.channel(id) != nil || m.wrong.has(id) || m.falseClaims.has(claimOf(msg)):
		return // one that we have stands, even if this one names other nodes: see docs/decisions.md
	case !deepEnough(id, m.height):
		if block.Height(id.Height()) <= m.height.Add(announceDepth) {
			m.seeker.tooYoung(p, id)
		}
		return
	case !p.wrong.has(m.now, wrongRate) || !m.mayWait(p.id, m.isAsking(p.id), msg):
		return
	}
	digest, err := wire.GossipDigest(raw)
	if err != nil {
		return // it was decoded, so it is long enough
	}
	m.batch.add(msg)
	m.queue(p.id, msg, raw,
		Check{msg.NodeID1, digest, msg.NodeSignature1}, Check{msg.NodeID2, digest, msg.NodeSignature2},
		Check{msg.BitcoinKey1, digest, msg.BitcoinSignature1}, Check{msg.BitcoinKey2, digest, msg.BitcoinSignature2})
}

// mayWait reports whether there is room for an announcement of a peer while the chain is asked; asked is whether we asked
// the peer for all that it has when it came: until its signatures are checked, the answer may have ended.
func (m *Machine) mayWait(from keys.PubKey, asked bool, msg *wire.ChannelAnnouncement) bool {
	if c := m.pending.channels[msg.ShortChannelID]; c != nil {
		return m.pending.takesRival(c, from, msg)
	}
	return m.pending.hasRoom(from, asked)
}

// isAsking reports whether a peer is the one that we are asking for all that it has.
func (m *Machine) isAsking(id keys.PubKey) bool {
	return m.seeker.asking != nil && m.seeker.asking.id == id
}

// announcementVerified asks the chain about the funding output.
func (m *Machine) announcementVerified(j *job, msg *wire.ChannelAnnouncement) {
	id := msg.ShortChannelID
	if m.channel(id) != nil || !m.mayWait(j.from, j.asked, msg) {
		return
	}
	msg.Features = nil // raw has them
	if c := m.pending.channels[id]; c != nil {
		m.pending.addRival(c, rival{j.from, msg, j.raw})
		return
	}
	m.pending.add(&pendingChannel{
		msg: msg, raw: j.raw, from: j.from, since: m.now, blocks: m.blocks, unasked: !j.asked,
	})
	m.do(AskFunding{[]wire.ShortChannelID{id}})
}

// afterFunding takes what the chain says: of channels that are new, and of those that may be closed.
func (m *Machine) afterFunding(ev FundingChecked) {
	for _, r := range ev.Results {
		if p := m.pending.channels[r.ShortChannelID]; p != nil && p.funding == nil {
			m.afterPendingFunding(p, r)
			continue
		}
		if c := m.channel(r.ShortChannelID); c != nil {
			m.afterSpent(c, r)
		}
	}
}

func (m *Machine) afterPendingFunding(p *pendingChannel, r Funding) {
	if r.Unknown {
		m.pending.drop(p) // somebody will tell us of it again
		return
	}
	if spent, known := m.spentSince(p.blocks, OutpointKey(r.Txid, uint32(r.ShortChannelID.Output()))); !known {
		p.blocks = m.blocks
		m.do(AskFunding{[]wire.ShortChannelID{r.ShortChannelID}})
		return
	} else if spent {
		r.Unspent = false
	}
	if p = m.rightful(p, &r); p == nil {
		return
	}
	m.pending.answered(p)
	p.funding = &r
	p.raw, p.since = bytes.Clone(p.raw), m.now
	for _, side := range p.updates {
		for _, held := range side {
			m.queueUpdate(held.from, held.msg, held.raw, p.nodeOf(held.msg.ChannelFlags))
		}
	}
	p.updates = [2][]heldUpdate{}
}

// rightful finds the announcement that the chain confirms: the one that waits, or a rival, which takes its place. It
// is nil if there is none. The others are remembered, and held against those who sent them.
func (m *Machine) rightful(p *pendingChannel, r *Funding) *pendingChannel {
	all := append([]rival{{p.from, p.msg, p.raw}}, p.rivals...)
	right := -1
	if !r.Unspent {
		m.wrong.add(r.ShortChannelID)
	} else {
		right = slices.IndexFunc(all, func(a rival) bool {
			return bytes.Equal(r.Script, FundingScript(a.msg.BitcoinKey1, a.msg.BitcoinKey2))
		})
	}
	for i, a := range all {
		if i == right {
			continue
		}
		if r.Unspent {
			m.falseClaims.add(claimOf(a.msg))
		}
		if from := m.peers[a.from]; from != nil {
			from.wrong.take(m.now, wrongRate)
		}
	}
	if right == 0 {
		m.pending.dropRivals(p)
		return p
	}
	m.pending.drop(p)
	if right < 0 {
		return nil
	}
	next := &pendingChannel{msg: all[right].msg, raw: all[right].raw, from: all[right].from, updates: p.updates}
	m.pending.add(next)
	return next
}

// FundingScript is the output's for two keys (BOLT 3, Funding Transaction Output). It is here, beside that of package tx,
// so that gossipd need not link transactions.
func FundingScript(a, b keys.PubKey) []byte {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	const op2, push33, opCheckMultisig = 0x52, 33, 0xae
	script := append([]byte{op2, push33}, a[:]...)
	script = append(append(script, push33), b[:]...)
	sum := sha256.Sum256(append(script, op2, opCheckMultisig))
	return append([]byte{0, 32}, sum[:]...)
}

// newChannel is what there is to enter a channel into the view.
type newChannel struct {
	msg      *wire.ChannelAnnouncement
	raw      []byte
	capacity amount.Sat
	txid     [32]byte
	own      bool
}

// admit makes a channel part of our view, with the timestamp of its first update: without one, it is
// of no use to anybody (BOLT 7, The gossip_timestamp_filter Message).
func (m *Machine) admit(n newChannel, timestamp uint32) *channel {
	var flags gossipstore.Flags
	if n.own {
		flags = gossipstore.Push
	}
	c := channel{
		id: n.msg.ShortChannelID, size: uint32(len(n.raw)), capacity: n.capacity,
		output: OutpointKey(n.txid, uint32(n.msg.ShortChannelID.Output())),
	}
	c.at = m.store(flags, timestamp, n.raw)
	m.store(0, 0, gossipstore.AppendChannelAmount(nil, uint64(n.capacity)))
	m.store(0, 0, gossipstore.AppendFundingTxid(nil, n.txid))
	ids := [2]keys.PubKey{n.msg.NodeID1, n.msg.NodeID2}
	added := m.add(c, ids)
	for _, id := range ids {
		if held := m.pending.takeNode(id); held != nil {
			m.considerNode(held.from, held.msg, held.raw)
		}
		if p := m.peers[id]; p != nil && p.name != nil {
			m.considerNode(id, p.name.msg, p.name.raw)
			p.name = nil
		}
	}
	return added
}

// The sizes of the store's own messages after a channel_announcement.
const (
	amountSize = 2 + 8
	txidSize   = 2 + 32
)

// forget takes a channel out of our view.
func (m *Machine) forget(c *channel) {
	m.remove(c.at, int(c.size))
	amountAt := c.at + gossipstore.Size(int(c.size))
	m.remove(amountAt, amountSize)
	if c.output != 0 {
		m.remove(amountAt+gossipstore.Size(amountSize), txidSize)
	}
	for _, u := range c.updates {
		m.remove(u.at, int(u.size))
	}
	id := c.id
	delete(m.suspects, id)
	for _, n := range m.drop(c) {
		m.remove(n.at, int(n.size))
		n.at, n.timestamp = 0, 0
	}
	m.store(0, 0, gossipstore.AppendDeleteChannel(nil, id))
}
