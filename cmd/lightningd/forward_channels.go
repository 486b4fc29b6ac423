package main

import (
	"time"

	"fulmen/internal/features"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// forwardTerms is what forwarding through a channel asks for.
type forwardTerms struct {
	former      htlcswitch.Terms // in force before setchannel,
	formerUntil time.Time        // and until then still good enough
	update      []byte           // our newest channel_update, as gossipd told
	updateFor   wire.ShortChannelID
	disabled    bool // update says so
	aliasOnly   bool // option_scid_alias is in the channel_type
}

// switchChannels shows the switch the node's channels. It implements htlcswitch.Channels, in the loop.
type switchChannels struct{ n *node }

// Named implements htlcswitch.Channels.
func (s switchChannels) Named(id wire.ShortChannelID) *htlcswitch.Channel {
	if c := s.n.channelByOwnName(id); c != nil {
		return c.forSwitch()
	}
	return nil
}

// With implements htlcswitch.Channels.
func (s switchChannels) With(peer keys.PubKey) []*htlcswitch.Channel {
	var list []*htlcswitch.Channel
	if p := s.n.peers[peer]; p != nil {
		for _, c := range p.channels {
			list = append(list, c.forSwitch())
		}
	}
	return list
}

// OnChain implements htlcswitch.Channels.
func (s switchChannels) OnChain(id uint64) bool {
	c := s.n.channels[id]
	if c == nil {
		return true
	}
	switch c.row.State {
	case store.AwaitingUnilateral, store.FundingSpendSeen, store.OnChain:
		return true
	}
	return false
}

// channelByOwnName finds a channel by its short_channel_id or by the alias that we told its peer.
func (n *node) channelByOwnName(id wire.ShortChannelID) *channel {
	goesBy := func(c *channel) bool { return c.row.ShortChannelID == id || c.row.AliasLocal == id }
	if c := n.byName[id]; c != nil && n.channels[c.row.ID] == c && goesBy(c) {
		return c
	}
	delete(n.byName, id)
	for _, c := range n.channels {
		if goesBy(c) {
			n.byName[id] = c
			return c
		}
	}
	return nil
}

// forSwitch is the channel as it is now.
func (c *channel) forSwitch() *htlcswitch.Channel {
	s := &htlcswitch.Channel{
		ID: c.row.ID, Peer: c.row.PeerID, ShortChannelID: c.row.ShortChannelID, Alias: c.row.AliasLocal, AliasOnly: c.terms.aliasOnly,
		Spendable: c.status.Spendable - min(c.queued, c.status.Spendable), Terms: termsOf(&c.row.Policy),
		Update: c.terms.update, UpdateFor: c.terms.updateFor, Disabled: c.terms.disabled,
	}
	switch {
	case c.usable():
		s.State = htlcswitch.Ready
	case c.row.State == store.Normal:
		s.State = htlcswitch.Away
	case c.row.State == store.AwaitingLockin:
		s.State = htlcswitch.Opening
	default:
		s.State = htlcswitch.Closing
	}
	if c.n.now().Before(c.terms.formerUntil) {
		s.Former = &c.terms.former
	}
	return s
}

func termsOf(p *store.Policy) htlcswitch.Terms {
	return htlcswitch.Terms{FeeBase: p.FeeBase, FeePPM: p.FeePPM, HTLCMin: p.HTLCMin, HTLCMax: p.HTLCMax, CLTVDelta: p.CLTVDelta}
}

// shownAs is the channel's name in lists: its alias until it has a short_channel_id.
func (c *channel) shownAs() wire.ShortChannelID {
	if c.row.ShortChannelID != 0 {
		return c.row.ShortChannelID
	}
	return c.row.AliasLocal
}

func aliasOnly(channelType []byte) bool {
	t, err := features.ParseChannelType(channelType)
	return err == nil && t.Has(features.SCIDAlias)
}

// onOwnUpdate keeps our terms as gossipd signed them: failures quote them.
func (n *node) onOwnUpdate(m *gossipdmsg.OwnUpdate) {
	u := decodeUpdate(m.Update)
	for _, c := range n.channels {
		if c.row.ChannelID == m.ChannelID {
			c.terms.update, c.terms.updateFor = m.Update, u.ShortChannelID
			c.terms.disabled = u.ChannelFlags&wire.ChannelFlagDisable != 0
		}
	}
}
