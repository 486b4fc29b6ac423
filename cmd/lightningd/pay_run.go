package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
)

// cltvMargin is how many blocks more than the payee asks for its HTLC gets: blocks may be found on the way.
const cltvMargin = 3

// payRun pays one invoice. There is at most one for a payment_hash: who comes later waits for it. Its goroutine is
// the only one that touches the fields below done, and closes done once result and err are set.
type payRun struct {
	n       *node
	order   *payOrder
	group   uint64 // of its parts; written in the loop, where others read it
	request *rpc.Request
	done    chan struct{}

	result   *payResult
	err      error
	created  time.Time
	until    time.Time // no new part is sent from then on
	plan     planner
	sent     []*payments.Part // all parts, each as it was when last heard of
	ended    chan flight
	flying   int
	busy     int         // how often our own channel could not take a part
	rest     amount.Msat // what no part carries
	feesPaid amount.Msat // by parts that have not failed
	failures []*failureResult
}

// newPayRun makes a run. Only the loop may call it.
func (n *node) newPayRun(o *payOrder, request *rpc.Request) *payRun {
	now := n.now()
	return &payRun{
		n: n, order: o, request: request, done: make(chan struct{}), created: now, until: now.Add(o.retryFor),
		ended: make(chan flight), rest: o.ours,
		plan: planner{
			split: o.inv.Features.Supports(features.BasicMPP), maxDelay: o.maxDelay, limits: map[pathKey]amount.Msat{},
			dest: destination{payee: o.inv.Payee, hints: o.inv.Routes, exclude: newExclusions(n.id, o.exclude)},
		},
	}
}

// join refuses a caller who wants something else than the run does.
func (r *payRun) join(o *payOrder) error {
	if o.inv.Payee != r.order.inv.Payee || o.total != r.order.total || o.ours != r.order.ours {
		return rpc.Errorf(rpc.CodePayInProgress, "bolt11: it is being paid with another amount, %s of %s", r.order.ours, r.order.total)
	}
	return nil
}

// run pays, and tells those who wait. What is paid stays paid: only then the run is forgotten.
func (r *payRun) run() {
	ctx := r.n.ctx
	r.result, r.err = r.begin(ctx)
	if r.result == nil && r.err == nil {
		r.result, r.err = r.attempt(ctx)
	}
	if e, ok := r.err.(*rpc.Error); ok {
		r.err = e.WithData(r.describe(e.Data))
	}
	r.n.loop.call(func() { delete(r.n.pays, r.order.inv.PaymentHash) })
	close(r.done)
}

// begin looks at what was sent before: it may have paid already, or still be under way.
func (r *payRun) begin(ctx context.Context) (*payResult, error) {
	o := r.order
	for {
		var parts []*payments.Part
		if err := r.n.onLoop(func() (err error) {
			parts, err = r.n.partsOf(o.inv.PaymentHash)
			r.group = nextGroup(parts)
			return err
		}); err != nil {
			return nil, err
		}
		if result, err := o.paidBefore(parts); result != nil || err != nil {
			return result, err
		}
		i := slices.IndexFunc(parts, func(p *payments.Part) bool { return p.Status == payments.Pending })
		if i < 0 {
			break
		}
		r.tell("waiting for a part that was sent before")
		if _, err := r.n.waitPart(ctx, o.inv.PaymentHash, parts[i].ID.Part, &parts[i].Group); err != nil {
			return nil, err
		}
	}
	if now := r.n.now(); now.After(o.inv.ExpiresAt()) {
		return nil, expiredError(o.inv, now)
	}
	return nil, nil
}

func nextGroup(parts []*payments.Part) uint64 {
	var group uint64
	for _, p := range parts {
		group = max(group, p.Group)
	}
	return group + 1
}

// flight is how a part ended; or err, if it was never sent or its end cannot be known.
type flight struct {
	part *payments.Part
	err  error
}

// attempt sends parts until the payee takes them, or until nothing is left to try. While a part is under way
// there is no error to return: it may yet be taken.
func (r *payRun) attempt(ctx context.Context) (*payResult, error) {
	var final error
	var pause <-chan time.Time
	for {
		if r.rest > 0 && final == nil && pause == nil {
			if final = r.sendRest(ctx); r.mayClear(final) {
				final, pause = nil, r.pause()
			}
		}
		if r.flying == 0 && pause == nil {
			return nil, final
		}
		select {
		case f := <-r.ended:
			r.flying--
			if f.err != nil {
				final = f.err
				break
			}
			r.note(f.part)
			if f.part.Status == payments.Complete {
				return r.succeed(f.part), nil
			}
			if err := r.learn(f.part); err != nil {
				final = err
			} else if ours := f.part.Failure; ours.Index == 0 && r.busy < mostPauses {
				pause = r.pause()
			}
		case <-pause:
			pause = nil
		case <-ctx.Done():
			return nil, rpc.ErrShutdown
		}
	}
}

// mostPauses bounds how often a part waits for our own channels, about a quarter of a minute together.
const mostPauses = 20

// pause is over when our channels may have room again: what fills them is mostly other payments on their way.
func (r *payRun) pause() <-chan time.Time {
	r.busy++
	return time.After(min(time.Second, 25*time.Millisecond<<min(r.busy, 6)))
}

// mayClear reports whether an error may go away by itself: a channel of ours that was there could not take
// a part, or lost its peer.
func (r *payRun) mayClear(err error) bool {
	var e *rpc.Error
	return errors.As(err, &e) && e.Code == rpc.CodePayRouteNotFound && r.busy > 0 && r.busy < mostPauses && r.n.now().Before(r.until)
}

// sendRest sends what no part carries. The error is why it cannot.
func (r *payRun) sendRest(ctx context.Context) error {
	o, now := r.order, r.n.now()
	if len(r.sent) > 0 && !now.Before(r.until) {
		return rpc.Errorf(rpc.CodePayStoppedRetrying, "gave up after %s and %d parts: %s", o.retryFor, len(r.sent), r.lastFailure())
	}
	if now.After(o.inv.ExpiresAt()) {
		return expiredError(o.inv, now)
	}
	var channels []outChannel
	if err := r.n.onLoop(func() error {
		r.plan.height = r.n.blockHeight
		channels = r.n.outChannels()
		return nil
	}); err != nil {
		return err
	}
	r.plan.dest.finalCLTV = r.plan.height.Add(o.inv.MinFinalCLTVExpiryDelta).Add(cltvMargin)
	r.plan.maxFee = o.maxFee - min(o.maxFee, r.feesPaid)
	planned, err := r.plan.plan(r.rest, channels)
	if err != nil {
		return err
	}
	for i := range planned {
		if err := r.send(ctx, &planned[i]); err != nil {
			return err
		}
	}
	return nil
}

// outChannels are our channels that can be used now.
func (n *node) outChannels() []outChannel {
	var list []outChannel
	for _, c := range n.channels {
		if c.usable() {
			list = append(list, outChannel{c.row.ID, c.row.PeerID, cmp.Or(c.row.ShortChannelID, c.row.AliasLocal), c.status.Spendable})
		}
	}
	slices.SortFunc(list, func(a, b outChannel) int { return cmp.Compare(a.id, b.id) })
	return list
}

// newPart is a part of the payment, without a route.
func (o *payOrder) newPart(group, number uint64, amt amount.Msat, now time.Time) *payments.Part {
	return &payments.Part{
		ID: payments.ID{PaymentHash: o.inv.PaymentHash, Group: group, Part: number}, Status: payments.Pending,
		Destination: o.inv.Payee, Amount: amt, Total: o.total, CreatedAt: now,
		Label: o.label, Bolt11: o.bolt11, Description: o.description,
	}
}

// send starts a part; ended hears of its outcome.
func (r *payRun) send(ctx context.Context, p *plannedPart) error {
	o := r.order
	part := o.newPart(r.group, uint64(len(r.sent)+1), p.amt, r.n.now())
	part.Route, part.Sent = p.route, p.route[0].Amount
	packet, err := buildOnion(part, &o.inv.PaymentSecret, o.inv.PaymentMetadata)
	if err != nil {
		return rpc.Errorf(rpc.CodePayRouteNotFound, "bolt11: a route hint: %w", err)
	}
	r.sent = append(r.sent, part)
	r.rest -= part.Amount
	r.feesPaid += p.fee()
	r.flying++
	r.tell("sending %s by channel %s", part.Amount, part.Route[0].ShortChannelID)
	go func() {
		ended, err := r.follow(ctx, part, packet)
		select {
		case r.ended <- flight{ended, err}:
		case <-r.done: // another part was enough
		}
	}()
	return nil
}

// follow sends a part and waits for its outcome. A part that its channel did not even get failed at this node.
func (r *payRun) follow(ctx context.Context, part *payments.Part, packet *onion.Packet) (*payments.Part, error) {
	unsent := *part
	sent, err := r.n.send(ctx, part, packet)
	var e *rpc.Error
	switch {
	case errors.As(err, &e) && e.Code == rpc.CodePayTryOtherRoute:
		unsent.Status = payments.Failed
		unsent.Failure = unsent.Local(&onion.Failure{Code: onion.TemporaryChannelFailure}, e.Message)
		return &unsent, nil
	case err != nil:
		return nil, err
	case sent.Status != payments.Pending:
		return sent, nil
	}
	return r.n.waitPart(ctx, sent.PaymentHash, sent.ID.Part, &sent.Group)
}

// note replaces what was known of a part.
func (r *payRun) note(p *payments.Part) {
	for i, have := range r.sent {
		if have.ID == p.ID {
			r.sent[i] = p
		}
	}
}

// learn takes a part's failure into account. The error is why it is of no use to try again.
func (r *payRun) learn(p *payments.Part) error {
	f := p.Failure
	r.rest += p.Amount
	r.feesPaid -= p.Sent - p.Amount
	r.failures = append(r.failures, showFailure(p, f))
	r.tell("a part of %s failed: %s", p.Amount, f.Message)
	code := onion.FailureCode(f.FailCode)
	if f.Code == payments.CodeDestinationFailed {
		if code == onion.MPPTimeout {
			return nil // the route is good: others of the parts did not arrive in time
		}
		return rpc.Errorf(rpc.CodePayDestinationFail, "%s", f.Message).WithData(showFailure(p, f))
	}
	if f.Index == 0 && r.busy < mostPauses {
		return nil // our own channel: the next plan looks at what it can take then
	}
	lasting := f.Code == payments.CodeUnparseable || code != onion.TemporaryChannelFailure
	r.plan.learn(r.keyOf(p), p.Amount, lasting)
	return nil
}

// learn notes that a path did not carry amt: next time it is asked for half of that, or not at all.
func (pl *planner) learn(key pathKey, amt amount.Msat, lasting bool) {
	limit := amt / 2
	if lasting || !pl.split || limit < minPart {
		limit = 0
	}
	pl.limits[key] = limit
}

// keyOf is the path that a part went.
func (r *payRun) keyOf(p *payments.Part) pathKey {
	var key pathKey
	r.n.loop.call(func() {
		if c := r.n.channelBySCID(p.Route[0].ShortChannelID); c != nil {
			key.channel = c.row.ID
		}
	})
	if len(p.Route) > 1 {
		key.hint = p.Route[1].ShortChannelID
	}
	return key
}

func (r *payRun) lastFailure() string {
	if len(r.failures) == 0 {
		return "no part was under way"
	}
	return r.failures[len(r.failures)-1].FailCodeName
}

// succeed is the result once a part is complete: the payee has taken all that are under way.
func (r *payRun) succeed(p *payments.Part) *payResult {
	if p.Group != r.group {
		return showPaid([]*payments.Part{p}) // somebody else's sendpay was faster
	}
	result := showPaid(r.sent)
	result.CreatedAt = r.created.Unix()
	return result
}

// payFailure is the data of an error of pay: that of the failure that ended it, and what was tried.
type payFailure struct {
	*failureResult
	*costData
	*expiryData
	SendpayTries int              `json:"sendpay_tries"`
	Failures     []*failureResult `json:"failures"`
}

func (r *payRun) describe(data any) payFailure {
	f := payFailure{SendpayTries: len(r.sent), Failures: r.failures}
	switch data := data.(type) {
	case *failureResult:
		f.failureResult = data
	case costData:
		f.costData = &data
	case expiryData:
		f.expiryData = &data
	}
	if f.Failures == nil {
		f.Failures = []*failureResult{}
	}
	return f
}

// tell informs the caller who began the payment.
func (r *payRun) tell(format string, args ...any) { r.request.Message(rpc.LevelInfo, format, args...) }
