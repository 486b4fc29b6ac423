package topology

import (
	"context"
	"errors"
	"strings"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/graph"
	"fulmen/internal/route"
	"fulmen/internal/rpc"
)

// Layers that are always there.
const (
	autoPrefix      = "auto."
	autoLocalChans  = "auto.localchans"
	autoSourceFree  = "auto.sourcefree"
	autoIncludeFees = "auto.include_fees"
	autoNoMPP       = "auto.no_mpp_support"
)

type getRoutesParams struct {
	Source      pubKey      `param:"source" doc:"Where the paths start."`
	Destination pubKey      `param:"destination" doc:"The node to pay."`
	AmountMsat  amount.Msat `param:"amount_msat" doc:"What it is to get, all parts together."`
	Layers      []string    `param:"layers" doc:"The layers to use, in their order."`
	MaxFeeMsat  amount.Msat `param:"maxfee_msat" doc:"The most that all fees together may be."`
	FinalCLTV   uint32      `param:"final_cltv" doc:"The blocks that the destination wants."`
	MaxDelay    uint32      `param:"maxdelay" default:"2016" doc:"The most blocks for which a part may be locked up; at most 2016."`
	MaxParts    uint32      `param:"maxparts" default:"100" doc:"The most paths."`
}

// Validate implements the check after parsing.
func (p *getRoutesParams) Validate() error {
	switch {
	case p.MaxDelay > longestDelay:
		return command.BadParam("maxdelay", "at most %d blocks", longestDelay)
	case p.MaxParts == 0:
		return command.BadParam("maxparts", "at least 1")
	case p.AmountMsat == 0:
		return command.BadParam("amount_msat", "at least 1msat")
	}
	return nil
}

type getRoutesResult struct {
	ProbabilityPPM uint64        `json:"probability_ppm" doc:"The probability that all parts arrive, in millionths."`
	Routes         []routeResult `json:"routes" doc:"One entry a part."`
}

type routeResult struct {
	ProbabilityPPM uint64      `json:"probability_ppm" doc:"The probability that this part arrives, in millionths."`
	AmountMsat     amount.Msat `json:"amount_msat" doc:"What it delivers."`
	FinalCLTV      uint32      `json:"final_cltv" doc:"The blocks that the destination wants."`
	Path           []pathEntry `json:"path" doc:"The hops, from the source on."`
}

// pathEntry has three members twice, once by the names that they had before.
type pathEntry struct {
	Direction     direction   `json:"short_channel_id_dir" doc:"The channel and its direction."`
	NodeIDIn      node        `json:"node_id_in" doc:"The node at its start."`
	NodeIDOut     node        `json:"node_id_out" doc:"The node at its end."`
	AmountInMsat  amount.Msat `json:"amount_in_msat" doc:"What the node at its start has to have, its fee included."`
	AmountOutMsat amount.Msat `json:"amount_out_msat" doc:"What the node at its end gets."`
	CLTVIn        uint32      `json:"cltv_in" doc:"The blocks that are left at its start."`
	CLTVOut       uint32      `json:"cltv_out" doc:"The blocks that are left at its end."`
	NextNodeID    node        `json:"next_node_id" doc:"node_id_out."`
	AmountMsat    amount.Msat `json:"amount_msat" doc:"amount_in_msat."`
	Delay         uint32      `json:"delay" doc:"cltv_in."`
}

func (t *Topology) getRoutesCommand() *command.Command {
	return command.New(command.Doc{
		Name: "getroutes", Category: command.Payment,
		Short: "Find paths that deliver a payment, in one part or several.",
		Long: "Of what was found, the cheapest is given, by fee, by the time for which money is locked up, and by the probability of success. " +
			"That follows from the capacities, and from what the layers know; docs/decisions.md has the formula.\n\n" +
			"These layers are always there. `auto.localchans`: this node's own channels as they are now, those too that are not announced; what " +
			"is reserved on them does not count, because what they can spend is known. `auto.sourcefree`: the source's channels ask for no fee and " +
			"no delay. `auto.include_fees`: fees are taken from amount_msat. `auto.no_mpp_support`: one part (as maxparts=1, which takes its place).",
		Errors: []command.Failure{
			{Code: rpc.CodePayRouteNotFound, When: "There is no path."},
			{Code: rpc.CodePayRouteTooExpensive, When: "Each is dearer than maxfee_msat, or longer than maxdelay."},
			{Code: rpc.CodePayInsufficientFunds, When: "The source's channels cannot carry the amount."},
			{Code: rpc.CodePayUnreachableCapacity, When: "The channels to the destination cannot carry the amount."},
			{Code: rpc.CodeInvalidParams, When: "There is no such layer, or a parameter is wrong."},
		},
		SeeAlso: []string{"askrene-create-layer", "askrene-inform-channel", "askrene-reserve", "getroute"},
	}, t.getRoutes)
}

// routing is getroutes under way.
type routing struct {
	t           *Topology
	query       route.PartsQuery
	layers      []layer
	own         []localChannel
	us          pubKey
	local       bool // auto.localchans
	includeFees bool
	held        []reservation
}

func (t *Topology) getRoutes(ctx context.Context, p *getRoutesParams) (r *getRoutesResult, err error) {
	w := &routing{t: t, query: route.PartsQuery{MaxFee: p.MaxFeeMsat, MaxParts: int(min(p.MaxParts, 10_000)), Query: route.Query{
		Amount: p.AmountMsat, FinalCLTV: p.FinalCLTV, MaxDelay: p.MaxDelay, MaxHops: 20, Weights: route.DefaultWeights,
	}}}
	if err := w.take(ctx, p.Layers); err != nil {
		return nil, err
	}
	t.view(func(g *graph.Graph) {
		v := w.view(g, p.Layers)
		if err = findEnds(v, &w.query.Query, p.Source, p.Destination); err != nil {
			return
		}
		var parts []route.Path
		if parts, err = w.find(v); err == nil {
			r = showParts(v, parts, p.FinalCLTV)
		}
	})
	if err != nil {
		return nil, rpc.Errorf(codeOf(err), "%w", err)
	}
	return r, nil
}

// take gathers what the layers have, before the graph is looked at.
func (w *routing) take(ctx context.Context, names []string) error {
	t := w.t
	for _, name := range names {
		if name == autoLocalChans {
			var err error
			if w.us, err = t.ourID(ctx); err != nil {
				return err
			}
			if w.own, err = t.localChannels(ctx); err != nil {
				return err
			}
			w.local = true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		switch name {
		case autoLocalChans:
		case autoSourceFree:
			w.query.SourceFree = true
		case autoIncludeFees:
			w.includeFees = true
		case autoNoMPP:
			w.query.MaxParts = 1
		default:
			l, err := t.find(name)
			if err != nil {
				return command.BadParam("layers", "there is no layer %q", name)
			}
			w.layers = append(w.layers, l.snapshot())
		}
	}
	for _, r := range t.reservations {
		if r.layer == "" || hasName(names, r.layer) {
			w.held = append(w.held, r)
		}
	}
	return nil
}

func hasName(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// view is the graph with the layers, in the order of their names.
func (w *routing) view(g *graph.Graph, names []string) *route.View {
	v := route.NewView(g)
	layers := w.layers
	var ours map[graph.Half]bool
	for _, name := range names {
		switch {
		case name == autoLocalChans:
			ours = applyLocal(v, w.us, w.own)
		case !strings.HasPrefix(name, autoPrefix):
			layers[0].apply(v)
			layers = layers[1:]
		}
	}
	for _, r := range w.held {
		if h, ok := r.direction.half(v); ok && !ours[h] {
			e := v.Edit(h)
			e.InFlight = min(e.InFlight+r.amount, amount.MaxMsat)
		}
	}
	return v
}

// find looks for the parts. Where fees are taken from the amount, less is delivered until both fit.
func (w *routing) find(v *route.View) ([]route.Path, error) {
	f := w.t.finders.Get().(*route.Finder)
	defer w.t.finders.Put(f)
	whole := w.query.Amount
	for {
		parts, err := f.FindParts(v, &w.query)
		if err != nil || !w.includeFees || w.query.Amount+route.Fee(parts) <= whole {
			return parts, err
		}
		fee := route.Fee(parts)
		if fee >= whole {
			return nil, route.ErrTooDear
		}
		// Less than before each time: a fee that grew as the amount fell counts anew.
		w.query.Amount = min(whole-fee, w.query.Amount-1)
	}
}

func codeOf(err error) rpc.Code {
	switch {
	case errors.Is(err, route.ErrTooDear), errors.Is(err, route.ErrTooLong):
		return rpc.CodePayRouteTooExpensive
	case errors.Is(err, route.ErrSource):
		return rpc.CodePayInsufficientFunds
	case errors.Is(err, route.ErrDest):
		return rpc.CodePayUnreachableCapacity
	}
	return rpc.CodePayRouteNotFound
}

func showParts(v *route.View, parts []route.Path, finalCLTV uint32) *getRoutesResult {
	r := &getRoutesResult{ProbabilityPPM: v.JointProbability(parts)}
	for _, path := range parts {
		entry := routeResult{ProbabilityPPM: v.Probability(path), AmountMsat: path.Amount(), FinalCLTV: finalCLTV}
		for _, h := range path {
			entry.Path = append(entry.Path, pathEntry{
				Direction: direction{ID: v.ShortChannelID(h.Half.Channel()), Direction: h.Half.Direction()},
				NodeIDIn:  node(v.ID(h.From)), NodeIDOut: node(v.ID(h.To)), AmountInMsat: h.AmountIn, AmountOutMsat: h.AmountOut,
				CLTVIn: h.CLTVIn, CLTVOut: h.CLTVOut, NextNodeID: node(v.ID(h.To)), AmountMsat: h.AmountIn, Delay: h.CLTVIn,
			})
		}
		r.Routes = append(r.Routes, entry)
	}
	return r
}
