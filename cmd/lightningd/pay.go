package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/invoice"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
)

type payParams struct {
	Bolt11        string              `param:"bolt11" doc:"The invoice."`
	AmountMsat    *amount.Msat        `param:"amount_msat" doc:"What to pay; required if the invoice does not say, and refused if it does."`
	Label         string              `param:"label,optional" doc:"A label, shown by listpays."`
	RiskFactor    command.Millionths  `param:"riskfactor" default:"10" doc:"Has no effect: routes are chosen by price."`
	MaxFeePercent *command.Millionths `param:"maxfeepercent" doc:"The most to pay in fees, in percent of the amount; 0.5 if omitted."`
	RetryFor      uint16              `param:"retry_for" default:"60" doc:"Seconds for which other routes are tried after a failure."`
	MaxDelay      block.Delta         `param:"maxdelay" default:"2016" doc:"The most blocks for which the payment may be delayed."`
	ExemptFee     *amount.Msat        `param:"exemptfee" doc:"Fees up to this are always allowed; 5000 msat if omitted."`
	LocalInvreqID []byte              `param:"localinvreqid,optional" doc:"Refused: there are no invoice requests yet."`
	Exclude       []excluded          `param:"exclude,optional" doc:"Nodes and directions of channels not to be used."`
	MaxFee        *amount.Msat        `param:"maxfee" doc:"The most to pay in fees, in place of maxfeepercent and exemptfee."`
	Description   *string             `param:"description" doc:"What an invoice is for that carries only the hash of that; it is compared."`
	PartialMsat   *amount.Msat        `param:"partial_msat" doc:"Pay only this much of the invoice: somebody else pays the rest."`
}

// Validate implements the check after parsing.
func (p *payParams) Validate() error {
	switch {
	case p.MaxFee != nil && (p.MaxFeePercent != nil || p.ExemptFee != nil):
		return command.BadParam("maxfee", "cannot be given with maxfeepercent or exemptfee")
	case p.AmountMsat != nil && *p.AmountMsat == 0:
		return command.BadParam("amount_msat", "should be positive")
	case p.PartialMsat != nil && *p.PartialMsat == 0:
		return command.BadParam("partial_msat", "should be positive")
	case len(p.LocalInvreqID) > 0:
		return command.BadParam("localinvreqid", "is not supported yet: there are no invoice requests")
	}
	return nil
}

type payResult struct {
	PaymentPreimage command.Hex `json:"payment_preimage" doc:"The proof of payment."`
	AmountMsat      amount.Msat `json:"amount_msat" doc:"What the payee received."`
	AmountSentMsat  amount.Msat `json:"amount_sent_msat" doc:"What was sent, with fees."`
	Warning         string      `json:"warning_partial_completion,omitempty" doc:"Not all parts are complete."`
	Parts           int         `json:"parts" doc:"How many parts were tried."`
	Destination     string      `json:"destination" doc:"The node that was paid."`
	PaymentHash     command.Hex `json:"payment_hash" doc:"SHA256 of the preimage."`
	Status          string      `json:"status" doc:"complete."`
	CreatedAt       int64       `json:"created_at" doc:"When the payment was begun, unix seconds."`
}

func (n *node) payCommand() *command.Command {
	return command.New(command.Doc{
		Name: "pay", Category: command.Payment,
		Short: "Pay an invoice.",
		Long: "It returns when the invoice is paid, or cannot be. An invoice that was paid before is not paid again: the result is that " +
			"of the first time. Ways to the payee are our own channels with it, and route hints of the invoice that begin at a peer of ours.",
		Errors: []command.Failure{
			{Code: rpc.CodePayInProgress, When: "It is being paid with other parameters."},
			{Code: rpc.CodePayRHashAlreadyUsed, When: "It was paid before with another amount or to another destination."},
			{Code: rpc.CodePayDestinationFail, When: "The payee refused it; data says why."},
			{Code: rpc.CodePayRouteNotFound, When: "No way to the payee can carry it."},
			{Code: rpc.CodePayRouteTooExpensive, When: "Fee or delay are more than allowed; data has fee, feepercent and delay."},
			{Code: rpc.CodePayInvoiceExpired, When: "The invoice expired; data has now and expiry."},
			{Code: rpc.CodePayStoppedRetrying, When: "It failed until retry_for was over."},
		},
		SeeAlso: []string{"listpays", "decode", "sendpay"},
	}, n.pay)
}

// payOrder is what a caller of pay asks for, checked.
type payOrder struct {
	inv         *invoice.Invoice
	bolt11      string
	label       string
	description string
	total       amount.Msat // of the whole payment
	ours        amount.Msat // what we are to deliver of it
	maxFee      amount.Msat
	maxDelay    block.Delta
	retryFor    time.Duration
	exclude     []excluded
}

func (n *node) pay(ctx context.Context, p *payParams) (*payResult, error) {
	o, err := p.order()
	if err != nil {
		return nil, err
	}
	if err := o.inv.CheckNetwork(n.network.Invoice); err != nil {
		return nil, command.BadParam("bolt11", "%w", err)
	}
	if o.inv.Payee == n.id {
		return n.paySelf(o)
	}
	var run *payRun
	if err := n.onLoop(func() error {
		if run = n.pays[o.inv.PaymentHash]; run != nil {
			return run.join(o)
		}
		run = n.newPayRun(o, rpc.FromContext(ctx))
		n.pays[o.inv.PaymentHash] = run
		go run.run()
		return nil
	}); err != nil {
		return nil, err
	}
	// A caller who does not wait any longer does not end the payment.
	select {
	case <-run.done:
		return run.result, run.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// order checks the parameters against the invoice.
func (p *payParams) order() (*payOrder, error) {
	inv, err := decodeInvoice("bolt11", p.Bolt11)
	if err != nil {
		return nil, err
	}
	o := &payOrder{
		inv: inv, bolt11: p.Bolt11, label: p.Label, total: inv.Amount, maxDelay: p.MaxDelay,
		retryFor: time.Duration(p.RetryFor) * time.Second, exclude: p.Exclude,
	}
	if o.description, err = p.descriptionOf(inv); err != nil {
		return nil, err
	}
	switch {
	case inv.Amount == 0 && p.AmountMsat == nil:
		return nil, command.BadParam("amount_msat", "parameter required: the invoice does not say how much to pay")
	case inv.Amount != 0 && p.AmountMsat != nil:
		return nil, command.BadParam("amount_msat", "parameter unnecessary: the invoice asks for %s", inv.Amount)
	case p.AmountMsat != nil:
		o.total = *p.AmountMsat
	}
	o.ours = o.total
	if p.PartialMsat != nil {
		if *p.PartialMsat > o.total {
			return nil, command.BadParam("partial_msat", "is %s, more than the whole payment of %s", *p.PartialMsat, o.total)
		}
		if *p.PartialMsat < o.total && !inv.Features.Supports(features.BasicMPP) {
			return nil, command.BadParam("partial_msat", "the payee takes no payment in parts")
		}
		o.ours = *p.PartialMsat
	}
	o.maxFee = p.feeLimit(o.ours)
	return o, nil
}

// descriptionOf is what the invoice is for; where it has the hash alone, the caller has to know the rest.
func (p *payParams) descriptionOf(inv *invoice.Invoice) (string, error) {
	if inv.DescriptionHash == nil {
		if inv.Description == nil {
			return "", nil
		}
		return *inv.Description, nil
	}
	if p.Description == nil {
		return "", command.BadParam("description", "parameter required: the invoice has only the hash of its description")
	}
	if sha256.Sum256([]byte(*p.Description)) != *inv.DescriptionHash {
		return "", command.BadParam("description", "its SHA256 is not the description hash of the invoice")
	}
	return *p.Description, nil
}

// The fee that is allowed unless the caller says otherwise.
const (
	defaultMaxFeePercent = command.Millionths(500_000)
	defaultExemptFee     = amount.Msat(5000)
)

// feeLimit is the most to pay in fees for delivering amt.
func (p *payParams) feeLimit(amt amount.Msat) amount.Msat {
	if p.MaxFee != nil {
		return *p.MaxFee
	}
	percent, exempt := defaultMaxFeePercent, defaultExemptFee
	if p.MaxFeePercent != nil {
		percent = *p.MaxFeePercent
	}
	if p.ExemptFee != nil {
		exempt = *p.ExemptFee
	}
	limit, ok := mulDiv(amt, uint64(percent), 100*1e6)
	if !ok {
		limit = amount.MaxMsat
	}
	return max(limit, exempt)
}

// expiryData is what the error about an expired invoice says.
type expiryData struct {
	Now    int64 `json:"now"`
	Expiry int64 `json:"expiry"`
}

func expiredError(inv *invoice.Invoice, now time.Time) error {
	return rpc.Errorf(rpc.CodePayInvoiceExpired, "the invoice expired at %s", inv.ExpiresAt().UTC().Format(time.RFC3339)).
		WithData(expiryData{now.Unix(), inv.ExpiresAt().Unix()})
}

// paidBefore is the result of a payment that some parts say is complete; nil if none does. Parts of a
// payment with another amount or destination are an error.
func (o *payOrder) paidBefore(parts []*payments.Part) (*payResult, error) {
	for _, p := range parts {
		if p.Status != payments.Complete {
			continue
		}
		if p.Total != o.total || p.Destination != o.inv.Payee {
			return nil, rpc.Errorf(rpc.CodePayRHashAlreadyUsed, "bolt11: already paid %s to %s", p.Total, p.Destination)
		}
		var group []*payments.Part
		for _, other := range parts {
			if other.Group == p.Group {
				group = append(group, other)
			}
		}
		return showPaid(group), nil
	}
	return nil, nil
}

// showPaid is the result of an attempt of which a part is complete: that proves that the payee has taken all.
func showPaid(group []*payments.Part) *payResult {
	received, sent, _ := delivered(group)
	r := &payResult{Parts: len(group), AmountMsat: received, AmountSentMsat: sent, Status: string(payments.Complete)}
	for _, p := range group {
		r.Destination, r.PaymentHash = p.Destination.String(), p.PaymentHash[:]
		r.CreatedAt = min(cmp.Or(r.CreatedAt, p.CreatedAt.Unix()), p.CreatedAt.Unix())
		if p.Preimage != nil {
			r.PaymentPreimage = p.Preimage[:]
		}
		if p.Status == payments.Pending {
			r.Warning = "Some parts of the payment are not complete yet, but the payee has confirmed it"
		}
	}
	return r
}
