package topology

import (
	"context"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/graph"
	"fulmen/internal/keys"
	"fulmen/internal/route"
	"fulmen/internal/wire"
)

func graphSCID(s scid) wire.ShortChannelID { return wire.ShortChannelID(s) }

// localChannel is what listpeerchannels says of a channel of ours.
type localChannel struct {
	PeerID         node        `json:"peer_id"`
	PeerConnected  bool        `json:"peer_connected"`
	State          string      `json:"state"`
	ShortChannelID scid        `json:"short_channel_id"`
	TotalMsat      amount.Msat `json:"total_msat"`
	SpendableMsat  amount.Msat `json:"spendable_msat"`
	ReceivableMsat amount.Msat `json:"receivable_msat"`
	Alias          struct {
		Local scid `json:"local"`
	} `json:"alias"`
	Updates struct {
		Local, Remote *localUpdate
	} `json:"updates"`
}

type localUpdate struct {
	HTLCMinimumMsat           amount.Msat `json:"htlc_minimum_msat"`
	HTLCMaximumMsat           amount.Msat `json:"htlc_maximum_msat"`
	CLTVExpiryDelta           uint32      `json:"cltv_expiry_delta"`
	FeeBaseMsat               amount.Msat `json:"fee_base_msat"`
	FeeProportionalMillionths uint32      `json:"fee_proportional_millionths"`
}

// localChannels asks for our channels.
func (t *Topology) localChannels(ctx context.Context) ([]localChannel, error) {
	var list struct {
		Channels []localChannel `json:"channels"`
	}
	if err := t.config.Node.Call(ctx, "listpeerchannels", struct{}{}, &list); err != nil {
		return nil, fmt.Errorf("ask for our channels: %w", err)
	}
	return list.Channels, nil
}

// applyLocal puts our channels into a view: those that are not announced too, and what they can carry now. It returns
// the directions that lead away from us.
func applyLocal(v *route.View, us keys.PubKey, channels []localChannel) map[graph.Half]bool {
	ours := map[graph.Half]bool{}
	for i := range channels {
		c := &channels[i]
		name := c.ShortChannelID
		if name == 0 {
			name = c.Alias.Local // its funding is not deep enough, or it is not to be known
		}
		if c.State != "CHANNELD_NORMAL" && c.State != "CHANNELD_AWAITING_SPLICE" || name == 0 {
			if at, ok := v.Channel(graphSCID(name)); ok && name != 0 {
				v.Edit(at.Half(0)).Enabled, v.Edit(at.Half(1)).Enabled = false, false
			}
			continue
		}
		at := v.AddChannel(graphSCID(name), us, keys.PubKey(c.PeerID), c.TotalMsat)
		out := at.Half(0)
		if from, _ := v.Ends(out); v.ID(from) != us {
			out = out.Reverse()
		}
		ours[out] = true
		c.Updates.Local.apply(v.Edit(out), c.PeerConnected, c.SpendableMsat)
		if c.Updates.Remote != nil {
			c.Updates.Remote.apply(v.Edit(out.Reverse()), c.PeerConnected, c.ReceivableMsat)
		}
	}
	return ours
}

// apply sets one direction of a channel of ours, and what it can carry, to the msat.
func (u *localUpdate) apply(e *route.Edge, connected bool, exactly amount.Msat) {
	e.Announced, e.Enabled, e.Least, e.Most = true, connected, exactly, exactly
	if u == nil {
		e.HTLCMax = e.Capacity
		return
	}
	e.HTLCMin, e.HTLCMax, e.Delta = u.HTLCMinimumMsat, u.HTLCMaximumMsat, u.CLTVExpiryDelta
	e.FeeBase, e.FeePPM = uint32(min(u.FeeBaseMsat, 0xffffffff)), u.FeeProportionalMillionths
}
