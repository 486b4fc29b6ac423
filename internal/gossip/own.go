package gossip

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

const (
	// awayTime is how long a peer may be away before its public channels are called disabled.
	awayTime Timestamp = 20 * 60
	// refreshAge is when an update of ours is said again, well before others drop the channel.
	refreshAge Timestamp = 10 * 24 * 60 * 60
)

// ownChannel is one of our channels and the two channel_updates of it.
type ownChannel struct {
	Channel
	ours   *wire.ChannelUpdate // the last made; its signature is zero while the signer is asked
	theirs *wire.ChannelUpdate // the last that we believed, or nil
	// announcement has all four signatures. It is nil before, and again once it is in the view.
	announcement *newChannel
	public       bool      // it is announced, or is with our next update
	awaySince    Timestamp // since when the peer is away; 0 while it is connected
	away         bool      // for so long that we say so
}

var (
	errNoName  = errors.New("it has neither a short_channel_id nor the peer's alias")
	errMaximum = errors.New("htlc_maximum_msat is below htlc_minimum_msat or above the capacity")
)

// setChannel notes what we say of a channel and has it signed if it is new.
func (m *Machine) setChannel(ch Channel) error {
	c, err := m.withChannel(ch)
	if err != nil {
		return fmt.Errorf("set channel %s: %w", ch.ChannelID, err)
	}
	m.say(c)
	m.recallEarly(c)
	return nil
}

// withChannel enters what lightningd says, and keeps what was learned before.
func (m *Machine) withChannel(ch Channel) (*ownChannel, error) {
	if err := ch.PeerID.Check(); err != nil {
		return nil, err
	}
	if ch.ShortChannelID == 0 && ch.RemoteAlias == 0 {
		return nil, errNoName
	}
	if ch.Policy.HTLCMaximum < ch.Policy.HTLCMinimum || ch.Policy.HTLCMaximum > ch.Capacity.Msat() {
		return nil, errMaximum
	}
	c := m.own[ch.ChannelID]
	if c == nil {
		c = new(ownChannel)
		m.own[ch.ChannelID] = c
		if m.peers[ch.PeerID] == nil {
			c.awaySince = m.now
		}
	}
	if c.ShortChannelID != ch.ShortChannelID {
		c.announcement, c.public = nil, false // of another place in the chain
	}
	c.Channel = ch
	if in := m.channel(ch.ShortChannelID); in != nil && in.spentAt == 0 {
		c.public = true
		if loaded := m.node.loaded[ch.ShortChannelID]; c.ours == nil && loaded != nil {
			c.ours = loaded
			delete(m.node.loaded, ch.ShortChannelID)
			m.do(Made{ch.ChannelID, wire.Encode(loaded)})
		}
	}
	return c, nil
}

// maxEarly is how many channel_updates of a peer wait for lightningd to set their channel.
const maxEarly = 8

// earlyUpdate is a peer's of a channel that we do not have yet: the peer may have seen our channel_ready before
// lightningd told us of the channel. It would not be said again before the next connection.
type earlyUpdate struct {
	msg *wire.ChannelUpdate
	raw []byte
}

func (p *peer) keepEarly(u *wire.ChannelUpdate, raw []byte) {
	p.early = slices.DeleteFunc(p.early, func(e earlyUpdate) bool { return e.msg.ShortChannelID == u.ShortChannelID })
	if len(p.early) == maxEarly {
		p.early = slices.Delete(p.early, 0, 1)
	}
	p.early = append(p.early, earlyUpdate{u, raw})
}

// recallEarly takes what the peer said of c before it was set.
func (m *Machine) recallEarly(c *ownChannel) {
	p := m.peers[c.PeerID]
	if p == nil {
		return
	}
	waiting := p.early
	p.early = nil
	for _, e := range waiting {
		m.recvChannelUpdate(p, e.msg, e.raw) // one of another channel waits on
	}
}

// say has our channel_update signed, if it says something new.
func (m *Machine) say(c *ownChannel) {
	update := m.newUpdate(c)
	if c.ours != nil {
		update.Timestamp, update.Signature = c.ours.Timestamp, c.ours.Signature
		if *update == *c.ours && !(c.public && m.stale(c.ours.Timestamp)) && c.announcement == nil {
			return // no redundant update
		}
		update.Signature = keys.Signature{}
	}
	// It must grow even if the clock does not (BOLT 7, The channel_update Message).
	update.Timestamp = max(uint32(m.now), update.Timestamp+1)
	c.ours = update
	m.do(AskSigner{c.ChannelID, wire.Encode(update)})
}

// stale reports whether what was said then has to be said again.
func (m *Machine) stale(at uint32) bool {
	return Timestamp(at) < m.now && m.now-Timestamp(at) >= refreshAge
}

// newUpdate is our channel_update without timestamp and signature. Of a channel that is not announced
// it is for the peer alone. BOLT 7, The channel_update Message, lets us name the channel by the peer's
// alias or by where it is in the chain. The latter is the name that a peer knows from the funding
// transaction on: lnd loses an update by an alias that comes before it has handled our channel_ready.
func (m *Machine) newUpdate(c *ownChannel) *wire.ChannelUpdate {
	u := &wire.ChannelUpdate{
		ChainHash:                 m.self.ChainHash,
		ShortChannelID:            cmp.Or(c.ShortChannelID, c.RemoteAlias),
		MessageFlags:              wire.MessageFlagMustBeOne,
		ChannelFlags:              wire.Direction(m.self.ID, c.PeerID),
		CLTVExpiryDelta:           c.Policy.CLTVExpiryDelta,
		HTLCMinimumMsat:           c.Policy.HTLCMinimum,
		FeeBaseMsat:               c.Policy.FeeBaseMsat,
		FeeProportionalMillionths: c.Policy.FeeProportionalMillionths,
		HTLCMaximumMsat:           c.Policy.HTLCMaximum,
	}
	if !c.public {
		u.MessageFlags |= wire.MessageFlagDontForward
		// One that says the same but for dont_forward is no news to lnd within a day: it would keep this one, and
		// nobody hears our terms from it. So this one differs, by the least that does no harm.
		if u.HTLCMaximumMsat > u.HTLCMinimumMsat {
			u.HTLCMaximumMsat--
		}
	}
	if c.Policy.Disabled || c.public && c.away {
		u.ChannelFlags |= wire.ChannelFlagDisable
	}
	return u
}

func (m *Machine) afterSigning(ev Signed) error {
	c := m.own[ev.ChannelID]
	if c == nil || c.ours == nil {
		return fmt.Errorf("channel %s: signature of a channel_update that nobody asked for", ev.ChannelID)
	}
	c.ours.Signature = ev.Signature
	raw := wire.Encode(c.ours)
	m.do(Made{ev.ChannelID, raw})
	if m.peers[c.PeerID] != nil {
		m.do(SendPeer{c.PeerID, raw})
	}
	if c.public {
		m.publish(c, raw)
	}
	return nil
}

// publish puts our update into the view, and before the first the channel itself.
func (m *Machine) publish(c *ownChannel, raw []byte) {
	in := m.channel(c.ShortChannelID)
	if in == nil {
		if c.announcement == nil {
			return
		}
		in = m.admit(*c.announcement, c.ours.Timestamp)
		if t := c.theirs; t != nil && t.ShortChannelID == in.id && m.worthChecking(in, t) {
			m.applyUpdate(in, c.theirs, wire.Encode(c.theirs), false)
		}
	}
	c.announcement = nil
	m.applyUpdate(in, c.ours, raw, true)
	m.sayNode()
}

// announce takes the announcement of a channel of ours, which its process has checked.
func (m *Machine) announce(ev Announced) error {
	msg, err := wire.Decode(ev.Announcement)
	if err != nil {
		return fmt.Errorf("announce channel %s: %w", ev.ChannelID, err)
	}
	announcement, ok := msg.(*wire.ChannelAnnouncement)
	c := m.own[ev.ChannelID]
	if !ok || c == nil || announcement.ShortChannelID != c.ShortChannelID {
		return nil // the channel has changed since
	}
	if m.channel(c.ShortChannelID) != nil {
		return nil
	}
	c.public = true
	c.announcement = &newChannel{msg: announcement, raw: ev.Announcement, capacity: c.Capacity, txid: c.FundingTxid, own: true}
	m.say(c)
	return nil
}

// channelGone forgets a channel. One that is announced is called disabled before: lightningd sets that
// when it begins to close it.
func (m *Machine) channelGone(id wire.ChannelID) { delete(m.own, id) }

// peerUp greets a peer.
func (m *Machine) peerUp(ev PeerUp) {
	m.peers[ev.ID] = &peer{id: ev.ID, queries: ev.Queries}
	for _, c := range m.ownSorted() {
		if c.PeerID != ev.ID {
			continue
		}
		c.awaySince = 0
		if c.away {
			c.away = false
			m.say(c)
			continue
		}
		if c.ours != nil && c.ours.Signature != (keys.Signature{}) {
			m.do(SendPeer{ev.ID, wire.Encode(c.ours)}) // it may have lost them
		}
	}
	m.seeker.arrived(m, m.peers[ev.ID])
}

// ownSorted are our channels, in the same order each time.
func (m *Machine) ownSorted() []*ownChannel {
	list := make([]*ownChannel, 0, len(m.own))
	for _, c := range m.own {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *ownChannel) int { return bytes.Compare(a.ChannelID[:], b.ChannelID[:]) })
	return list
}

func (m *Machine) peerDown(id keys.PubKey) {
	p := m.peers[id]
	if p == nil {
		return
	}
	delete(m.peers, id)
	m.seeker.left(p)
	for _, c := range m.own {
		if c.PeerID == id {
			c.awaySince = m.now
		}
	}
}

// upkeepInterval is how often our own channels are looked at.
const upkeepInterval Timestamp = 60

// upkeep says what time changes: that a peer is away for long, and again what was said long ago.
func (m *Machine) upkeep() {
	if m.now < m.node.upkeepAt {
		return
	}
	m.node.upkeepAt = m.now + upkeepInterval
	for _, c := range m.ownSorted() {
		if c.awaySince != 0 && m.now > c.awaySince && m.now-c.awaySince >= awayTime {
			c.away = true
		}
		if c.public && c.ours != nil {
			m.say(c)
		}
	}
	m.sayNode()
}

// ownOf finds our channel with the peer by any name that the peer may use.
func (m *Machine) ownOf(peer keys.PubKey, u *wire.ChannelUpdate) *ownChannel {
	for _, c := range m.own {
		if c.PeerID == peer && u.ShortChannelID != 0 &&
			(u.ShortChannelID == c.ShortChannelID || u.ShortChannelID == c.LocalAlias) {
			return c
		}
	}
	return nil
}

// worthChecking is false for what would be ignored even if its signature were right: what is not
// newer, is from the future, or cannot be true.
func (c *ownChannel) worthChecking(now Timestamp, u *wire.ChannelUpdate) bool {
	switch {
	case c.theirs != nil && u.Timestamp <= c.theirs.Timestamp:
		return false
	case Timestamp(u.Timestamp) > now && Timestamp(u.Timestamp)-now > maxAhead:
		return false
	}
	return u.HTLCMinimumMsat <= u.HTLCMaximumMsat && u.HTLCMaximumMsat <= c.Capacity.Msat()
}

// learn notes the peer's terms for a channel with us.
func (m *Machine) learn(c *ownChannel, u *wire.ChannelUpdate, raw []byte) {
	c.theirs = u
	m.do(Learned{
		ChannelID: c.ChannelID,
		Policy: Policy{
			FeeBaseMsat:               u.FeeBaseMsat,
			FeeProportionalMillionths: u.FeeProportionalMillionths,
			CLTVExpiryDelta:           u.CLTVExpiryDelta,
			HTLCMinimum:               u.HTLCMinimumMsat,
			HTLCMaximum:               u.HTLCMaximumMsat,
			Disabled:                  u.ChannelFlags&wire.ChannelFlagDisable != 0,
		},
		Timestamp: Timestamp(u.Timestamp),
		Raw:       raw,
	})
}

// learnPublic is learn for an update of the network's, if it is of a channel of ours.
func (m *Machine) learnPublic(in *channel, u *wire.ChannelUpdate, raw []byte) {
	for _, c := range m.own {
		if c.ShortChannelID == in.id {
			m.learn(c, u, raw)
			return
		}
	}
}
