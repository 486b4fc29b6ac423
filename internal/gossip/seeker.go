package gossip

import (
	"slices"

	"fulmen/internal/block"
	"fulmen/internal/wire"
)

const (
	// maxSeekers is how many peers relay to us what they hear. The others send their own only.
	maxSeekers = 5
	// fullInterval is how long after one comparison of everything the next is made, with another peer.
	fullInterval Timestamp = 60 * 60
	// grownInterval is how soon the next is made when our chain has since grown by more than announceDepth blocks, as it does
	// after a start: channels in blocks that it did not have then were not asked for.
	grownInterval Timestamp = 5 * 60
	// answerTime is how long a peer may take for each part of an answer.
	answerTime Timestamp = 120
	// rangeTime is how long it may take for all replies to query_channel_range, and idsTime for all that is then asked for,
	// without the time that we need ourselves: who says something now and then must not keep us from asking others.
	rangeTime Timestamp = 15 * 60
	idsTime   Timestamp = 30 * 60
	// maxMissed is how many channels may wait to be asked for because an update of them came.
	maxMissed = 1000
	// maxMissedEach is how many of them, and of those that our chain does not have yet, one peer may name.
	maxMissedEach = 200
	// overlap is how far before now the relay of live gossip begins, for what was on its way.
	overlap Timestamp = 10 * 60
)

// seeker decides whom we ask, and for what.
type seeker struct {
	relays int          // peers that relay to us
	asking *peer        // whom we are comparing everything with
	synced Timestamp    // when that was last done to the end; 0 never
	height block.Height // up to which it was
	missed []missedID   // of which an update came, and no announcement
	young  []missedID   // whose announcement came before our chain had their blocks
	tried  memory[wire.ShortChannelID]
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
	waited   Timestamp // for how long in all, since it has told what it has
	// after is the first_blocknum that the next reply_channel_range must not be below.
	after block.Height
	end   uint64 // the first block that was not asked for
	// missing is what the peer has and we lack, by its replies.
	missing []missing
	// nodes are those without a node_announcement that are among it, each with one of its channels.
	nodes map[uint32]bool
}

// arrived takes up a new peer.
func (s *seeker) arrived(m *Machine, p *peer) {
	if !p.queries || s.relays >= maxSeekers {
		m.filter(p, 0xffffffff, 0) // its own gossip only
		return
	}
	s.takeRelay(m, p)
}

func (s *seeker) takeRelay(m *Machine, p *peer) {
	s.relays++
	p.asked.relays = true
	m.filter(p, uint32(max(m.now, overlap)-overlap), 0xffffffff)
}

// replaceRelays has others relay to us where some are gone, first of all those that have a channel with us.
func (s *seeker) replaceRelays(m *Machine) {
	if s.relays >= maxSeekers || s.relays >= len(m.peers) {
		return
	}
	var strangers []*peer
	for _, p := range m.peersSorted() {
		switch {
		case !p.queries || p.asked.relays || p.asked.silent:
		case !m.hasChannelWith(p.id):
			strangers = append(strangers, p)
		case s.relays < maxSeekers:
			s.takeRelay(m, p)
		}
	}
	for _, p := range strangers[:min(len(strangers), maxSeekers-s.relays)] {
		s.takeRelay(m, p)
	}
}

// giveUp notes that a peer does not answer. It must not be asked again before it has (BOLT 7), which it never may. What it
// relays is welcome, but it keeps nobody else from relaying.
func (s *seeker) giveUp(p *peer) {
	if p.asked.relays {
		s.relays--
	}
	p.asked = asked{silent: true}
	if s.asking == p {
		s.asking = nil
	}
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

// unannounced notes a channel of which a peer sent an update, and nobody an announcement, to ask that peer for the rest.
func (s *seeker) unannounced(p *peer, id wire.ShortChannelID) {
	if !p.queries || p.asked.silent || len(s.missed) >= maxMissed || s.tried.has(id) || countOf(s.missed, p) >= maxMissedEach {
		return
	}
	s.tried.add(id)
	s.missed = append(s.missed, missedID{p, id})
}

// tooYoung notes a channel whose announcement came before our chain is so far, to ask its peer again.
func (s *seeker) tooYoung(p *peer, id wire.ShortChannelID) {
	w := missedID{p, id}
	if p.queries && len(s.young) < maxMissed && !slices.Contains(s.young, w) && countOf(s.young, p) < maxMissedEach {
		s.young = append(s.young, w)
	}
}

func countOf(list []missedID, p *peer) (n int) {
	for _, w := range list {
		if w.from == p {
			n++
		}
	}
	return n
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
		a := &p.asked
		switch {
		case (a.byRange || a.byID) && passed(m.now, a.since, answerTime), a.byRange && passed(m.now, a.compared, rangeTime):
			s.giveUp(p)
		case s.asking == p && a.waited > idsTime:
			s.asking, a.missing = nil, nil // the next may be faster
		}
	}
	s.replaceRelays(m)
	if s.asking == nil && m.height > 0 && s.due(m.now, m.height) {
		m.compareAll()
	}
	if p := s.asking; p != nil && !p.asked.byRange && !p.asked.byID {
		m.askNext(p)
	}
	m.askMissed()
}

// due reports whether everything is to be compared again.
func (s *seeker) due(now Timestamp, height block.Height) bool {
	grown := height > s.height.Add(announceDepth)
	return s.synced == 0 || now-s.synced >= fullInterval || grown && passed(now, s.synced, grownInterval)
}

// passed reports whether more than so long has passed since then.
func passed(now, since, most Timestamp) bool { return now > since && now-since > most }

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
	p.asked.waited += m.now - min(m.now, p.asked.since)
	if m.seeker.asking == p {
		m.askNext(p) // it looks for the next while we check signatures
	}
}

// askMissed asks for channels of which only an update came.
func (m *Machine) askMissed() {
	s := &m.seeker
	at := slices.IndexFunc(s.missed, func(w missedID) bool {
		return !w.from.asked.byID && !w.from.asked.byRange // one thing after the other
	})
	if at < 0 {
		return
	}
	p := s.missed[at].from
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
	m.ask(p, slices.Compact(ids), nil) // one that was too young may be missed for its update, too
}
