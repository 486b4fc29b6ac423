package main

import (
	"context"
	"crypto/rand"
	"errors"
	"math"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// routeHop is a step of the route as getroute or getroutes names it.
type routeHop struct {
	SCIDDir    *command.ShortChannelIDDir `param:"short_channel_id_dir" doc:"The channel."`
	NodeIDOut  *keys.PubKey               `param:"node_id_out" doc:"The node at its end."`
	AmountOut  *amount.Msat               `param:"amount_out_msat" doc:"What that node receives."`
	CLTVOut    *uint32                    `param:"cltv_out" doc:"Blocks from now until the HTLC to it expires."`
	ID         *keys.PubKey               `param:"id" doc:"Older name of node_id_out."`
	Channel    *wire.ShortChannelID       `param:"channel" doc:"Older name of short_channel_id_dir."`
	Delay      *uint32                    `param:"delay" doc:"Older name of cltv_out."`
	AmountMsat *amount.Msat               `param:"amount_msat" doc:"Older name of amount_out_msat."`
}

type sendPayParams struct {
	Route           []routeHop   `param:"route" doc:"The way to the destination, from our own channel on; empty to pay an invoice of this node itself."`
	PaymentHash     [32]byte     `param:"payment_hash" doc:"SHA256 of the preimage that pays."`
	Label           string       `param:"label,optional" doc:"A label, shown by listsendpays."`
	AmountMsat      *amount.Msat `param:"amount_msat" doc:"The total of all parts; must be given with a partid."`
	Bolt11          string       `param:"bolt11,optional" doc:"The invoice, shown by listsendpays."`
	PaymentSecret   *[32]byte    `param:"payment_secret" doc:"From the invoice; must be given with a partid."`
	PartID          uint64       `param:"partid" default:"0" doc:"Number of this part of the payment."`
	LocalInvreqID   []byte       `param:"localinvreqid,optional" doc:"Refused: there are no invoice requests yet."`
	GroupID         uint64       `param:"groupid" default:"0" doc:"Groups the parts of one attempt."`
	PaymentMetadata []byte       `param:"payment_metadata,optional" doc:"From the invoice, for the destination."`
	Description     string       `param:"description,optional" doc:"The invoice's description, shown by listsendpays."`
}

// Validate implements the check after parsing.
func (p *sendPayParams) Validate() error { return checkPartNumbers(p.PartID, p.GroupID) }

// checkPartNumbers refuses what no column of the database holds: that a part cannot be stored ends the node.
func checkPartNumbers(partID, groupID uint64) error {
	switch {
	case partID > math.MaxInt64:
		return command.BadParam("partid", "should be at most %d", math.MaxInt64)
	case groupID > math.MaxInt64:
		return command.BadParam("groupid", "should be at most %d", math.MaxInt64)
	}
	return nil
}

type sendPayResult struct {
	*partResult
	Message string `json:"message,omitempty" doc:"What to do next."`
}

// sendingErrors are those of commands that send a part.
var sendingErrors = []command.Failure{
	{Code: rpc.CodePayInProgress, When: "Other parts with this hash are under way that it does not fit."},
	{Code: rpc.CodePayRHashAlreadyUsed, When: "The hash was paid with another amount or to another destination."},
	{Code: rpc.CodePayTryOtherRoute, When: "Our own channel cannot carry it; data says why."},
}

func (n *node) sendPayCommand() *command.Command {
	return command.New(command.Doc{
		Name: "sendpay", Category: command.Payment,
		Short: "Send a part of a payment along a given route.",
		Long: "It returns when the part is stored and on its way; waitsendpay waits for the outcome. " +
			"Sent again with the same payment_hash, partid and groupid, it is not paid again.",
		Errors:  sendingErrors,
		SeeAlso: []string{"waitsendpay", "listsendpays", "pay"},
	}, n.sendPay)
}

func (n *node) sendPay(ctx context.Context, p *sendPayParams) (*sendPayResult, error) {
	part, err := n.partFrom(p)
	if err != nil {
		return nil, err
	}
	if len(part.Route) == 0 {
		paid, err := n.paySelf(part, p.PaymentSecret)
		if err != nil {
			return nil, err
		}
		return showSent(paid), nil
	}
	packet, err := buildOnion(part, p.PaymentSecret, p.PaymentMetadata)
	if err != nil {
		return nil, command.BadParam("route", "%w", err)
	}
	return n.sendPart(ctx, part, packet)
}

// sendPart starts a part, and says how to learn its outcome.
func (n *node) sendPart(ctx context.Context, part *payments.Part, packet *onion.Packet) (*sendPayResult, error) {
	sent, err := n.send(ctx, part, packet)
	if err != nil {
		return nil, err
	}
	return showSent(sent), nil
}

func showSent(p *payments.Part) *sendPayResult {
	r := &sendPayResult{partResult: showPart(p)}
	if p.Status == payments.Pending {
		r.Message = "Monitor status with listpays or waitsendpay"
	}
	return r
}

// send starts a part and returns it, or the part that stands for it, once it is on disk.
func (n *node) send(ctx context.Context, part *payments.Part, packet *onion.Packet) (*payments.Part, error) {
	type answer struct {
		part *payments.Part
		err  error
	}
	done := make(chan answer, 1)
	n.loop.post(func() {
		n.startPart(part, packet, func(p *payments.Part, err error) { done <- answer{p, err} })
	})
	select {
	case a := <-done:
		return a.part, sendError(a.err)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// sendError is the error of payments.Check with its code.
func sendError(err error) error {
	switch {
	case errors.Is(err, payments.ErrAlreadyPaid):
		return rpc.Errorf(rpc.CodePayRHashAlreadyUsed, "payment_hash: %w", err)
	case errors.Is(err, payments.ErrInProgress):
		return rpc.Errorf(rpc.CodePayInProgress, "payment_hash: %w", err)
	}
	return err
}

// errNoInvreq refuses localinvreqid.
var errNoInvreq = rpc.Errorf(rpc.CodePayInvalidInvoice, "localinvreqid: there is no such invoice request")

// partFrom checks the parameters and makes the part, its heights counted from the block after ours.
func (n *node) partFrom(p *sendPayParams) (*payments.Part, error) {
	if len(p.LocalInvreqID) > 0 {
		return nil, errNoInvreq
	}
	if p.PartID != 0 && (p.AmountMsat == nil || p.PaymentSecret == nil) {
		return nil, command.BadParam("partid", "amount_msat and payment_secret must be given with it")
	}
	part := &payments.Part{
		ID: payments.ID{PaymentHash: p.PaymentHash, Group: p.GroupID, Part: p.PartID}, Status: payments.Pending,
		CreatedAt: n.now(), Label: p.Label, Bolt11: p.Bolt11, Description: p.Description,
	}
	height := n.height()
	for i := range p.Route {
		hop, err := p.Route[i].hop(i, height)
		if err != nil {
			return nil, err
		}
		part.Route = append(part.Route, hop)
	}
	if len(p.Route) == 0 {
		if p.AmountMsat == nil {
			return nil, command.BadParam("amount_msat", "is required with an empty route, to this node itself")
		}
		part.Destination, part.Amount, part.Sent, part.Total = n.id, *p.AmountMsat, *p.AmountMsat, *p.AmountMsat
		return part, nil
	}
	last := part.Route[len(part.Route)-1]
	part.Destination, part.Amount, part.Sent, part.Total = last.NodeID, last.Amount, part.Route[0].Amount, last.Amount
	if p.AmountMsat != nil {
		if p.PartID == 0 && *p.AmountMsat != last.Amount {
			return nil, command.BadParam("amount_msat", "is %s, but the route delivers %s; only a payment with a partid may differ", *p.AmountMsat, last.Amount)
		}
		if *p.AmountMsat < last.Amount {
			return nil, command.BadParam("amount_msat", "is %s, less than the %s that the route delivers", *p.AmountMsat, last.Amount)
		}
		part.Total = *p.AmountMsat
	}
	return part, nil
}

// hop reads either form of a route's step; i is its place, for errors.
func (h *routeHop) hop(i int, height block.Height) (payments.Hop, error) {
	id, amt, delay, channel := h.NodeIDOut, h.AmountOut, h.CLTVOut, h.Channel
	if id == nil {
		id = h.ID
	}
	if amt == nil {
		amt = h.AmountMsat
	}
	if delay == nil {
		delay = h.Delay
	}
	if h.SCIDDir != nil {
		channel = &h.SCIDDir.ID
	}
	for _, f := range []struct {
		name    string
		missing bool
	}{{"id", id == nil}, {"amount_msat", amt == nil}, {"delay", delay == nil}, {"channel", channel == nil}} {
		if f.missing {
			return payments.Hop{}, command.BadParam("route", "element %d has no %s", i, f.name)
		}
	}
	const mostDelay = 1 << 20 // about 20 years
	if *delay > mostDelay {
		return payments.Hop{}, command.BadParam("route", "element %d: delay of %d blocks, at most %d", i, *delay, mostDelay)
	}
	return payments.Hop{NodeID: *id, ShortChannelID: *channel, Amount: *amt, CLTVExpiry: height + block.Height(*delay)}, nil
}

// buildOnion makes the packet for a part's route with a fresh session key, and sets the shared secrets.
func buildOnion(p *payments.Part, secret *[32]byte, metadata []byte) (*onion.Packet, error) {
	hops := make([]onion.Hop, len(p.Route))
	for i, h := range p.Route {
		payload := onion.Payload{AmtToForward: h.Amount, OutgoingCLTVValue: h.CLTVExpiry}
		if i+1 < len(p.Route) {
			next := p.Route[i+1]
			payload = onion.Payload{AmtToForward: next.Amount, OutgoingCLTVValue: next.CLTVExpiry, ShortChannelID: &next.ShortChannelID}
		} else {
			payload.PaymentMetadata = metadata
			if secret != nil {
				payload.PaymentData = &onion.PaymentData{PaymentSecret: *secret, TotalMsat: p.Total}
			}
		}
		hops[i] = onion.Hop{NodeID: h.NodeID, Payload: payload.Encode()}
	}
	var session keys.Secret
	rand.Read(session[:])
	packet, secrets, err := onion.Build(session, hops, p.PaymentHash[:])
	if err != nil {
		return nil, err
	}
	for i := range p.Route {
		p.Route[i].SharedSecret = secrets[i]
	}
	return packet, nil
}
