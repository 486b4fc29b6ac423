package pay

import (
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/multipart"
)

// The notifications of the parts of payments, as published.
const (
	TopicPartStart = "pay_part_start"
	TopicPartEnd   = "pay_part_end"
)

type partStart struct {
	PaymentHash command.Hex `json:"payment_hash"`
	Group       uint64      `json:"groupid"`
	Part        uint64      `json:"partid"`
	Total       amount.Msat `json:"total_payment_msat"`
	Amount      amount.Msat `json:"attempt_msat"`
	Hops        []partHop   `json:"hops"`
}

type partHop struct {
	Node      string      `json:"next_node"`
	Channel   string      `json:"short_channel_id"`
	Direction uint8       `json:"direction"`
	In        amount.Msat `json:"channel_in_msat"`  // what comes to the channel's first node for it
	Out       amount.Msat `json:"channel_out_msat"` // what goes over it
}

type partEnd struct {
	Status        string      `json:"status"`
	Duration      float64     `json:"duration"` // seconds
	PaymentHash   command.Hex `json:"payment_hash"`
	Group         uint64      `json:"groupid"`
	Part          uint64      `json:"partid"`
	FailedMsg     command.Hex `json:"failed_msg,omitempty"`
	FailedNode    string      `json:"failed_node_id,omitempty"`
	FailedChannel string      `json:"failed_short_channel_id,omitempty"`
	FailedSide    *int        `json:"failed_direction,omitempty"`
	Code          int         `json:"error_code,omitempty"`
	Message       string      `json:"error_message,omitempty"`
}

// tellStart tells who follows payments that a part is about to be sent.
func (r *run) tellStart(s multipart.Send) {
	e := partStart{PaymentHash: r.order.hash[:], Group: r.group, Part: s.Part, Total: r.order.total, Amount: s.Route.Amount, Hops: []partHop{}}
	in := s.Route.Hops[0].Amount
	for _, h := range s.Route.Hops {
		e.Hops = append(e.Hops, partHop{h.Node.String(), h.Channel.ID.String(), uint8(h.Channel.Direction), in, h.Amount})
		in = h.Amount
	}
	r.p.Node.Notify(TopicPartStart, map[string]any{TopicPartStart: e})
}

// tellEnd tells how a part ended; f and code are of one that failed.
func (r *run) tellEnd(s multipart.Send, took time.Duration, f *failure, code int) {
	e := partEnd{Status: "success", Duration: took.Seconds(), PaymentHash: r.order.hash[:], Group: r.group, Part: s.Part}
	if f != nil {
		e.Status, e.FailedMsg, e.FailedNode, e.Code, e.Message = "failure", f.RawMessage, f.ErringNode, code, f.Message
		if f.ErringChannel != "" && f.ErringChannel != noChannel {
			e.FailedChannel, e.FailedSide = f.ErringChannel, f.ErringDirection
		}
	}
	r.p.Node.Notify(TopicPartEnd, map[string]any{TopicPartEnd: e})
}

// noChannel stands for the channel after the destination.
const noChannel = "0x0x0"
