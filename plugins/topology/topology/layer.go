package topology

import (
	"cmp"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// layer is what somebody knows, or wants, beyond the public network. It is shown and stored as it is.
type layer struct {
	Name            string            `json:"layer" doc:"The layer's name."`
	Persistent      bool              `json:"persistent" doc:"Whether it is there again after a restart."`
	DisabledNodes   []node            `json:"disabled_nodes" doc:"Nodes that are not used."`
	CreatedChannels []layerChannel    `json:"created_channels" doc:"Channels that it adds."`
	ChannelUpdates  []layerUpdate     `json:"channel_updates" doc:"Terms that it replaces."`
	Constraints     []layerConstraint `json:"constraints" doc:"What is known of what channels can carry."`
	Impressions     []layerImpression `json:"impressions" doc:"Amounts that went through, and are now on the other side of the channel."`
	Biases          []layerBias       `json:"biases" doc:"Channels that are liked or disliked."`
	NodeBiases      []layerNodeBias   `json:"node_biases" doc:"Nodes that are liked or disliked."`
}

type layerChannel struct {
	Source         node        `json:"source" doc:"One end."`
	Destination    node        `json:"destination" doc:"The other end."`
	ShortChannelID scid        `json:"short_channel_id" doc:"Its name."`
	CapacityMsat   amount.Msat `json:"capacity_msat" doc:"Its capacity."`
}

// layerUpdate has nil for what it does not change.
type layerUpdate struct {
	Direction       direction    `json:"short_channel_id_dir" doc:"The channel's direction."`
	Enabled         *bool        `json:"enabled,omitempty" doc:"Whether it may be used."`
	HTLCMinimumMsat *amount.Msat `json:"htlc_minimum_msat,omitempty" doc:"The least HTLC."`
	HTLCMaximumMsat *amount.Msat `json:"htlc_maximum_msat,omitempty" doc:"The greatest HTLC."`
	FeeBaseMsat     *amount.Msat `json:"fee_base_msat,omitempty" doc:"The fee for each payment."`
	FeePPM          *uint32      `json:"fee_proportional_millionths,omitempty" doc:"The fee for the amount."`
	CLTVExpiryDelta *block.Delta `json:"cltv_expiry_delta,omitempty" doc:"The blocks between the two HTLCs."`
}

// layerConstraint has one of the two bounds.
type layerConstraint struct {
	Direction   direction    `json:"short_channel_id_dir" doc:"The channel's direction."`
	Timestamp   uint64       `json:"timestamp" doc:"Since when that is known, unix seconds."`
	MaximumMsat *amount.Msat `json:"maximum_msat,omitempty" doc:"The most it can carry."`
	MinimumMsat *amount.Msat `json:"minimum_msat,omitempty" doc:"What it can carry at least."`
}

type layerImpression struct {
	Direction  direction   `json:"short_channel_id_dir" doc:"The channel's direction."`
	Timestamp  uint64      `json:"timestamp" doc:"When it was, unix seconds."`
	AmountMsat amount.Msat `json:"amount_msat" doc:"The amount."`
}

type layerBias struct {
	Direction   direction `json:"short_channel_id_dir" doc:"The channel's direction."`
	Bias        int64     `json:"bias" doc:"-100 to 100; positive is good."`
	Description string    `json:"description,omitempty" doc:"Why."`
	Timestamp   uint64    `json:"timestamp" doc:"Since when, unix seconds."`
}

type layerNodeBias struct {
	Node        node   `json:"node" doc:"The node."`
	InBias      int64  `json:"in_bias" doc:"For channels that lead to it, -100 to 100."`
	OutBias     int64  `json:"out_bias" doc:"For channels that lead away from it, -100 to 100."`
	Description string `json:"description,omitempty" doc:"Why."`
	Timestamp   uint64 `json:"timestamp" doc:"Since when, unix seconds."`
}

func newLayer(name string, persistent bool) *layer {
	l := &layer{Name: name, Persistent: persistent}
	l.complete()
	return l
}

// complete makes empty lists of those that are missing: a result has them all.
func (l *layer) complete() {
	l.DisabledNodes, l.CreatedChannels = some(l.DisabledNodes), some(l.CreatedChannels)
	l.ChannelUpdates, l.Constraints = some(l.ChannelUpdates), some(l.Constraints)
	l.Impressions, l.Biases, l.NodeBiases = some(l.Impressions), some(l.Biases), some(l.NodeBiases)
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// snapshot is the layer as it is now, for use while others change it.
func (l *layer) snapshot() layer {
	c := *l
	c.DisabledNodes, c.CreatedChannels = slices.Clone(l.DisabledNodes), slices.Clone(l.CreatedChannels)
	c.ChannelUpdates, c.Constraints = slices.Clone(l.ChannelUpdates), slices.Clone(l.Constraints)
	c.Impressions, c.Biases, c.NodeBiases = slices.Clone(l.Impressions), slices.Clone(l.Biases), slices.Clone(l.NodeBiases)
	return c
}

// update finds the entry for a direction, or makes it.
func (l *layer) update(d direction) *layerUpdate {
	i := slices.IndexFunc(l.ChannelUpdates, func(u layerUpdate) bool { return u.Direction == d })
	if i < 0 {
		i = len(l.ChannelUpdates)
		l.ChannelUpdates = append(l.ChannelUpdates, layerUpdate{Direction: d})
	}
	return &l.ChannelUpdates[i]
}

// setBias replaces a channel's bias, or changes it; 0 is no entry.
func (l *layer) setBias(b layerBias, relative bool) layerBias {
	i := slices.IndexFunc(l.Biases, func(o layerBias) bool { return o.Direction == b.Direction })
	if relative && i >= 0 {
		b.Bias += l.Biases[i].Bias
		b.Description = cmp.Or(b.Description, l.Biases[i].Description)
	}
	b.Bias = limitBias(b.Bias)
	l.Biases = replace(l.Biases, i, b, b.Bias != 0)
	return b
}

// setNodeBias is the same for a node, in one direction.
func (l *layer) setNodeBias(b layerNodeBias, in, relative bool, bias int64) layerNodeBias {
	i := slices.IndexFunc(l.NodeBiases, func(o layerNodeBias) bool { return o.Node == b.Node })
	if i >= 0 {
		b.InBias, b.OutBias = l.NodeBiases[i].InBias, l.NodeBiases[i].OutBias
		b.Description = cmp.Or(b.Description, l.NodeBiases[i].Description)
	}
	which := &b.OutBias
	if in {
		which = &b.InBias
	}
	if relative {
		bias += *which
	}
	*which = limitBias(bias)
	l.NodeBiases = replace(l.NodeBiases, i, b, b.InBias != 0 || b.OutBias != 0)
	return b
}

func limitBias(b int64) int64 { return min(max(b, -100), 100) }

// replace puts an entry at i, or at the end where i is negative; one that says nothing is taken out.
func replace[T any](list []T, i int, entry T, says bool) []T {
	switch {
	case !says && i >= 0:
		return slices.Delete(list, i, i+1)
	case says && i >= 0:
		list[i] = entry
	case says:
		return append(list, entry)
	}
	return list
}

// age forgets constraints, impressions and biases from before cutoff, and says how many.
func (l *layer) age(cutoff uint64) (removed int) {
	before := func() int {
		return len(l.Constraints) + len(l.Impressions) + len(l.Biases) + len(l.NodeBiases)
	}
	n := before()
	l.Constraints = slices.DeleteFunc(l.Constraints, func(c layerConstraint) bool { return c.Timestamp < cutoff })
	l.Impressions = slices.DeleteFunc(l.Impressions, func(i layerImpression) bool { return i.Timestamp < cutoff })
	l.Biases = slices.DeleteFunc(l.Biases, func(b layerBias) bool { return b.Timestamp < cutoff })
	l.NodeBiases = slices.DeleteFunc(l.NodeBiases, func(b layerNodeBias) bool { return b.Timestamp < cutoff })
	return n - before()
}
