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

// ownChannel is one of our channels and the two channel_updates of it.
type ownChannel struct {
	Channel
	peerKey keys.ParsedPubKey
	ours    *wire.ChannelUpdate // the last made; its signature is zero while the signer is asked
	theirs  *wire.ChannelUpdate // the last that we believed, or nil
}

var (
	errNoName  = errors.New("it has neither a short_channel_id nor the peer's alias")
	errMaximum = errors.New("htlc_maximum_msat is below htlc_minimum_msat or above the capacity")
)

// setChannel notes what we say of a channel and has it signed if it is new.
func (m *Machine) setChannel(now Timestamp, ch Channel) ([]Action, error) {
	c, err := m.withChannel(ch)
	if err != nil {
		return nil, fmt.Errorf("set channel %s: %w", ch.ChannelID, err)
	}
	update := m.newUpdate(c)
	if c.ours != nil {
		update.Timestamp, update.Signature = c.ours.Timestamp, c.ours.Signature
		if *update == *c.ours {
			return nil, nil // no redundant update
		}
		update.Signature = keys.Signature{}
	}
	// It must grow even if the clock does not (BOLT 7, The channel_update Message).
	update.Timestamp = max(uint32(now), update.Timestamp+1)
	c.ours = update
	return []Action{AskSigner{ch.ChannelID, wire.Encode(update)}}, nil
}

// withChannel enters what lightningd says, and keeps what was learned before.
func (m *Machine) withChannel(ch Channel) (*ownChannel, error) {
	key, err := ch.PeerID.Parse()
	if err != nil {
		return nil, err
	}
	if ch.ShortChannelID == 0 && ch.RemoteAlias == 0 {
		return nil, errNoName
	}
	if ch.Policy.HTLCMaximum < ch.Policy.HTLCMinimum || ch.Policy.HTLCMaximum > ch.Capacity.Msat() {
		return nil, errMaximum
	}
	c := m.channels[ch.ChannelID]
	if c == nil {
		c = new(ownChannel)
		m.channels[ch.ChannelID] = c
	}
	c.Channel, c.peerKey = ch, key
	return c, nil
}

// newUpdate is our channel_update without timestamp and signature. Nothing is announced, so it is
// for the peer alone. BOLT 7, The channel_update Message, lets us name the channel by the peer's
// alias or by where it is in the chain. The latter is the name that a peer knows from the funding
// transaction on: lnd loses an update by an alias that comes before it has handled our channel_ready.
func (m *Machine) newUpdate(c *ownChannel) *wire.ChannelUpdate {
	u := &wire.ChannelUpdate{
		ChainHash:                 m.chainHash,
		ShortChannelID:            cmp.Or(c.ShortChannelID, c.RemoteAlias),
		MessageFlags:              wire.MessageFlagMustBeOne | wire.MessageFlagDontForward,
		ChannelFlags:              direction(m.nodeID, c.PeerID),
		CLTVExpiryDelta:           c.Policy.CLTVExpiryDelta,
		HTLCMinimumMsat:           c.Policy.HTLCMinimum,
		FeeBaseMsat:               c.Policy.FeeBaseMsat,
		FeeProportionalMillionths: c.Policy.FeeProportionalMillionths,
		HTLCMaximumMsat:           c.Policy.HTLCMaximum,
	}
	if c.Policy.Disabled {
		u.ChannelFlags |= wire.ChannelFlagDisable
	}
	return u
}

// direction is the bit of updates from a node about its channel with another: node_id_1 is the
// lesser of the two (BOLT 7, The channel_announcement Message).
func direction(from, with keys.PubKey) byte {
	if bytes.Compare(from[:], with[:]) < 0 {
		return 0
	}
	return wire.ChannelFlagDirection
}

func (m *Machine) afterSigning(ev Signed) ([]Action, error) {
	c := m.channels[ev.ChannelID]
	if c == nil || c.ours == nil {
		return nil, fmt.Errorf("channel %s: signature of a channel_update that nobody asked for", ev.ChannelID)
	}
	c.ours.Signature = ev.Signature
	raw := wire.Encode(c.ours)
	actions := []Action{Made{ev.ChannelID, raw}}
	if m.peers[c.PeerID] {
		actions = append(actions, SendPeer{c.PeerID, raw})
	}
	return actions, nil
}

// greet tells a peer our terms; it may have lost them.
func (m *Machine) greet(id keys.PubKey) []Action {
	var actions []Action
	for _, c := range m.channels {
		if c.PeerID == id && c.ours != nil {
			actions = append(actions, SendPeer{id, wire.Encode(c.ours)})
		}
	}
	slices.SortFunc(actions, func(a, b Action) int { // the same each time
		return bytes.Compare(a.(SendPeer).Raw, b.(SendPeer).Raw)
	})
	return actions
}
