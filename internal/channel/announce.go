package channel

import (
	"crypto/sha256"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// announceDepth is how deep the funding transaction is before the channel is announced (BOLT 7).
const announceDepth = 6

// signaturesSize is what channel_announcement's signatures do not cover: type and signatures.
const signaturesSize = 2 + 4*64

// announcement is where the channel's announcement is, in this connection.
type announcement struct {
	before *announcedTheirs // the peer's half, of before this connection; nil: none
	asked  bool             // for ours
	ours   *AnnouncementSigned
	reply  bool // the peer sent its own again: it lacks ours
	sent   bool
	told   bool
}

// announcedTheirs is the peer's good announcement_signatures.
type announcedTheirs struct {
	scid          wire.ShortChannelID
	node, bitcoin keys.Signature
}

func (m *announcedTheirs) apply(s *state) error {
	s.announced = m
	return nil
}

// dueAnnouncement is what has to be signed to announce the channel, once it is time (BOLT 7, The
// announcement_signatures Message).
func (c *Channel) dueAnnouncement() []byte {
	s := &c.state
	ready := s.params.Announce && s.localReady && s.remoteReady && s.localShutdown == nil &&
		c.phase == established && c.depth >= announceDepth && c.scid != 0
	if !ready {
		return nil
	}
	if !c.announcement.asked {
		c.announcement.asked = true
		return wire.Encode(c.channelAnnouncement())
	}
	a := &c.announcement
	// Our half is sent once at first, and after a reconnect if the peer shows that it lacks it.
	c.due.announcement = a.ours != nil && !a.sent && (!c.announcedBefore() || a.reply)
	return nil
}

// channelAnnouncement is the message without signatures.
func (c *Channel) channelAnnouncement() *wire.ChannelAnnouncement {
	p, node := c.state.params, &c.policy.Node
	m := &wire.ChannelAnnouncement{
		ChainHash: node.ChainHash, ShortChannelID: c.scid,
		NodeID1: node.LocalID, NodeID2: node.RemoteID,
		BitcoinKey1: p.Local.FundingPubKey, BitcoinKey2: p.Remote.FundingPubKey,
	}
	if !c.localFirst() {
		m.NodeID1, m.NodeID2 = m.NodeID2, m.NodeID1
		m.BitcoinKey1, m.BitcoinKey2 = m.BitcoinKey2, m.BitcoinKey1
	}
	return m
}

// localFirst reports whether we are node_1: the lesser id.
func (c *Channel) localFirst() bool {
	return string(c.policy.Node.LocalID[:]) < string(c.policy.Node.RemoteID[:])
}

// announcementSignatures is our half.
func (c *Channel) announcementSignatures() *wire.AnnouncementSignatures {
	ours := c.announcement.ours
	c.announcement.sent = true
	return &wire.AnnouncementSignatures{
		ChannelID: c.state.params.ChannelID, ShortChannelID: c.scid,
		NodeSignature: ours.Node, BitcoinSignature: ours.Bitcoin,
	}
}

// announcedBefore reports whether both halves were exchanged before this connection, as far as we know, for the
// short_channel_id that the channel has now.
func (c *Channel) announcedBefore() bool {
	b := c.announcement.before
	return b != nil && b.scid == c.scid
}

// afterAnnouncementSigned goes on with our half.
func (c *Channel) afterAnnouncementSigned(ev *AnnouncementSigned) ([]Action, error) {
	c.announcement.ours = ev
	return c.proceed(), nil
}

// theirs is the peer's half for the short_channel_id that the channel has now.
func (c *Channel) theirs() *announcedTheirs {
	if t := c.state.announced; t != nil && t.scid == c.scid {
		return t
	}
	return nil
}

// recvAnnouncementSignatures checks the peer's half.
func (c *Channel) recvAnnouncementSignatures(m *wire.AnnouncementSignatures) ([]Action, error) {
	p := c.state.params
	if !p.Announce {
		return nil, warnAndClose("announcement_signatures for a channel that is not announced")
	}
	if c.scid == 0 {
		return nil, nil // the peer sees more blocks than we do; it sends them again at a reconnect
	}
	if m.ShortChannelID != c.scid {
		return []Action{SendPeer{&wire.Warning{ChannelID: p.ChannelID, Data: []byte("announcement_signatures: short_channel_id is " + c.scid.String())}}}, nil
	}
	raw := wire.Encode(c.channelAnnouncement())
	first := sha256.Sum256(raw[signaturesSize:])
	digest := sha256.Sum256(first[:])
	if err := keys.Verify(c.policy.Node.RemoteID, digest, m.NodeSignature); err != nil {
		return nil, warnAndClose("announcement_signatures: node_signature: %w", err)
	}
	if err := keys.Verify(p.Remote.FundingPubKey, digest, m.BitcoinSignature); err != nil {
		return nil, warnAndClose("announcement_signatures: bitcoin_signature: %w", err)
	}
	if c.theirs() != nil {
		c.announcement.reply = true
		return nil, nil
	}
	return nil, c.do(&announcedTheirs{m.ShortChannelID, m.NodeSignature, m.BitcoinSignature})
}

// tellAnnouncement tells the whole channel_announcement once both halves are there.
func (c *Channel) tellAnnouncement(actions []Action) []Action {
	ours, theirs := c.announcement.ours, c.theirs()
	if ours == nil || theirs == nil || c.announcement.told {
		return actions
	}
	c.announcement.told = true
	m := c.channelAnnouncement()
	m.NodeSignature1, m.BitcoinSignature1 = ours.Node, ours.Bitcoin
	m.NodeSignature2, m.BitcoinSignature2 = theirs.node, theirs.bitcoin
	if !c.localFirst() {
		m.NodeSignature1, m.NodeSignature2 = m.NodeSignature2, m.NodeSignature1
		m.BitcoinSignature1, m.BitcoinSignature2 = m.BitcoinSignature2, m.BitcoinSignature1
	}
	return append(actions, Announced{Announcement: wire.Encode(m), Again: c.announcedBefore()})
}
