package gossip

import (
	"crypto/sha256"
	"errors"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// peerSent takes one message from a peer. What we did not ask for and do not know is ignored.
func (m *Machine) peerSent(ev PeerSent) {
	p := m.peers[ev.ID]
	if p == nil || p.refused {
		return // it was on its way when the peer went, or is about to go
	}
	msg, err := wire.Decode(ev.Raw)
	if err != nil {
		var unknown *wire.UnknownMessageError
		if !errors.As(err, &unknown) || !unknown.MayIgnore() {
			m.misbehaved(ev.ID, true, "%v", err)
		}
		return
	}
	switch msg := msg.(type) {
	case *wire.QueryChannelRange:
		m.recvQueryChannelRange(p, msg)
	case *wire.QueryShortChannelIDs:
		m.recvQueryShortChannelIDs(p, msg)
	case *wire.ReplyChannelRange:
		m.recvReplyChannelRange(p, msg)
	case *wire.ReplyShortChannelIDsEnd:
		m.recvReplyShortChannelIDsEnd(p, msg)
	default:
		m.recvAnnouncement(p, msg, ev.Raw)
	}
}

// injected takes one message from the operator.
func (m *Machine) injected(raw []byte) {
	if msg, err := wire.Decode(raw); err == nil {
		m.recvAnnouncement(&m.local, msg, raw)
	}
}

// recvAnnouncement takes what may become part of the view.
func (m *Machine) recvAnnouncement(p *peer, msg wire.Message, raw []byte) {
	switch msg := msg.(type) {
	case *wire.ChannelAnnouncement:
		m.recvChannelAnnouncement(p, msg, raw)
	case *wire.ChannelUpdate:
		m.recvChannelUpdate(p, msg, raw)
	case *wire.NodeAnnouncement:
		m.recvNodeAnnouncement(p, msg, raw)
	}
}

// maxJobs is how many messages are verified at once at most.
const maxJobs = 1000

// job is a message that counts if its signatures are right.
type job struct {
	from   keys.PubKey
	asked  bool // it came while we asked the peer for all that it has
	msg    wire.Message
	raw    []byte
	checks []Check
}

// queue has a message verified, with others, unless the same waits already: several peers relay it at
// the same time.
func (m *Machine) queue(from keys.PubKey, msg wire.Message, raw []byte, checks ...Check) {
	sum := sha256.Sum256(raw) // all of it: a copy with another wrong signature is another message
	if m.seen[sum] {
		return
	}
	m.seen[sum] = true
	m.jobs = append(m.jobs, job{from, m.isAsking(from), msg, raw, checks})
}

// batch is what the jobs' channel_announcements are about, and the messages that follow on them: those
// must wait until we know whether there is such a channel.
type batch struct {
	channels map[wire.ShortChannelID]bool
	nodes    map[keys.PubKey]bool
	later    []job // without checks
}

func newBatch() batch {
	return batch{channels: make(map[wire.ShortChannelID]bool), nodes: make(map[keys.PubKey]bool)}
}

func (b *batch) add(msg *wire.ChannelAnnouncement) {
	b.channels[msg.ShortChannelID] = true
	b.nodes[msg.NodeID1], b.nodes[msg.NodeID2] = true, true
}

// postpone keeps a message until the batch is verified, if it may follow on it.
func (b *batch) postpone(from keys.PubKey, msg wire.Message, raw []byte) bool {
	follows := false
	switch msg := msg.(type) {
	case *wire.ChannelUpdate:
		follows = b.channels[msg.ShortChannelID]
	case *wire.NodeAnnouncement:
		follows = b.nodes[msg.NodeID]
	}
	if follows && len(b.later) < maxLater {
		b.later = append(b.later, job{from: from, msg: msg, raw: raw})
	}
	return follows
}

// maxLater is how many may: those of the channels of two questions (see perChannel).
const maxLater = 2 * perChannel * queryIDs

// askVerify has all that waits verified.
func (m *Machine) askVerify() {
	if len(m.jobs) == 0 || len(m.verifying) > 0 {
		return
	}
	var all []Check
	for _, j := range m.jobs {
		all = append(all, j.checks...)
	}
	m.verifying, m.jobs = m.jobs, nil
	clear(m.seen)
	clear(m.batch.channels)
	clear(m.batch.nodes)
	m.do(Verify{all})
}

var errVerified = errors.New("signatures were checked that nobody asked for")

// afterVerify goes on with the messages whose signatures are right.
func (m *Machine) afterVerify(ev Verified) error {
	jobs, good := m.verifying, ev.Good
	m.verifying = nil
	for _, j := range jobs {
		if len(good) < len(j.checks) {
			return errVerified
		}
		ok := true
		for _, g := range good[:len(j.checks)] {
			ok = ok && g
		}
		good = good[len(j.checks):]
		if ok {
			m.believe(&j)
			continue
		}
		m.disbelieve(&j)
	}
	if len(good) > 0 {
		return errVerified
	}
	later := m.batch.later
	m.batch.later = nil
	for _, j := range later {
		if p := m.source(j.from); p != nil {
			m.recvAnnouncement(p, j.msg, j.raw)
		}
	}
	return nil
}

// source is where a message came from, or nil if the peer is gone.
func (m *Machine) source(id keys.PubKey) *peer {
	if id == m.local.id {
		return &m.local
	}
	return m.peers[id]
}

func (m *Machine) believe(j *job) {
	switch msg := j.msg.(type) {
	case *wire.ChannelAnnouncement:
		m.announcementVerified(j, msg)
	case *wire.ChannelUpdate:
		m.updateVerified(j, msg)
	case *wire.NodeAnnouncement:
		m.nodeVerified(msg, j.raw)
	}
}

// disbelieve has the peer warned. BOLT 7 wants the connection closed for a channel_update, and leaves
// it to us for the others: we close it too, so that a liar costs us no more. But what is wrong to us need not be so to an
// honest peer: whoever holds both keys of an output can announce it to others with other nodes than to us. That must not
// end the connection with a peer that has a channel with us.
func (m *Machine) disbelieve(j *job) {
	what := j.msg.Type().String()
	switch msg := j.msg.(type) {
	case *wire.ChannelAnnouncement:
		what += " of " + msg.ShortChannelID.String()
	case *wire.ChannelUpdate:
		what += " of " + msg.ShortChannelID.String()
	case *wire.NodeAnnouncement:
		what += " of " + msg.NodeID.String()
	}
	if p := m.peers[j.from]; p != nil {
		partner := m.hasChannelWith(p.id) && p.warned.has(m.now, warnRate)
		m.misbehaved(p.id, !partner, "%s: %v", what, keys.ErrSigWrong)
	}
}
