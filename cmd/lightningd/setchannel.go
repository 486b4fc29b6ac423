package main

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"fulmen/internal/amount"
	core "fulmen/internal/channel"
	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

type setChannelParams struct {
	ID              string       `param:"id" doc:"The peer, for all of its channels; a channel's channel_id, short_channel_id or alias; or all."`
	FeeBase         *amount.Msat `param:"feebase" doc:"What to ask for each payment forwarded; unchanged if omitted."`
	FeePPM          *uint32      `param:"feeppm" doc:"What to ask of its amount, in millionths; unchanged if omitted."`
	HTLCMin         *amount.Msat `param:"htlcmin" doc:"The least HTLC to forward; unchanged if omitted."`
	HTLCMax         *amount.Msat `param:"htlcmax" doc:"The greatest HTLC to forward; unchanged if omitted."`
	EnforceDelay    uint32       `param:"enforcedelay" default:"600" doc:"Seconds for which payments at the old terms still pass; not beyond a restart."`
	IgnoreFeeLimits *bool        `param:"ignorefeelimits" doc:"Whether the peer may set any fee rate for the commitment transactions. That is dangerous."`
}

type setChannelResult struct {
	Channels []*setChannelEntry `json:"channels" doc:"The channels as they are now."`
}

type setChannelEntry struct {
	PeerID                    command.Hex `json:"peer_id" doc:"The peer."`
	ChannelID                 command.Hex `json:"channel_id" doc:"The channel."`
	ShortChannelID            string      `json:"short_channel_id,omitempty" doc:"Its short_channel_id."`
	FeeBaseMsat               amount.Msat `json:"fee_base_msat" doc:"What is asked for each payment."`
	FeeProportionalMillionths uint32      `json:"fee_proportional_millionths" doc:"What is asked of its amount."`
	MinimumHTLCOutMsat        amount.Msat `json:"minimum_htlc_out_msat" doc:"The least HTLC that is forwarded."`
	WarningHTLCMinTooLow      string      `json:"warning_htlcmin_too_low,omitempty" doc:"The peer does not take so little."`
	MaximumHTLCOutMsat        amount.Msat `json:"maximum_htlc_out_msat" doc:"The greatest HTLC that is forwarded."`
	WarningHTLCMaxTooHigh     string      `json:"warning_htlcmax_too_high,omitempty" doc:"The channel is not so large."`
	IgnoreFeeLimits           bool        `json:"ignore_fee_limits" doc:"Whether the peer may set any fee rate."`
}

func (n *node) setChannelCommand() *command.Command {
	return command.New(command.Doc{
		Name: "setchannel", Category: command.Channels,
		Short:   "Set what a channel asks of those who forward through it.",
		Long:    "It is told to the peer, and to the network if the channel is announced.",
		Errors:  []command.Failure{{Code: rpc.CodeFailed, When: "The channel is closing."}},
		SeeAlso: []string{"listpeerchannels"},
	}, n.setChannel)
}

func (n *node) setChannel(_ context.Context, p *setChannelParams) (*setChannelResult, error) {
	list, err := n.channelsToSet(p.ID)
	if err != nil {
		return nil, err
	}
	r := &setChannelResult{Channels: []*setChannelEntry{}}
	for _, c := range list {
		params, err := n.paramsOf(c)
		if err != nil {
			return nil, err
		}
		if err := n.onLoop(func() error {
			e, err := c.applyPolicy(p, params)
			if err == nil {
				r.Channels = append(r.Channels, e)
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	return r, n.db.Update(func(*storeTx) error { return nil }) // what it promises is on disk
}

func canBeSet(s store.ChannelState) bool { return s == store.Normal || s == store.AwaitingLockin }

func (n *node) channelsToSet(id string) (list []*channel, err error) {
	err = n.onLoop(func() error {
		if id == "all" {
			for _, c := range n.channels {
				if canBeSet(c.row.State) {
					list = append(list, c)
				}
			}
			sortChannels(list)
			return nil
		}
		if peer, err := keys.ParsePubKey(id); err == nil && n.peers[peer] != nil {
			for _, c := range n.peers[peer].channels {
				if canBeSet(c.row.State) {
					list = append(list, c)
				}
			}
			if len(list) > 0 {
				sortChannels(list)
				return nil
			}
		}
		c, err := n.channelNamed(id)
		if err != nil {
			return err
		}
		if !canBeSet(c.row.State) {
			return rpc.Errorf(rpc.CodeFailed, "id: the channel is in state %s", c.row.State)
		}
		list = []*channel{c}
		return nil
	})
	return list, err
}

func sortChannels(list []*channel) {
	slices.SortFunc(list, func(a, b *channel) int { return cmp.Compare(a.row.ID, b.row.ID) })
}

// channelNamed finds the channel that a caller means by the id of its peer, its channel_id, its
// short_channel_id or an alias. Only the loop may call it.
func (n *node) channelNamed(id string) (*channel, error) {
	if peer, err := keys.ParsePubKey(id); err == nil {
		return n.onlyChannelWith(peer)
	}
	if scid, err := wire.ParseShortChannelID(id); err == nil {
		if c := n.channelBySCID(scid); c != nil {
			return c, nil
		}
		return nil, command.BadParam("id", "there is no channel %s", id)
	}
	for _, c := range n.channels {
		if c.row.ChannelID.String() == id {
			return c, nil
		}
	}
	if len(id) == 2*len(wire.ChannelID{}) {
		return nil, command.BadParam("id", "there is no channel %s", id)
	}
	return nil, command.BadParam("id", "should be a peer's id, a channel_id or a short_channel_id")
}

// onlyChannelWith finds the channel with a peer that has exactly one that is not closing.
func (n *node) onlyChannelWith(id keys.PubKey) (*channel, error) {
	var open, rest []*channel
	if p := n.peers[id]; p != nil {
		for _, c := range p.channels {
			if canBeSet(c.row.State) {
				open = append(open, c)
			} else {
				rest = append(rest, c)
			}
		}
	}
	if len(open) == 0 {
		open = rest
	}
	switch len(open) {
	case 0:
		return nil, command.BadParam("id", "there is no channel with peer %s", id)
	case 1:
		return open[0], nil
	}
	return nil, command.BadParam("id", "peer %s has %d channels: use channel_id or short_channel_id", id, len(open))
}

// applyPolicy stores and tells what the caller asks for, as far as the channel allows it.
func (c *channel) applyPolicy(p *setChannelParams, params *core.Params) (*setChannelEntry, error) {
	e := &setChannelEntry{PeerID: bytes.Clone(c.row.PeerID[:]), ChannelID: bytes.Clone(c.row.ChannelID[:])}
	policy, err := p.policyFrom(c.row.Policy, params, e)
	if err != nil {
		return nil, err
	}
	c.terms.former, c.terms.formerUntil = termsOf(&c.row.Policy), c.n.now().Add(seconds(uint64(p.EnforceDelay)))
	c.row.Policy = policy
	if p.IgnoreFeeLimits != nil {
		c.row.IgnoreLimits = *p.IgnoreFeeLimits
		c.tellPolicy()
	}
	c.save()
	c.n.gossipChannel(c)
	e.FeeBaseMsat, e.FeeProportionalMillionths, e.IgnoreFeeLimits = policy.FeeBase, policy.FeePPM, c.row.IgnoreLimits
	e.MinimumHTLCOutMsat, e.MaximumHTLCOutMsat = policy.HTLCMin, policy.HTLCMax
	if c.row.ShortChannelID != 0 {
		e.ShortChannelID = c.row.ShortChannelID.String()
	}
	return e, nil
}

// policyFrom is the policy as the caller changes it; e gets the warnings.
func (p *setChannelParams) policyFrom(policy store.Policy, params *core.Params, e *setChannelEntry) (store.Policy, error) {
	if p.FeeBase != nil {
		if *p.FeeBase > 1<<32-1 {
			return policy, command.BadParam("feebase", "is %s, at most %d", *p.FeeBase, uint32(1<<32-1))
		}
		policy.FeeBase = *p.FeeBase
	}
	if p.FeePPM != nil {
		policy.FeePPM = *p.FeePPM
	}
	if p.HTLCMin != nil {
		policy.HTLCMin = *p.HTLCMin
		if least := params.Remote.HTLCMinimum; policy.HTLCMin < least {
			policy.HTLCMin = least
			e.WarningHTLCMinTooLow = "Set minimum_htlc_out_msat to minimum allowed by peer"
		}
	}
	if p.HTLCMax != nil {
		policy.HTLCMax = *p.HTLCMax
		if most := min(params.FundingSats.Msat(), params.Remote.MaxHTLCValueInFlight); policy.HTLCMax > most {
			policy.HTLCMax = most
			e.WarningHTLCMaxTooHigh = "Set maximum_htlc_out_msat to maximum possible in channel"
		}
	}
	if policy.HTLCMax < policy.HTLCMin {
		return policy, command.BadParam("htlcmax", "is %s, less than htlcmin, which is %s", policy.HTLCMax, policy.HTLCMin)
	}
	return policy, nil
}
