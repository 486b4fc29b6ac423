package pay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/multipart"
	"fulmen/internal/rpc"
	"fulmen/plugins/plugin"
)

// codeFailed is JSON-RPC's code of an error without one of its own.
const codeFailed = -1

// run pays one order. There is at most one for a payment_hash: who comes later waits for it.
type run struct {
	p     *Payer
	order *order
	group uint64 // of its parts
	done  chan struct{}

	// Set when done is closed.
	result *result
	err    error

	created time.Time
	layer   *private
	events  chan multipart.Event
	asked   int // for routes

	mu    sync.Mutex
	tries []*try // in order of their partid, from 1
}

// result is what a payment came to.
type result struct {
	preimage  command.Hex
	delivered amount.Msat
	sent      amount.Msat
	parts     int  // that were tried
	failed    int  // of these
	before    bool // it was paid already
	pending   bool // not all parts are complete
	created   int64
}

// pay pays an order, or waits for the run that does already.
func (p *Payer) pay(ctx context.Context, o *order) (*result, error) {
	p.mu.Lock()
	r := p.runs[o.hash]
	if r == nil {
		r = &run{
			p: p, order: o, done: make(chan struct{}), created: p.Now(), layer: p.newPrivate(o.hash), events: make(chan multipart.Event),
		}
		p.runs[o.hash] = r
		p.mu.Unlock()
		r.run(ctx)
		return r.result, r.err
	}
	p.mu.Unlock()
	if o.payee != r.order.payee || o.total != r.order.total || o.ours != r.order.ours {
		return nil, rpc.Errorf(rpc.CodePayInProgress, "it is being paid with another amount, %s of %s", r.order.ours, r.order.total)
	}
	select {
	case <-r.done:
		return r.result, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// run pays, and tells those who wait. Its ctx is the plugin's: a caller who goes away ends nothing.
func (r *run) run(ctx context.Context) {
	r.p.Node.Notify(TopicTrying, Trying{r.order.hash[:], true})
	if r.result, r.err = r.begin(ctx); r.result == nil && r.err == nil {
		r.result, r.err = r.attempt(ctx)
	}
	var e *rpc.Error
	if errors.As(r.err, &e) {
		r.err = e.WithData(r.describe(e.Data))
	}
	r.layer.remove(ctx)
	r.p.finish(r)
	r.p.Node.Notify(TopicTrying, Trying{r.order.hash[:], false})
	close(r.done)
}

// begin looks at what was sent before: it may have paid already, or still be under way.
func (r *run) begin(ctx context.Context) (*result, error) {
	hash := command.Hex(r.order.hash[:])
	for {
		var list struct {
			Payments []part `json:"payments"`
		}
		if err := r.p.Node.Call(ctx, "listsendpays", map[string]any{"payment_hash": hash}, &list); err != nil {
			return nil, passOn(err)
		}
		for _, before := range list.Payments {
			r.group = max(r.group, before.Group)
		}
		if result, err := r.order.paidBefore(list.Payments); result != nil || err != nil {
			return result, err
		}
		i := slices.IndexFunc(list.Payments, func(p part) bool { return p.Status == pending })
		if i < 0 {
			break
		}
		r.p.Node.Message(ctx, "info", "waiting for a part that was sent before")
		err := r.p.Node.Call(ctx, "waitsendpay", map[string]any{
			"payment_hash": hash, "partid": list.Payments[i].ID, "groupid": list.Payments[i].Group,
		}, nil)
		var failed *plugin.Error
		if err != nil && !errors.As(err, &failed) {
			return nil, err
		}
	}
	r.group++
	if expired := r.order.expired(r.p.Now()); expired != nil {
		return nil, expired
	}
	return nil, nil
}

// paidBefore is the result of a payment that some parts say is complete; nil if none does. Parts of a
// payment to another node are an error.
func (o *order) paidBefore(parts []part) (*result, error) {
	i := slices.IndexFunc(parts, func(p part) bool { return p.Status == complete })
	if i < 0 {
		return nil, nil
	}
	done := parts[i]
	if done.Destination != "" && done.Destination != o.payee.String() {
		return nil, rpc.Errorf(rpc.CodePayRHashAlreadyUsed, "already paid to %s", done.Destination)
	}
	r := &result{before: true, preimage: done.Preimage, created: done.CreatedAt}
	for _, p := range parts {
		if p.Group != done.Group {
			continue
		}
		r.parts++
		r.created = min(r.created, p.CreatedAt)
		r.pending = r.pending || p.Status == pending
		if p.Status == failed {
			r.failed++
		} else {
			r.delivered, r.sent = r.delivered+p.Amount, r.sent+p.Sent
		}
	}
	if r.delivered != o.ours {
		return nil, rpc.Errorf(rpc.CodePayRHashAlreadyUsed, "already paid %s to %s", r.delivered, o.payee)
	}
	return r, nil
}

// attempt carries out what the machine says until it is done.
func (r *run) attempt(ctx context.Context) (*result, error) {
	self, err := r.p.self(ctx)
	if err != nil {
		return nil, passOn(err)
	}
	if r.order.payee == self {
		return r.paySelf(ctx)
	}
	if err := r.p.layers.prepare(ctx, r.p); err != nil {
		return nil, passOn(err)
	}
	r.layer.exclude(ctx, r.order.exclude)
	r.layer.hints(ctx, r.order.hints, r.order.payee, self)
	ask := r.routeQuestion(self)
	o := r.order
	m := multipart.New(multipart.Order{Amount: o.ours, MaxFee: o.maxFee, MaxParts: o.maxParts, Until: r.created.Add(o.retryFor)})
	var event multipart.Event = multipart.Begin{}
	for {
		for _, a := range m.Step(event, r.p.Now()) {
			switch a := a.(type) {
			case multipart.Done:
				return r.succeeded(), nil
			case multipart.Fail:
				return nil, r.failedWith(a)
			default:
				r.do(ctx, a, ask)
			}
		}
		select {
		case event = <-r.events:
		case <-ctx.Done():
			return nil, rpc.ErrShutdown
		}
	}
}

// do carries out one action. Those that are answered run by themselves.
func (r *run) do(ctx context.Context, a multipart.Action, ask question) {
	answer := func(f func() multipart.Event) {
		go func() {
			e := f()
			select {
			case r.events <- e:
			case <-r.done: // another part was enough
			}
		}()
	}
	switch a := a.(type) {
	case multipart.AskRoutes:
		r.asked++
		layers := r.layers()
		answer(func() multipart.Event {
			if expired := r.order.expired(r.p.Now()); expired != nil {
				return multipart.NotFound{Code: int(expired.Code), Text: expired.Message}
			}
			return ask(ctx, a, layers)
		})
	case multipart.Send:
		r.mu.Lock()
		r.tries = append(r.tries, &try{route: a.Route, begun: r.p.Now(), state: pending, sent: a.Route.Hops[0].Amount})
		r.mu.Unlock()
		answer(func() multipart.Event { return r.send(ctx, a) })
	case multipart.Inform:
		r.p.inform(ctx, a)
	case multipart.Avoid:
		r.layer.avoid(ctx, a.Channel)
	case multipart.AvoidNode:
		r.layer.avoidNode(ctx, a.Node)
	case multipart.UseUpdate:
		r.layer.update(ctx, a)
	case multipart.Sleep:
		timer := time.NewTimer(a.For)
		answer(func() multipart.Event {
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			return multipart.Woken{}
		})
	case multipart.Tell:
		r.p.Node.Message(ctx, "info", "%s", a.Text)
	}
}

func (r *run) note(partID uint64, change func(*try)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.tries[partID-1])
}

// succeeded is the result once a part is complete: the payee has taken all that are under way.
func (r *run) succeeded() *result {
	r.mu.Lock()
	defer r.mu.Unlock()
	res := &result{parts: len(r.tries), created: r.created.Unix()}
	for _, t := range r.tries {
		switch t.state {
		case failed:
			res.failed++
			continue
		case complete:
			res.preimage = t.preimage
		default:
			res.pending = true
		}
		res.delivered, res.sent = res.delivered+t.route.Amount, res.sent+t.sent
	}
	return res
}

// passOn makes an error of lightningd's one of ours.
func passOn(err error) error {
	var e *plugin.Error
	if errors.As(err, &e) {
		return rpc.Errorf(rpc.Code(e.Code), "%s", e.Message).WithData(e.Data)
	}
	return err
}
