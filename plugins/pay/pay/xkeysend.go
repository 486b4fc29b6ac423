package pay

import (
	"context"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
)

type xkeysendParams struct {
	Destination keys.PubKey  `param:"destination" doc:"The node to pay."`
	AmountMsat  amount.Msat  `param:"amount_msat" doc:"What it is to get."`
	Label       string       `param:"label,optional" doc:"A label, shown by listpays."`
	MaxFee      *amount.Msat `param:"maxfee" doc:"The most to pay in fees; 1% of the amount if omitted, at least 5000 msat."`
	Layers      []string     `param:"layers,optional" doc:"Layers of askrene that count besides those of the payment."`
	RetryFor    uint32       `param:"retry_for" default:"60" doc:"Seconds for which other routes are tried after a failure."`
	MaxDelay    *uint32      `param:"maxdelay" doc:"The most blocks for which the payment may be delayed; 2016 if omitted."`
	ExtraTLVs   extraTLVs    `param:"extratlvs,optional" doc:"Records for the destination: types, and their values in hex."`
}

// Validate implements the check after parsing.
func (p *xkeysendParams) Validate() error {
	if p.AmountMsat == 0 {
		return command.BadParam("amount_msat", "should be positive")
	}
	return nil
}

func (p *Payer) xkeysendCommand() *command.Command {
	return command.New(command.Doc{
		Name: "xkeysend", Category: command.Payment,
		Short: "Pay a node that did not ask for it, in parts where it has to be.",
		Long: "As keysend, with the result of xpay, and with layers of askrene. It goes in one part where a route can carry it, as not every node " +
			"takes such a payment in parts; otherwise in several, if the node's announcement has the feature basic_mpp.",
		Errors: []command.Failure{
			{Code: rpc.CodePayDestinationFail, When: "The node refused it."},
			{Code: rpc.CodePayRouteNotFound, When: "There is no way to the node that can carry it."},
			{Code: rpc.CodePayUnspecified, When: "It failed for another reason."},
		},
		SeeAlso: []string{"keysend", "xpay", "getroutes", "askrene-create-layer", "listpays"},
	}, p.xkeysend)
}

func (p *Payer) xkeysend(ctx context.Context, k *xkeysendParams) (*xpayResult, error) {
	o := p.keysendOrder(k.Destination, k.AmountMsat, k.Label, k.ExtraTLVs)
	split, err := p.takesParts(ctx, k.Destination)
	if err != nil {
		return nil, xpayError(passOn(err))
	}
	if split {
		o.maxParts = mostParts
	}
	o.layers = k.Layers
	o.limit(limits{maxFee: k.MaxFee, percent: new(xpayDefaultFee), retryFor: k.RetryFor, maxDelay: k.MaxDelay})
	r, err := p.pay(ctx, o)
	if err != nil {
		return nil, xpayError(err)
	}
	return r.showXpay(), nil
}

// takesParts reports whether a node says that it takes payments in parts (BOLT 9, basic_mpp).
func (p *Payer) takesParts(ctx context.Context, id keys.PubKey) (bool, error) {
	var list struct {
		Nodes []struct {
			Features command.Hex `json:"features"`
		} `json:"nodes"`
	}
	if err := p.Node.Call(ctx, "listnodes", map[string]any{"id": id.String()}, &list); err != nil {
		return false, err
	}
	return len(list.Nodes) == 1 && features.Vector(list.Nodes[0].Features).Supports(features.BasicMPP), nil
}
