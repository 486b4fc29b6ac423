package pay

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/multipart"
	"fulmen/internal/onion"
	"fulmen/plugins/plugin"
)

// part is one HTLC of a payment, as listsendpays shows it.
type part struct {
	Group       uint64      `json:"groupid"`
	ID          uint64      `json:"partid"`
	Status      string      `json:"status"`
	Amount      amount.Msat `json:"amount_msat"`
	Sent        amount.Msat `json:"amount_sent_msat"`
	Destination string      `json:"destination"`
	CreatedAt   int64       `json:"created_at"`
	Preimage    command.Hex `json:"payment_preimage"`
}

// The states of a part.
const (
	pending  = "pending"
	complete = "complete"
	failed   = "failed"
)

// routeStep is a hop as sendpay takes it.
type routeStep struct {
	Channel string      `json:"short_channel_id_dir"`
	Node    string      `json:"node_id_out"`
	Amount  amount.Msat `json:"amount_out_msat"`
	Delay   uint32      `json:"cltv_out"`
}

func stepsOf(r multipart.Route) []routeStep {
	steps := make([]routeStep, len(r.Hops))
	for i, h := range r.Hops {
		steps[i] = routeStep{h.Channel.String(), h.Node.String(), h.Amount, uint32(h.Delay)}
	}
	return steps
}

// reserved is a hop as askrene-reserve takes it.
type reserved struct {
	Channel string      `json:"short_channel_id_dir"`
	Amount  amount.Msat `json:"amount_msat"`
}

func reservation(r multipart.Route) map[string]any {
	path := make([]reserved, len(r.Hops))
	for i, h := range r.Hops {
		path[i] = reserved{h.Channel.String(), h.Amount}
	}
	return map[string]any{"path": path}
}

// send sends one part and waits for its outcome.
func (r *run) send(ctx context.Context, s multipart.Send) multipart.Event {
	// What is under way is not there for other parts. Of our own channels topology knows what they can spend.
	if len(s.Route.Hops) > 1 {
		r.p.try(ctx, "askrene-reserve", reservation(s.Route))
		defer r.p.try(ctx, "askrene-unreserve", reservation(s.Route))
	}
	began := r.p.Now()
	r.tellStart(s)
	ended := func(err error, atOnce bool) multipart.Event {
		event, f, code := r.ended(s, err, atOnce)
		r.tellEnd(s, r.p.Now().Sub(began), f, code)
		return event
	}
	var sent part
	var err error
	if r.order.keysend != nil {
		sent, err = r.sendOnion(ctx, s)
	} else {
		err = r.p.Node.Call(ctx, "sendpay", r.sendPay(s), &sent)
	}
	if err != nil {
		return ended(err, true)
	}
	r.note(s.Part, func(a *try) { a.sent = sent.Sent })
	var paid part
	err = r.p.Node.Call(ctx, "waitsendpay", map[string]any{
		"payment_hash": command.Hex(r.order.hash[:]), "partid": sent.ID, "groupid": sent.Group,
	}, &paid)
	if err != nil {
		return ended(err, false)
	}
	r.note(s.Part, func(a *try) { a.state, a.preimage = complete, paid.Preimage })
	r.tellEnd(s, r.p.Now().Sub(began), nil, 0)
	return multipart.Delivered{Part: s.Part}
}

func (r *run) sendPay(s multipart.Send) map[string]any {
	o := r.order
	params := map[string]any{
		"route": stepsOf(s.Route), "payment_hash": command.Hex(o.hash[:]), "amount_msat": o.total, "partid": s.Part, "groupid": r.group,
	}
	if o.secret != nil {
		params["payment_secret"] = command.Hex(o.secret[:])
	}
	if o.metadata != nil {
		params["payment_metadata"] = command.Hex(o.metadata)
	}
	for name, text := range map[string]string{"label": o.label, "bolt11": o.bolt11, "description": o.description} {
		if text != "" {
			params[name] = text
		}
	}
	return params
}

// failure is the data of an error of sendpay and waitsendpay.
type failure struct {
	CreatedIndex    uint64      `json:"created_index,omitempty"`
	ErringIndex     *int        `json:"erring_index,omitempty"`
	ErringNode      string      `json:"erring_node,omitempty"`
	ErringChannel   string      `json:"erring_channel,omitempty"`
	ErringDirection *int        `json:"erring_direction,omitempty"`
	FailCode        uint16      `json:"failcode,omitempty"`
	FailCodeName    string      `json:"failcodename,omitempty"`
	RawMessage      command.Hex `json:"raw_message,omitempty"`
	OnionReply      command.Hex `json:"onionreply,omitempty"`
	Status          string      `json:"status"`
	Message         string      `json:"message"`
}

// The codes of sendpay and waitsendpay that are about the route or the payee.
const (
	codeUnreadable  = 202
	codeDestination = 203
	codeTryOther    = 204
)

// ended reads how a part failed. atOnce: sendpay itself refused it.
func (r *run) ended(s multipart.Send, err error, atOnce bool) (multipart.Event, *failure, int) {
	var e *plugin.Error
	if !errors.As(err, &e) {
		e = &plugin.Error{Code: codeFailed, Message: err.Error()}
	}
	f := failure{Status: failed, Message: e.Message}
	decodeInto(e.Data, &f)
	r.note(s.Part, func(a *try) { a.state, a.failure, a.code, a.ended = failed, &f, e.Code, r.p.Now() })
	out := multipart.Failure{Code: f.FailCode, Text: e.Message}
	if f.FailCodeName != "" {
		out.Text = f.FailCodeName
	}
	if f.ErringIndex != nil {
		out.Index = *f.ErringIndex
	}
	switch {
	case e.Code == codeUnreadable:
		out.Kind = multipart.Unreadable
	case e.Code == codeDestination:
		out.Kind = multipart.ByDestination
	case e.Code == codeTryOther:
		out.Kind = multipart.AlongRoute
		if atOnce {
			out.Index = 0
		}
		if decoded, _ := onion.DecodeFailure(f.RawMessage); decoded != nil {
			out.Update = decoded.ChannelUpdate
		}
	default:
		return multipart.Lost{Part: s.Part, Code: e.Code, Text: e.Message}, &f, e.Code
	}
	return multipart.Failed{Part: s.Part, Failure: out}, &f, e.Code
}

// decodeInto reads the data of an error, as far as it is what v has.
func decodeInto(data, v any) {
	if raw, err := json.Marshal(data); err == nil {
		_ = json.Unmarshal(raw, v) // what is not there stays as it is
	}
}

// try is a part of this run, for paystatus and for the result.
type try struct {
	route    multipart.Route
	begun    time.Time
	ended    time.Time
	state    string
	sent     amount.Msat
	preimage command.Hex
	failure  *failure
	code     int
}
