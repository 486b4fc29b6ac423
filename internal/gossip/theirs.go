package gossip

import (
	"fmt"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// recvChannelUpdate learns the peer's terms for a channel with us (BOLT 7, The channel_update
// Message). Those of other channels we ignore: we have seen no announcement of them.
func (m *Machine) recvChannelUpdate(now Timestamp, from keys.PubKey, u *wire.ChannelUpdate, raw []byte) []Action {
	c := m.channelOf(from, u)
	if c == nil || u.ChainHash != m.chainHash || u.ChannelFlags&wire.ChannelFlagDirection != direction(from, m.nodeID) {
		return nil
	}
	if !c.worthChecking(now, u) {
		return nil
	}
	digest, err := wire.GossipDigest(raw)
	if err == nil {
		err = c.peerKey.Verify(digest, u.Signature)
	}
	if err != nil {
		return []Action{Misbehaved{from, fmt.Sprintf("channel_update of %s: %v", u.ShortChannelID, err)}}
	}
	c.theirs = u
	return []Action{Learned{
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
	}}
}

// channelOf finds our channel with the peer by any name that the peer may use.
func (m *Machine) channelOf(peer keys.PubKey, u *wire.ChannelUpdate) *ownChannel {
	for _, c := range m.channels {
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
