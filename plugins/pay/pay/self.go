package pay

import (
	"context"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
)

// paySelf pays an invoice of this node: lightningd settles it by itself, as nothing has to be sent.
func (r *run) paySelf(ctx context.Context) (*result, error) {
	o := r.order
	if o.ours != o.total || o.secret == nil {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "a payment to this node itself needs an invoice, and is made whole")
	}
	params := map[string]any{
		"route": []routeStep{}, "payment_hash": command.Hex(o.hash[:]), "payment_secret": command.Hex(o.secret[:]),
		"amount_msat": o.total, "groupid": r.group, "bolt11": o.bolt11,
	}
	for name, text := range map[string]string{"label": o.label, "description": o.description} {
		if text != "" {
			params[name] = text
		}
	}
	var paid part
	if err := r.p.Node.Call(ctx, "sendpay", params, &paid); err != nil {
		return nil, passOn(err)
	}
	return &result{
		preimage: paid.Preimage, delivered: paid.Amount, sent: paid.Sent, parts: 1, created: paid.CreatedAt,
	}, nil
}
