package pay

import (
	"context"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/multipart"
	"fulmen/internal/rpc"
)

type payParams struct {
	Bolt11        string              `param:"bolt11" doc:"The invoice."`
	AmountMsat    *amount.Msat        `param:"amount_msat" doc:"What to pay; required if the invoice does not say, and refused if it does."`
	Label         string              `param:"label,optional" doc:"A label, shown by listpays."`
	RiskFactor    command.Millionths  `param:"riskfactor" default:"10" doc:"Has no effect: how fee, delay and probability are weighed is getroutes' own."`
	MaxFeePercent *command.Millionths `param:"maxfeepercent" doc:"The most to pay in fees, in percent of the amount; 0.5 if omitted."`
	RetryFor      uint16              `param:"retry_for" default:"60" doc:"Seconds for which other routes are tried after a failure."`
	MaxDelay      *uint16             `param:"maxdelay" doc:"The most blocks for which the payment may be delayed; 2016 if omitted."`
	ExemptFee     *amount.Msat        `param:"exemptfee" doc:"Fees up to this are always allowed; 5000 msat if omitted."`
	LocalInvreqID []byte              `param:"localinvreqid,optional" doc:"Refused: there are no invoice requests yet."`
	Exclude       []excluded          `param:"exclude,optional" doc:"Nodes and directions of channels not to be used."`
	MaxFee        *amount.Msat        `param:"maxfee" doc:"The most to pay in fees, in place of maxfeepercent and exemptfee."`
	Description   *string             `param:"description" doc:"What an invoice is for that carries only the hash of that; it is compared."`
	PartialMsat   *amount.Msat        `param:"partial_msat" doc:"Pay only this much of the invoice: somebody else pays the rest."`
}

// Validate implements the check after parsing.
func (p *payParams) Validate() error {
	if p.MaxFee != nil && (p.MaxFeePercent != nil || p.ExemptFee != nil) {
		return command.BadParam("maxfee", "cannot be given with maxfeepercent or exemptfee")
	}
	return checkAmounts(p.AmountMsat, p.PartialMsat, p.LocalInvreqID)
}

func checkAmounts(amountMsat, partial *amount.Msat, invreq []byte) error {
	switch {
	case amountMsat != nil && *amountMsat == 0:
		return command.BadParam("amount_msat", "should be positive")
	case partial != nil && *partial == 0:
		return command.BadParam("partial_msat", "should be positive")
	case len(invreq) > 0:
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

// payErrors are those of pay and keysend.
var payErrors = []command.Failure{
	{Code: rpc.CodePayInProgress, When: "It is being paid with other parameters."},
	{Code: rpc.CodePayRHashAlreadyUsed, When: "It was paid before with another amount or to another destination."},
	{Code: rpc.CodePayDestinationFail, When: "The payee refused it; data says why."},
	{Code: rpc.CodePayRouteNotFound, When: "There is no way to the payee that can carry it."},
	{Code: rpc.CodePayRouteTooExpensive, When: "Fee or delay are more than allowed."},
	{Code: rpc.CodePayInvoiceExpired, When: "The invoice expired; data has now and expiry."},
	{Code: rpc.CodePayStoppedRetrying, When: "It failed until retry_for was over."},
}

func (p *Payer) payCommand() *command.Command {
	return command.New(command.Doc{
		Name: "pay", Category: command.Payment,
		Short: "Pay an invoice.",
		Long: "It returns when the invoice is paid, or cannot be: in parts if that is what the channels ask for, over other routes if one fails. " +
			"An invoice that was paid before is not paid again: the result is that of the first time. `message` notifications tell what is tried.",
		Errors:  payErrors,
		SeeAlso: []string{"xpay", "keysend", "listpays", "paystatus", "decode", "sendpay"},
	}, p.runPay)
}

func (p *Payer) runPay(ctx context.Context, params *payParams) (*payResult, error) {
	o, err := p.invoiceOrder("bolt11", params.Bolt11, params.AmountMsat, params.PartialMsat)
	if err != nil {
		return nil, err
	}
	if err := o.describe(params.Description); err != nil {
		return nil, err
	}
	o.label, o.exclude = params.Label, params.Exclude
	o.limit(limits{
		maxFee: params.MaxFee, percent: params.MaxFeePercent, exempt: params.ExemptFee,
		retryFor: uint32(params.RetryFor), maxDelay: wider(params.MaxDelay),
	})
	r, err := p.pay(ctx, o)
	if err != nil {
		return nil, err
	}
	return r.show(o), nil
}

// wider is a number of blocks as keysend and xpay have it.
func wider(v *uint16) *uint32 {
	if v == nil {
		return nil
	}
	wide := uint32(*v)
	return &wide
}

// limits are what a caller says about fee, time and delay.
type limits struct {
	maxFee   *amount.Msat
	percent  *command.Millionths
	exempt   *amount.Msat
	retryFor uint32 // seconds
	maxDelay *uint32
}

// What is allowed unless the caller says otherwise.
const (
	defaultMaxFeePercent = command.Millionths(500_000)
	defaultExemptFee     = amount.Msat(5000)
	mostDelay            = 2016 // blocks; getroutes' own limit
)

func (o *order) limit(l limits) {
	percent, exempt := defaultMaxFeePercent, defaultExemptFee
	if l.percent != nil {
		percent = *l.percent
	}
	if l.exempt != nil {
		exempt = *l.exempt
	}
	o.maxFee = feeLimit(o.ours, l.maxFee, percent, exempt)
	o.retryFor = time.Duration(l.retryFor) * time.Second
	o.maxDelay = mostDelay
	if l.maxDelay != nil {
		o.maxDelay = block.Delta(min(*l.maxDelay, mostDelay))
	}
}

func (r *result) show(o *order) *payResult {
	shown := &payResult{
		PaymentPreimage: r.preimage, AmountMsat: r.delivered, AmountSentMsat: r.sent, Parts: r.parts,
		Destination: o.payee.String(), PaymentHash: o.hash[:], Status: complete, CreatedAt: r.created,
	}
	if r.pending {
		shown.Warning = "Some parts of the payment are not complete yet, but the payee has confirmed it"
	}
	return shown
}

type xpayParams struct {
	InvString     string       `param:"invstring" doc:"The invoice."`
	AmountMsat    *amount.Msat `param:"amount_msat" doc:"What to pay; required if the invoice does not say, and refused if it does."`
	MaxFee        *amount.Msat `param:"maxfee" doc:"The most to pay in fees; 1% of the amount if omitted, at least 5000 msat."`
	Layers        []string     `param:"layers,optional" doc:"Layers of askrene that count besides those of the payment."`
	RetryFor      uint32       `param:"retry_for" default:"60" doc:"Seconds for which other routes are tried after a failure."`
	PartialMsat   *amount.Msat `param:"partial_msat" doc:"Pay only this much of the invoice: somebody else pays the rest."`
	MaxDelay      uint32       `param:"maxdelay" default:"2016" doc:"The most blocks for which the payment may be delayed."`
	PayerNote     *string      `param:"payer_note" doc:"Refused: it is for offers, which are not supported yet."`
	Label         string       `param:"label,optional" doc:"A label, shown by listpays."`
	LocalInvreqID []byte       `param:"localinvreqid,optional" doc:"Refused: there are no invoice requests yet."`
}

// Validate implements the check after parsing.
func (p *xpayParams) Validate() error {
	if p.PayerNote != nil {
		return command.BadParam("payer_note", "is not supported yet: there are no offers")
	}
	return checkAmounts(p.AmountMsat, p.PartialMsat, p.LocalInvreqID)
}

type xpayResult struct {
	PaymentPreimage command.Hex `json:"payment_preimage" doc:"The proof of payment."`
	FailedParts     int         `json:"failed_parts" doc:"How many parts failed."`
	SuccessfulParts int         `json:"successful_parts" doc:"How many parts paid."`
	AmountMsat      amount.Msat `json:"amount_msat" doc:"What the payee received."`
	AmountSentMsat  amount.Msat `json:"amount_sent_msat" doc:"What was sent, with fees."`
}

func (p *Payer) xpayCommand() *command.Command {
	return command.New(command.Doc{
		Name: "xpay", Category: command.Payment,
		Short: "Pay an invoice, with layers of your own.",
		Long:  "As pay, but it takes layers of askrene, and refuses an invoice that is paid already.",
		Errors: []command.Failure{
			{Code: rpc.CodePayDestinationFail, When: "The payee refused it."},
			{Code: rpc.CodePayRouteNotFound, When: "There is no way to the payee that can carry it."},
			{Code: rpc.CodePayInvoiceExpired, When: "The invoice expired."},
			{Code: rpc.CodePayUnspecified, When: "It failed for another reason."},
			{Code: rpc.CodePayAlreadyPaid, When: "It was paid before."},
		},
		SeeAlso: []string{"pay", "xkeysend", "sendamount", "getroutes", "askrene-create-layer"},
	}, p.runXpay)
}

// xpayDefaultFee is 1%.
const xpayDefaultFee = command.Millionths(1_000_000)

func (p *Payer) runXpay(ctx context.Context, params *xpayParams) (*xpayResult, error) {
	o, err := p.invoiceOrder("invstring", params.InvString, params.AmountMsat, params.PartialMsat)
	if err != nil {
		return nil, err
	}
	percent := xpayDefaultFee
	o.label, o.layers = params.Label, params.Layers
	o.limit(limits{maxFee: params.MaxFee, percent: &percent, retryFor: params.RetryFor, maxDelay: &params.MaxDelay})
	r, err := p.pay(ctx, o)
	switch {
	case err != nil:
		return nil, xpayError(err)
	case r.before:
		return nil, rpc.Errorf(rpc.CodePayAlreadyPaid, "the invoice is paid already")
	}
	return r.showXpay(), nil
}

func (r *result) showXpay() *xpayResult {
	return &xpayResult{
		PaymentPreimage: r.preimage, FailedParts: r.failed, SuccessfulParts: r.parts - r.failed,
		AmountMsat: r.delivered, AmountSentMsat: r.sent,
	}
}

// failedWith is the error of a payment that the machine gave up.
func (r *run) failedWith(f multipart.Fail) error {
	code := rpc.Code(f.Code)
	switch code {
	case rpc.CodePayInsufficientFunds, rpc.CodePayUnreachableCapacity:
		code = rpc.CodePayRouteNotFound // getroutes tells them apart in words
	case rpc.CodePayInvoiceExpired:
		if expired := r.order.expired(r.p.Now()); expired != nil {
			return expired
		}
	}
	e := rpc.Errorf(code, "%s", f.Text)
	if f.Part != 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		return e.WithData(r.tries[f.Part-1].failure)
	}
	return e
}
