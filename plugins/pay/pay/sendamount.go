package pay

import (
	"context"
	"errors"
	"strings"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/multipart"
	"fulmen/internal/rpc"
)

type sendAmountParams struct {
	InvString  string       `param:"invstring" doc:"The invoice; it must not say how much to pay."`
	AmountMsat amount.Msat  `param:"amount_msat" doc:"The most to spend, fees included."`
	MaxFee     *amount.Msat `param:"maxfee" doc:"The most of it to pay in fees; if omitted, half of an amount below 10 sat, 5 sat up to 500 sat, 1% above."`
	Layers     []string     `param:"layers,optional" doc:"Layers of askrene that count besides those of the payment."`
	RetryFor   uint32       `param:"retry_for" default:"60" doc:"Seconds for which other routes are tried after a failure."`
	MaxDelay   uint32       `param:"maxdelay" default:"2016" doc:"The most blocks for which the payment may be delayed."`
	PayerNote  *string      `param:"payer_note" doc:"Refused: it is for offers, which are not supported yet."`
	Label      string       `param:"label,optional" doc:"A label, shown by listpays."`
}

// Validate implements the check after parsing.
func (p *sendAmountParams) Validate() error {
	text := strings.ToLower(strings.TrimSpace(p.InvString))
	switch {
	case p.PayerNote != nil:
		return command.BadParam("payer_note", "is not supported yet: there are no offers")
	case strings.HasPrefix(text, "lno1"):
		return command.BadParam("invstring", "is an offer: offers are not supported yet, BOLT 11 invoices that leave the amount open are")
	case strings.Contains(text, "@"):
		return command.BadParam("invstring", "is a name (BIP 353): those are not supported yet, BOLT 11 invoices that leave the amount open are")
	case p.AmountMsat == 0:
		return command.BadParam("amount_msat", "should be positive")
	}
	return nil
}

func (p *Payer) sendAmountCommand() *command.Command {
	return command.New(command.Doc{
		Name: "sendamount", Category: command.Payment,
		Short: "Spend an amount, fees included, on an invoice that leaves it open.",
		Long: "The payee gets what is left of the amount after fees: as much as the routes that are found first allow. If those fail, others are " +
			"taken that cost no more, or the payee gets less. So what is spent is at most amount_msat; as good as all of it, if the first routes do.",
		Errors: []command.Failure{
			{Code: rpc.CodePayDestinationFail, When: "The payee refused it."},
			{Code: rpc.CodePayRouteNotFound, When: "There is no way to the payee that can carry it for maxfee."},
			{Code: rpc.CodePayInvoiceExpired, When: "The invoice expired."},
			{Code: rpc.CodePayUnspecified, When: "It failed for another reason."},
			{Code: rpc.CodePayAlreadyPaid, When: "It was paid before."},
		},
		SeeAlso: []string{"xpay", "pay", "getroutes"},
	}, p.sendAmount)
}

// feeOfSpent is the most to pay in fees out of spend, unless the caller says otherwise.
func feeOfSpent(spend amount.Msat) amount.Msat {
	switch {
	case spend < 10_000:
		return spend / 2
	case spend <= 500_000:
		return 5000
	}
	return spend / 100
}

// mostResizes is how often a payment that failed is tried with less for the payee, as fees turned out higher.
const mostResizes = 5

func (p *Payer) sendAmount(ctx context.Context, params *sendAmountParams) (*xpayResult, error) {
	spend, maxFee := params.AmountMsat, feeOfSpent(params.AmountMsat)
	if params.MaxFee != nil {
		maxFee = *params.MaxFee
	}
	if maxFee >= spend {
		return nil, command.BadParam("maxfee", "is %s, and leaves nothing of %s for the payee", maxFee, spend)
	}
	until := p.Now().Add(time.Duration(params.RetryFor) * time.Second)
	var before amount.Msat // what the payee was to get the last time
	var failed error
	for range mostResizes {
		o, err := p.invoiceOrder("invstring", params.InvString, &spend, nil)
		if err != nil {
			return nil, err
		}
		o.label, o.layers = params.Label, params.Layers
		o.limit(limits{maxFee: &maxFee, retryFor: uint32(max(0, until.Sub(p.Now())/time.Second)), maxDelay: &params.MaxDelay})
		deliver, err := p.deliverable(ctx, o, spend)
		if err == nil && deliver == before {
			err = failed // nothing new was learned
		}
		if err != nil {
			return nil, xpayError(err)
		}
		o.total, o.ours, o.maxFee = deliver, deliver, spend-deliver
		r, err := p.pay(ctx, o)
		switch {
		case err == nil && r.before:
			return nil, rpc.Errorf(rpc.CodePayAlreadyPaid, "the invoice is paid already")
		case err == nil:
			return r.showXpay(), nil
		}
		var e *rpc.Error
		other := errors.As(err, &e) && (e.Code == rpc.CodePayRouteNotFound || e.Code == rpc.CodePayRouteTooExpensive)
		if before, failed = deliver, err; !other || !p.Now().Before(until) {
			break
		}
	}
	return nil, xpayError(failed)
}

// mostProbes is how often routes are asked for to find out what the payee can get. Each brings what is left over down
// to about the share that fees have of the amount.
const mostProbes = 4

// deliverable is the most that an order's payee can get if that and the fees are to come to spend. The routes for it are
// asked for again when it is paid.
func (p *Payer) deliverable(ctx context.Context, o *order, spend amount.Msat) (amount.Msat, error) {
	if expired := o.expired(p.Now()); expired != nil {
		return 0, expired
	}
	self, err := p.self(ctx)
	if err != nil {
		return 0, passOn(err)
	}
	if o.payee == self {
		return spend, nil
	}
	if err := p.layers.prepare(ctx, p); err != nil {
		return 0, passOn(err)
	}
	r := &run{p: p, order: o, layer: p.newPrivate(o.hash)}
	defer r.layer.remove(ctx)
	r.layer.hints(ctx, o.hints, o.payee, self)
	ask := r.routeQuestion(self)
	var best amount.Msat
	for next := spend - o.maxFee; ; {
		switch found := ask(ctx, multipart.AskRoutes{Amount: next, MaxFee: spend - next, MaxParts: o.maxParts}, r.layers()).(type) {
		case multipart.Found:
			fee := amount.Msat(0)
			for _, route := range found.Routes {
				fee += route.Fee()
			}
			best = next
			left := spend - next - min(fee, spend-next)
			// If the fee grows as the amount does, this much more for the payee leaves nothing over.
			more, _ := mulDiv(left, uint64(next), uint64(next+fee))
			next += more
		case multipart.NotFound:
			if best == 0 {
				return 0, rpc.Errorf(rpc.Code(found.Code), "%s", found.Text)
			}
			return best, nil
		}
		if next == best || r.asked == mostProbes {
			return best, nil
		}
		r.asked++
	}
}
