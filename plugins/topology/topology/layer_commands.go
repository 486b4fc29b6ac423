package topology

import (
	"context"
	"slices"
	"strings"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

var askreneErrors = []command.Failure{{Code: rpc.CodeInvalidParams, When: "There is no such layer, or a parameter is wrong."}}

func askreneDoc(name, short, long string, see ...string) command.Doc {
	if len(see) == 0 {
		see = []string{"getroutes", "askrene-create-layer", "askrene-listlayers"}
	}
	see = slices.DeleteFunc(see, func(other string) bool { return other == name })
	return command.Doc{Name: name, Category: command.Payment, Short: short, Long: long, Errors: askreneErrors, SeeAlso: see}
}

// none is a result without members.
type none struct{}

// find is a layer by name. t.mu is held.
func (t *Topology) find(name string) (*layer, error) {
	for _, l := range t.layers {
		if l.Name == name {
			return l, nil
		}
	}
	return nil, command.BadParam("layer", "there is no layer %q", name)
}

// change lets do change a layer, and stores it if it is persistent: at once, or with what comes later where only
// something was learned.
func (t *Topology) change(name string, learned bool, do func(*layer) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, err := t.find(name)
	if err != nil {
		return err
	}
	if err := do(l); err != nil || !l.Persistent {
		return err
	}
	t.store.dirty = true
	if learned {
		t.flushSoon()
		return nil
	}
	return t.store.write(t.layers)
}

type createLayerParams struct {
	Layer      string `param:"layer" doc:"Its name."`
	Persistent bool   `param:"persistent" default:"false" doc:"Whether it is to be there again after a restart. Then it may be there already."`
}

// Validate implements the check after parsing.
func (p *createLayerParams) Validate() error {
	if strings.HasPrefix(p.Layer, autoPrefix) {
		return command.BadParam("layer", "names that begin with %s are for layers that are always there", autoPrefix)
	}
	return nil
}

type createLayerResult struct {
	Layers []createdLayer `json:"layers" doc:"The layer, as it is now."`
}

// createdLayer is a layer as the published result of this one command names its parts: unlike in askrene-listlayers, a
// constraint's direction stands apart, and cltv_expiry_delta is delay.
type createdLayer struct {
	Name            string              `json:"layer" doc:"The layer's name."`
	Persistent      bool                `json:"persistent" doc:"Whether it is there again after a restart."`
	DisabledNodes   []node              `json:"disabled_nodes" doc:"Nodes that are not used."`
	CreatedChannels []layerChannel      `json:"created_channels" doc:"Channels that it adds."`
	ChannelUpdates  []createdUpdate     `json:"channel_updates" doc:"Terms that it replaces."`
	Constraints     []createdConstraint `json:"constraints" doc:"What is known of what channels can carry."`
	Impressions     []layerImpression   `json:"impressions" doc:"Amounts that went through."`
	Biases          []layerBias         `json:"biases" doc:"Channels that are liked or disliked."`
	NodeBiases      []layerNodeBias     `json:"node_biases" doc:"Nodes that are liked or disliked."`
}

type createdUpdate struct {
	Direction       direction    `json:"short_channel_id_dir" doc:"The channel's direction."`
	HTLCMinimumMsat *amount.Msat `json:"htlc_minimum_msat,omitempty" doc:"The least HTLC."`
	HTLCMaximumMsat *amount.Msat `json:"htlc_maximum_msat,omitempty" doc:"The greatest HTLC."`
	FeeBaseMsat     *amount.Msat `json:"fee_base_msat,omitempty" doc:"The fee for each payment."`
	FeePPM          *uint32      `json:"fee_proportional_millionths,omitempty" doc:"The fee for the amount."`
	Delay           *uint16      `json:"delay,omitempty" doc:"The blocks between the two HTLCs."`
}

type createdConstraint struct {
	ShortChannelID scid         `json:"short_channel_id" doc:"The channel."`
	Direction      uint8        `json:"direction" doc:"Its direction."`
	MaximumMsat    *amount.Msat `json:"maximum_msat,omitempty" doc:"The most it can carry."`
	MinimumMsat    *amount.Msat `json:"minimum_msat,omitempty" doc:"What it can carry at least."`
}

func showCreated(l *layer) createdLayer {
	r := createdLayer{
		Name: l.Name, Persistent: l.Persistent, DisabledNodes: l.DisabledNodes, CreatedChannels: l.CreatedChannels,
		ChannelUpdates: []createdUpdate{}, Constraints: []createdConstraint{}, Impressions: l.Impressions,
		Biases: l.Biases, NodeBiases: l.NodeBiases,
	}
	for _, u := range l.ChannelUpdates {
		r.ChannelUpdates = append(r.ChannelUpdates, createdUpdate{u.Direction, u.HTLCMinimumMsat, u.HTLCMaximumMsat, u.FeeBaseMsat, u.FeePPM, (*uint16)(u.CLTVExpiryDelta)})
	}
	for _, c := range l.Constraints {
		r.Constraints = append(r.Constraints, createdConstraint{scid(c.Direction.ID), c.Direction.Direction, c.MaximumMsat, c.MinimumMsat})
	}
	return r
}

func (t *Topology) createLayerCommand() *command.Command {
	return command.New(askreneDoc("askrene-create-layer", "Make a layer of knowledge for getroutes.",
		"A layer has what is known or wanted beyond the public network; `getroutes` uses those that it is told to."), t.createLayer)
}

func (t *Topology) createLayer(_ context.Context, p *createLayerParams) (*createLayerResult, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, err := t.find(p.Layer)
	switch {
	case err == nil && !(p.Persistent && l.Persistent):
		return nil, command.BadParam("layer", "there is a layer %q already", p.Layer)
	case err != nil:
		l = newLayer(p.Layer, p.Persistent)
		t.layers = append(t.layers, l)
		if l.Persistent {
			if err := t.store.write(t.layers); err != nil {
				return nil, err
			}
		}
	}
	now := l.snapshot()
	return &createLayerResult{Layers: []createdLayer{showCreated(&now)}}, nil
}

type layerParams struct {
	Layer string `param:"layer" doc:"The layer."`
}

func (t *Topology) removeLayerCommand() *command.Command {
	return command.New(askreneDoc("askrene-remove-layer", "Forget a layer.", ""), t.removeLayer)
}

func (t *Topology) removeLayer(_ context.Context, p *layerParams) (none, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, err := t.find(p.Layer)
	if err != nil {
		return none{}, err
	}
	t.layers = slices.DeleteFunc(t.layers, func(o *layer) bool { return o == l })
	if l.Persistent {
		return none{}, t.store.write(t.layers)
	}
	return none{}, nil
}

type listLayersParams struct {
	Layer *string `param:"layer" doc:"Only this layer."`
}

type listLayersResult struct {
	Layers []layer `json:"layers" doc:"One entry a layer."`
}

func (t *Topology) listLayersCommand() *command.Command {
	return command.New(askreneDoc("askrene-listlayers", "List the layers and what they have.", ""), t.listLayers)
}

func (t *Topology) listLayers(_ context.Context, p *listLayersParams) (*listLayersResult, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &listLayersResult{Layers: []layer{}}
	if p.Layer != nil {
		l, err := t.find(*p.Layer)
		if err != nil {
			return nil, err
		}
		r.Layers = append(r.Layers, l.snapshot())
		return r, nil
	}
	for _, l := range t.layers {
		r.Layers = append(r.Layers, l.snapshot())
	}
	return r, nil
}

type ageParams struct {
	Layer  string `param:"layer" doc:"The layer."`
	Cutoff uint64 `param:"cutoff" doc:"Unix seconds: what is older is forgotten."`
}

type ageResult struct {
	Layer      string `json:"layer" doc:"The layer."`
	NumRemoved int    `json:"num_removed" doc:"How much was forgotten."`
}

func (t *Topology) ageCommand() *command.Command {
	return command.New(askreneDoc("askrene-age", "Forget what a layer has learned before a time.",
		"Constraints, impressions and biases from before cutoff are removed."), t.age)
}

func (t *Topology) age(_ context.Context, p *ageParams) (*ageResult, error) {
	r := &ageResult{Layer: p.Layer}
	err := t.change(p.Layer, true, func(l *layer) error {
		r.NumRemoved = l.age(p.Cutoff)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

type disableNodeParams struct {
	Layer string `param:"layer" doc:"The layer."`
	Node  pubKey `param:"node" doc:"The node. It need not be known."`
}

func (t *Topology) disableNodeCommand() *command.Command {
	return command.New(askreneDoc("askrene-disable-node", "Leave out a node where a layer is used.",
		"All of its channels are disabled, those too that come later."), t.disableNode)
}

func (t *Topology) disableNode(_ context.Context, p *disableNodeParams) (none, error) {
	return none{}, t.change(p.Layer, false, func(l *layer) error {
		if !slices.Contains(l.DisabledNodes, node(p.Node)) {
			l.DisabledNodes = append(l.DisabledNodes, node(p.Node))
		}
		return nil
	})
}

type createChannelParams struct {
	Layer          string              `param:"layer" doc:"The layer."`
	Source         pubKey              `param:"source" doc:"One end."`
	Destination    pubKey              `param:"destination" doc:"The other end."`
	ShortChannelID wire.ShortChannelID `param:"short_channel_id" doc:"Its name. One that the layer has already must be the same."`
	CapacityMsat   amount.Msat         `param:"capacity_msat" doc:"Its capacity."`
}

// Validate implements the check after parsing.
func (p *createChannelParams) Validate() error {
	if p.Source == p.Destination {
		return command.BadParam("destination", "must not be source")
	}
	return nil
}

func (t *Topology) createChannelCommand() *command.Command {
	return command.New(askreneDoc("askrene-create-channel", "Add a channel to a layer.",
		"It can be used in a direction once askrene-update-channel has given its terms.",
		"askrene-update-channel", "askrene-listlayers", "getroutes"), t.createChannel)
}

func (t *Topology) createChannel(_ context.Context, p *createChannelParams) (none, error) {
	return none{}, t.change(p.Layer, false, func(l *layer) error {
		c := layerChannel{node(p.Source), node(p.Destination), scid(p.ShortChannelID), p.CapacityMsat}
		for _, have := range l.CreatedChannels {
			if have.ShortChannelID != c.ShortChannelID {
				continue
			}
			if have != c {
				return command.BadParam("short_channel_id", "the layer has another channel %s", p.ShortChannelID)
			}
			return nil
		}
		l.CreatedChannels = append(l.CreatedChannels, c)
		return nil
	})
}
