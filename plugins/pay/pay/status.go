package pay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/rpc"
)

// mostPast is how many payments that are over paystatus remembers.
const mostPast = 100

// finish forgets a run, but for paystatus.
func (p *Payer) finish(r *run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.runs, r.order.hash)
	p.past = append(p.past, r)
	if len(p.past) > mostPast {
		p.past = slices.Delete(p.past, 0, 1)
	}
}

// payFailure is the data of an error of pay: that of the failure that ended it, and what was tried.
type payFailure struct {
	*failure
	*expiryData
	GetrouteTries int        `json:"getroute_tries"`
	SendpayTries  int        `json:"sendpay_tries"`
	Failures      []*failure `json:"failures"`
}

func (r *run) describe(data any) payFailure {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := payFailure{GetrouteTries: r.asked, SendpayTries: len(r.tries), Failures: []*failure{}}
	switch data := data.(type) {
	case *failure:
		f.failure = data
	case expiryData:
		f.expiryData = &data
	}
	for _, t := range r.tries {
		if t.failure != nil {
			f.Failures = append(f.Failures, t.failure)
		}
	}
	return f
}

// xpayError maps pay's codes to those that xpay has.
func xpayError(err error) error {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return err
	}
	code := e.Code
	switch code {
	case rpc.CodePayRHashAlreadyUsed:
		code = rpc.CodePayAlreadyPaid
	case rpc.CodePayRouteTooExpensive:
		code = rpc.CodePayRouteNotFound
	case rpc.CodePayInProgress, rpc.CodePayStoppedRetrying:
		code = rpc.CodePayUnspecified
	}
	return rpc.Errorf(code, "%s", e.Message).WithData(e.Data)
}

type payStatusParams struct {
	Bolt11 string `param:"bolt11,optional" doc:"Only the payment of this invoice."`
}

type payStatusResult struct {
	Pay []payStatus `json:"pay" doc:"Payments, the newest last."`
}

type payStatus struct {
	Bolt11      string          `json:"bolt11,omitempty" doc:"The invoice."`
	Destination string          `json:"destination" doc:"The node that is paid."`
	AmountMsat  amount.Msat     `json:"amount_msat" doc:"What it is to get from us."`
	Label       string          `json:"label,omitempty" doc:"The label given to the payment."`
	Attempts    []attemptStatus `json:"attempts" doc:"The parts that were tried."`
}

type attemptStatus struct {
	Strategy  string           `json:"strategy" doc:"The channel by which it left, and the number of hops."`
	Amount    amount.Msat      `json:"amount_msat" doc:"What the part delivers."`
	StartTime string           `json:"start_time" doc:"When it was sent."`
	Age       int64            `json:"age_in_seconds" doc:"How long ago that was."`
	EndTime   string           `json:"end_time,omitempty" doc:"When it failed."`
	State     string           `json:"state" doc:"pending, completed or failed."`
	Success   *attemptSuccess  `json:"success,omitempty" doc:"If it is complete."`
	Failure   *attemptFailures `json:"failure,omitempty" doc:"If it failed."`
}

type attemptSuccess struct {
	ID       int         `json:"id" doc:"Number of the part."`
	Preimage command.Hex `json:"payment_preimage" doc:"The proof of payment."`
}

type attemptFailures struct {
	Message string   `json:"message" doc:"In words."`
	Code    int      `json:"code" doc:"Of waitsendpay."`
	Data    *failure `json:"data" doc:"Where and why."`
}

func (p *Payer) payStatusCommand() *command.Command {
	return command.New(command.Doc{
		Name: "paystatus", Category: command.Payment,
		Short:   "What pay tried, part by part.",
		Long:    "Of the payments since the node started, the last hundred; listpays has all.",
		SeeAlso: []string{"pay", "listpays"},
	}, p.payStatus)
}

func (p *Payer) payStatus(_ context.Context, params *payStatusParams) (*payStatusResult, error) {
	p.mu.Lock()
	all := slices.Clone(p.past)
	var current []*run
	for _, r := range p.runs {
		current = append(current, r)
	}
	p.mu.Unlock()
	slices.SortFunc(current, func(a, b *run) int { return cmp.Compare(a.created.UnixNano(), b.created.UnixNano()) })
	result := &payStatusResult{Pay: []payStatus{}}
	for _, r := range append(all, current...) {
		if params.Bolt11 == "" || params.Bolt11 == r.order.bolt11 {
			result.Pay = append(result.Pay, r.status())
		}
	}
	return result, nil
}

func (r *run) status() payStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, now := r.order, r.p.Now()
	s := payStatus{Bolt11: o.bolt11, Destination: o.payee.String(), AmountMsat: o.ours, Label: o.label, Attempts: []attemptStatus{}}
	for i, t := range r.tries {
		a := attemptStatus{
			Strategy: strategy(t), Amount: t.route.Amount, StartTime: t.begun.UTC().Format(time.RFC3339),
			Age: int64(now.Sub(t.begun) / time.Second), State: t.state,
		}
		switch t.state {
		case complete:
			a.State, a.Success = "completed", &attemptSuccess{i + 1, t.preimage}
		case failed:
			a.EndTime = t.ended.UTC().Format(time.RFC3339)
			a.Failure = &attemptFailures{t.failure.Message, t.code, t.failure}
		}
		s.Attempts = append(s.Attempts, a)
	}
	return s
}

func strategy(t *try) string {
	hops := "1 hop"
	if n := len(t.route.Hops); n > 1 {
		hops = fmt.Sprintf("%d hops", n)
	}
	return fmt.Sprintf("by channel %s, %s", t.route.Hops[0].Channel.ID, hops)
}
