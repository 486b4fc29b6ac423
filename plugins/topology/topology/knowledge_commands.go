package topology

import (
	"context"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/keys"
)

type (
	pubKey = keys.PubKey
	scidd  = command.ShortChannelIDDir
)

type updateChannelParams struct {
	Layer           string       `param:"layer" doc:"The layer."`
	Direction       scidd        `param:"short_channel_id_dir" doc:"The channel's direction."`
	Enabled         *bool        `param:"enabled" doc:"Whether it may be used."`
	HTLCMinimumMsat *amount.Msat `param:"htlc_minimum_msat" doc:"The least HTLC."`
	HTLCMaximumMsat *amount.Msat `param:"htlc_maximum_msat" doc:"The greatest HTLC."`
	FeeBaseMsat     *amount.Msat `param:"fee_base_msat" doc:"The fee for each payment."`
	FeePPM          *uint32      `param:"fee_proportional_millionths" doc:"The fee for the amount, in millionths."`
	CLTVExpiryDelta *block.Delta `param:"cltv_expiry_delta" doc:"The blocks between the two HTLCs."`
}

// Validate implements the check after parsing.
func (p *updateChannelParams) Validate() error {
	if p.FeeBaseMsat != nil && *p.FeeBaseMsat > 0xffffffff {
		return command.BadParam("fee_base_msat", "at most 4294967295msat, as in a channel_update")
	}
	return nil
}

func (t *Topology) updateChannelCommand() *command.Command {
	return command.New(askreneDoc("askrene-update-channel", "Replace a channel's terms in a layer.",
		"What is not given stays as it is.", "askrene-create-channel", "askrene-remove-channel-update", "getroutes"), t.updateChannel)
}

func (t *Topology) updateChannel(_ context.Context, p *updateChannelParams) (none, error) {
	return none{}, t.change(p.Layer, false, func(l *layer) error {
		u := l.update(direction(p.Direction))
		given(&u.Enabled, p.Enabled)
		given(&u.HTLCMinimumMsat, p.HTLCMinimumMsat)
		given(&u.HTLCMaximumMsat, p.HTLCMaximumMsat)
		given(&u.FeeBaseMsat, p.FeeBaseMsat)
		given(&u.FeePPM, p.FeePPM)
		given(&u.CLTVExpiryDelta, p.CLTVExpiryDelta)
		return nil
	})
}

// given sets what the caller gave.
func given[T any](into **T, value *T) {
	if value != nil {
		*into = value
	}
}

type layerDirectionParams struct {
	Layer     string `param:"layer" doc:"The layer."`
	Direction scidd  `param:"short_channel_id_dir" doc:"The channel's direction."`
}

func (t *Topology) removeChannelUpdateCommand() *command.Command {
	return command.New(askreneDoc("askrene-remove-channel-update", "Take a channel's terms out of a layer.", "",
		"askrene-update-channel", "askrene-listlayers"), t.removeChannelUpdate)
}

func (t *Topology) removeChannelUpdate(_ context.Context, p *layerDirectionParams) (none, error) {
	return none{}, t.change(p.Layer, false, func(l *layer) error {
		l.ChannelUpdates = slices.DeleteFunc(l.ChannelUpdates, func(u layerUpdate) bool { return u.Direction == direction(p.Direction) })
		return nil
	})
}

type informChannelParams struct {
	Layer      string      `param:"layer" doc:"The layer. What is reserved for it alone is counted too."`
	Direction  scidd       `param:"short_channel_id_dir" doc:"The channel's direction."`
	AmountMsat amount.Msat `param:"amount_msat" doc:"The amount that was tried."`
	Inform     string      `param:"inform" enum:"constrained,unconstrained,succeeded" doc:"constrained: it did not pass. unconstrained: it passed this channel, and failed further on. succeeded: it arrived."`
}

type informChannelResult struct {
	Constraints []informedConstraint `json:"constraints" doc:"What is known by that."`
	Impressions []informedImpression `json:"impressions" doc:"What has moved."`
}

type informedConstraint struct {
	Direction   direction    `json:"short_channel_id_dir" doc:"The channel's direction."`
	Layer       string       `json:"layer" doc:"The layer."`
	Timestamp   uint64       `json:"timestamp" doc:"Now, unix seconds."`
	MaximumMsat *amount.Msat `json:"maximum_msat,omitempty" doc:"The most it can carry."`
	MinimumMsat *amount.Msat `json:"minimum_msat,omitempty" doc:"What it can carry at least."`
}

type informedImpression struct {
	Direction  direction   `json:"short_channel_id_dir" doc:"The channel's direction."`
	Layer      string      `json:"layer" doc:"The layer."`
	Timestamp  uint64      `json:"timestamp" doc:"Now, unix seconds."`
	AmountMsat amount.Msat `json:"amount_msat" doc:"The amount."`
}

func (t *Topology) informChannelCommand() *command.Command {
	return command.New(askreneDoc("askrene-inform-channel", "Tell a layer how a channel behaved.",
		"An amount that did not pass is more than the channel can carry beside what is reserved on it; your own reservations should be removed before. "+
			"An amount that arrived is now on the other side of the channel.",
		"askrene-reserve", "askrene-age", "getroutes"), t.informChannel)
}

func (t *Topology) informChannel(_ context.Context, p *informChannelParams) (*informChannelResult, error) {
	r := &informChannelResult{Constraints: []informedConstraint{}, Impressions: []informedImpression{}}
	d, now := direction(p.Direction), t.now()
	err := t.change(p.Layer, true, func(l *layer) error {
		if p.Inform == "succeeded" {
			l.Impressions = append(l.Impressions, layerImpression{d, now, p.AmountMsat})
			r.Impressions = append(r.Impressions, informedImpression{d, p.Layer, now, p.AmountMsat})
			return nil
		}
		c := layerConstraint{Direction: d, Timestamp: now}
		if p.Inform == "constrained" {
			if p.AmountMsat == 0 {
				return command.BadParam("amount_msat", "nothing is less than 0msat")
			}
			most := min(p.AmountMsat+t.reserved(d, p.Layer), amount.MaxMsat) - 1
			c.MaximumMsat = &most
		} else {
			c.MinimumMsat = &p.AmountMsat
		}
		l.constrain(c)
		r.Constraints = append(r.Constraints, informedConstraint{d, p.Layer, now, c.MaximumMsat, c.MinimumMsat})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// constrain adds what was learned. What it makes superfluous goes, so that a layer does not grow with every payment.
func (l *layer) constrain(c layerConstraint) {
	l.Constraints = slices.DeleteFunc(l.Constraints, func(o layerConstraint) bool {
		if o.Direction != c.Direction || slices.ContainsFunc(l.Impressions, func(i layerImpression) bool { return i.Direction.ID == c.Direction.ID && i.Timestamp >= o.Timestamp }) {
			return false
		}
		switch {
		case c.MaximumMsat != nil && o.MaximumMsat != nil:
			return *o.MaximumMsat >= *c.MaximumMsat
		case c.MaximumMsat != nil && o.MinimumMsat != nil:
			return *o.MinimumMsat > *c.MaximumMsat // it has changed since
		case c.MinimumMsat != nil && o.MinimumMsat != nil:
			return *o.MinimumMsat <= *c.MinimumMsat
		case c.MinimumMsat != nil && o.MaximumMsat != nil:
			return *o.MaximumMsat < *c.MinimumMsat
		}
		return false
	})
	l.Constraints = append(l.Constraints, c)
}

type biasChannelParams struct {
	Layer       string `param:"layer" doc:"The layer."`
	Direction   scidd  `param:"short_channel_id_dir" doc:"The channel's direction."`
	Bias        int64  `param:"bias" doc:"Positive is good, 0 is none; -100 to 100, of which -10 to 10 are of use."`
	Description string `param:"description,optional" doc:"Why, for askrene-listlayers."`
	Relative    bool   `param:"relative" default:"false" doc:"Add to the bias that is there."`
}

type biasChannelResult struct {
	Biases []biasResult `json:"biases" doc:"The bias, as it is now."`
}

type biasResult struct {
	Layer       string    `json:"layer" doc:"The layer."`
	Direction   direction `json:"short_channel_id_dir" doc:"The channel's direction."`
	Bias        int64     `json:"bias" doc:"-100 to 100."`
	Description string    `json:"description,omitempty" doc:"Why."`
	Timestamp   uint64    `json:"timestamp" doc:"Now, unix seconds."`
}

func (t *Topology) biasChannelCommand() *command.Command {
	return command.New(askreneDoc("askrene-bias-channel", "Have a layer favour or disfavour a channel.",
		"A bias of 10 halves what the channel costs when routes are compared, one of -10 doubles it.", "askrene-bias-node", "askrene-listlayers", "getroutes"), t.biasChannel)
}

func (t *Topology) biasChannel(_ context.Context, p *biasChannelParams) (*biasChannelResult, error) {
	r := &biasChannelResult{}
	err := t.changeBias(p.Layer, p.Bias, func(l *layer) {
		b := l.setBias(layerBias{direction(p.Direction), p.Bias, p.Description, t.now()}, p.Relative)
		r.Biases = []biasResult{{p.Layer, b.Direction, b.Bias, b.Description, b.Timestamp}}
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// changeBias has set put a bias into a layer.
func (t *Topology) changeBias(name string, bias int64, set func(*layer)) error {
	if bias < -100 || bias > 100 {
		return command.BadParam("bias", "should be -100 to 100")
	}
	return t.change(name, false, func(l *layer) error {
		set(l)
		return nil
	})
}

type biasNodeParams struct {
	Layer       string `param:"layer" doc:"The layer."`
	Node        pubKey `param:"node" doc:"The node. It need not be known."`
	Direction   string `param:"direction" enum:"in,out" doc:"Whether it is about channels that lead to the node, or away from it."`
	Bias        int64  `param:"bias" doc:"Positive is good, 0 is none; -100 to 100, of which -10 to 10 are of use."`
	Description string `param:"description,optional" doc:"Why, for askrene-listlayers."`
	Relative    bool   `param:"relative" default:"false" doc:"Add to the bias that is there."`
}

type biasNodeResult struct {
	NodeBiases []nodeBiasResult `json:"node_biases" doc:"The biases, as they are now."`
}

type nodeBiasResult struct {
	Layer       string `json:"layer" doc:"The layer."`
	Node        node   `json:"node" doc:"The node."`
	InBias      int64  `json:"in_bias" doc:"For channels that lead to it."`
	OutBias     int64  `json:"out_bias" doc:"For channels that lead away from it."`
	Description string `json:"description,omitempty" doc:"Why."`
	Timestamp   uint64 `json:"timestamp" doc:"Now, unix seconds."`
}

func (t *Topology) biasNodeCommand() *command.Command {
	return command.New(askreneDoc("askrene-bias-node", "Have a layer favour or disfavour a node's channels.",
		"It adds to each channel's own bias.", "askrene-bias-channel", "askrene-listlayers", "getroutes"), t.biasNode)
}

func (t *Topology) biasNode(_ context.Context, p *biasNodeParams) (*biasNodeResult, error) {
	r := &biasNodeResult{}
	err := t.changeBias(p.Layer, p.Bias, func(l *layer) {
		b := l.setNodeBias(layerNodeBias{Node: node(p.Node), Description: p.Description, Timestamp: t.now()}, p.Direction == "in", p.Relative, p.Bias)
		r.NodeBiases = []nodeBiasResult{{p.Layer, b.Node, b.InBias, b.OutBias, b.Description, b.Timestamp}}
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}
