package topology

import (
	"context"
	"errors"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/graph"
	"fulmen/internal/keys"
	"fulmen/internal/route"
	"fulmen/internal/rpc"
)

// longestDelay is the most blocks for which a payment may be locked up (BOLT 4, max_htlc_cltv).
const longestDelay = 2016

type getRouteParams struct {
	ID          pubKey             `param:"id" doc:"The node to pay."`
	AmountMsat  amount.Msat        `param:"amount_msat" doc:"What it is to get. 0 finds some route, whatever the channels' minimum."`
	RiskFactor  command.Millionths `param:"riskfactor" doc:"What it costs to have money locked up, in percent a year; it may have a fraction."`
	CLTV        uint32             `param:"cltv" default:"9" doc:"The blocks that the node wants."`
	FromID      *pubKey            `param:"fromid" doc:"Where to start; this node if omitted."`
	FuzzPercent *uint32            `param:"fuzzpercent" doc:"Ignored."`
	Exclude     []excluded         `param:"exclude,optional" doc:"Channels' directions, and nodes, that are not to be used."`
	MaxHops     uint32             `param:"maxhops" default:"20" doc:"The most channels."`
}

// excluded is a node, or a direction of a channel.
type excluded struct {
	node      *pubKey
	direction scidd
}

// ParamKind implements command.Value.
func (excluded) ParamKind() string { return "short_channel_id_dir or pubkey" }

// ParseParam implements command.Value.
func (e *excluded) ParseParam(t command.Token) error {
	text, _ := t.Text()
	if id, err := keys.ParsePubKey(text); err == nil {
		e.node = &id
		return nil
	}
	if e.direction.ParseParam(t) != nil {
		return errors.New("should be a short_channel_id and direction such as 539268x845x1/0, or a public key")
	}
	return nil
}

type getRouteResult struct {
	Route []routeHop `json:"route" doc:"The hops, from the first channel on, as sendpay takes them."`
}

type routeHop struct {
	ID         node        `json:"id" doc:"The node at the end of this hop."`
	Channel    scid        `json:"channel" doc:"The channel to it."`
	Direction  uint8       `json:"direction" doc:"The channel's direction."`
	AmountMsat amount.Msat `json:"amount_msat" doc:"What the node gets."`
	Delay      uint32      `json:"delay" doc:"The blocks that are left when it does."`
	Style      string      `json:"style" doc:"tlv."`
}

func (t *Topology) getRouteCommand() *command.Command {
	return command.New(command.Doc{
		Name: "getroute", Category: command.Payment,
		Short: "Find the cheapest route for a payment.",
		Long: "The cost of a route is its fee and what it costs to have the money locked up, amount times blocks times riskfactor / 5,259,600. " +
			"This node's own channels are used as they are now, and are free. It is deprecated: getroutes knows more.",
		Errors: []command.Failure{
			{Code: rpc.CodePayRouteNotFound, When: "There is no route."},
			{Code: rpc.CodeInvalidParams, When: "A parameter is wrong."},
		},
		SeeAlso: []string{"getroutes", "sendpay", "pay"},
	}, t.getRoute)
}

func (t *Topology) getRoute(ctx context.Context, p *getRouteParams) (*getRouteResult, error) {
	us, err := t.ourID(ctx)
	if err != nil {
		return nil, err
	}
	source := us
	if p.FromID != nil {
		source = *p.FromID
	}
	own, err := t.localChannels(ctx)
	if err != nil {
		return nil, err
	}
	var r *getRouteResult
	t.view(func(g *graph.Graph) {
		v := route.NewView(g)
		applyLocal(v, us, own)
		for _, e := range p.Exclude {
			if e.node != nil {
				v.DisableNode(*e.node)
			} else if h, ok := direction(e.direction).half(v); ok {
				v.Edit(h).Enabled = false
			}
		}
		q := route.Query{
			Amount: p.AmountMsat, FinalCLTV: p.CLTV, MaxDelay: longestDelay + p.CLTV, MaxHops: int(min(p.MaxHops, 20)),
			SourceFree: true, IgnoreMin: p.AmountMsat == 0, Weights: route.Weights{RiskFactor: uint64(p.RiskFactor)},
		}
		if err = findEnds(v, &q, source, p.ID); err != nil {
			return
		}
		f := t.finders.Get().(*route.Finder)
		defer t.finders.Put(f)
		var path route.Path
		if path, err = f.Find(v, &q); err == nil {
			r = showRoute(v, path)
		}
	})
	if err != nil {
		return nil, rpc.Errorf(rpc.CodePayRouteNotFound, "%w", err)
	}
	return r, nil
}

// findEnds fills in the nodes of a query.
func findEnds(v *route.View, q *route.Query, source, dest keys.PubKey) error {
	var ok bool
	if q.Source, ok = v.Node(source); !ok {
		return errors.New("the source " + source.String() + " is not known: it has no channel")
	}
	if q.Dest, ok = v.Node(dest); !ok {
		return errors.New("the destination " + dest.String() + " is not known: it has no announced channel")
	}
	if source == dest {
		return errors.New("the source is the destination")
	}
	return nil
}

func showRoute(v *route.View, path route.Path) *getRouteResult {
	r := &getRouteResult{}
	for _, h := range path {
		r.Route = append(r.Route, routeHop{
			ID: node(v.ID(h.To)), Channel: scid(v.ShortChannelID(h.Half.Channel())), Direction: h.Half.Direction(),
			AmountMsat: h.AmountOut, Delay: h.CLTVOut, Style: "tlv",
		})
	}
	return r
}
