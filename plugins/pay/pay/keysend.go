package pay

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
	"fulmen/internal/multipart"
	"fulmen/internal/onion"
)

// keysendCLTV is the delay that a payee wants who was not asked: what is usual (BOLT 11's default is 18).
const keysendCLTV block.Delta = 22

// keysend is a payment whose preimage the payer makes (bLIP 3).
type keysend struct {
	preimage [32]byte
	secret   [32]byte // payment_secret of its parts, where one does not carry all of it
	extra    []onion.Record
}

// keysendOrder is a payment of amt to a node that did not ask for it, in one part.
func (p *Payer) keysendOrder(payee keys.PubKey, amt amount.Msat, label string, extra []onion.Record) *order {
	o := &order{
		payee: payee, minCLTV: keysendCLTV, label: label, description: "keysend", total: amt, ours: amt, maxParts: 1,
		keysend: &keysend{preimage: p.random32(), secret: p.random32(), extra: extra},
	}
	o.hash = sha256.Sum256(o.keysend.preimage[:])
	return o
}

func (p *Payer) random32() (b [32]byte) {
	for i := range 4 {
		binary.BigEndian.PutUint64(b[8*i:], p.Random())
	}
	return b
}

type keysendParams struct {
	Destination   keys.PubKey         `param:"destination" doc:"The node to pay."`
	AmountMsat    amount.Msat         `param:"amount_msat" doc:"What it is to get."`
	Label         string              `param:"label,optional" doc:"A label, shown by listpays."`
	MaxFeePercent *command.Millionths `param:"maxfeepercent" doc:"The most to pay in fees, in percent of the amount; 0.5 if omitted."`
	RetryFor      uint32              `param:"retry_for" default:"60" doc:"Seconds for which other routes are tried after a failure."`
	MaxDelay      *uint32             `param:"maxdelay" doc:"The most blocks for which the payment may be delayed; 2016 if omitted."`
	ExemptFee     *amount.Msat        `param:"exemptfee" doc:"Fees up to this are always allowed; 5000 msat if omitted."`
	RouteHints    [][]hintParam       `param:"routehints,optional" doc:"Channels to the destination that are not announced."`
	ExtraTLVs     extraTLVs           `param:"extratlvs,optional" doc:"Records for the destination: types, and their values in hex."`
	MaxFee        *amount.Msat        `param:"maxfee" doc:"The most to pay in fees, in place of maxfeepercent and exemptfee."`
}

// Validate implements the check after parsing.
func (p *keysendParams) Validate() error {
	switch {
	case p.MaxFee != nil && (p.MaxFeePercent != nil || p.ExemptFee != nil):
		return command.BadParam("maxfee", "cannot be given with maxfeepercent or exemptfee")
	case p.AmountMsat == 0:
		return command.BadParam("amount_msat", "should be positive")
	}
	return nil
}

// extraTLVs are records of the caller's own for the destination.
type extraTLVs []onion.Record

// ParamKind implements command.Value.
func (extraTLVs) ParamKind() string { return "object of hex" }

// ParseParam implements command.Value.
func (e *extraTLVs) ParseParam(t command.Token) error {
	var records map[string]command.Hex
	if err := json.Unmarshal(t.Raw(), &records); err != nil {
		return errors.New("should be an object of hex strings, by their types")
	}
	for name, value := range records {
		typ, err := strconv.ParseUint(name, 10, 64)
		if err != nil || typ == onion.TypeKeysend || typ < 1<<16 {
			return fmt.Errorf("type %.30q should be a number of at least 65536, and not keysend's own", name)
		}
		*e = append(*e, onion.Record{Type: typ, Value: value})
	}
	return nil
}

type keysendResult struct {
	PaymentPreimage command.Hex `json:"payment_preimage" doc:"What this node made; it proves nothing."`
	Destination     string      `json:"destination" doc:"The node that was paid."`
	PaymentHash     command.Hex `json:"payment_hash" doc:"SHA256 of the preimage."`
	CreatedAt       int64       `json:"created_at" doc:"When the payment was begun, unix seconds."`
	Parts           int         `json:"parts" doc:"How many parts were tried."`
	AmountMsat      amount.Msat `json:"amount_msat" doc:"What the node received."`
	AmountSentMsat  amount.Msat `json:"amount_sent_msat" doc:"What was sent, with fees."`
	Status          string      `json:"status" doc:"complete."`
}

func (p *Payer) keysendCommand() *command.Command {
	return command.New(command.Doc{
		Name: "keysend", Category: command.Payment,
		Short: "Pay a node that did not ask for it.",
		Long: "There is no invoice: this node makes the preimage, and the onion carries it. So the preimage proves nothing, and the node must " +
			"be one that takes such payments (feature keysend). It goes in one part; xkeysend splits it where it has to.",
		Errors:  payErrors,
		SeeAlso: []string{"xkeysend", "pay", "xpay", "listpays"},
	}, p.keysend)
}

func (p *Payer) keysend(ctx context.Context, k *keysendParams) (*keysendResult, error) {
	o := p.keysendOrder(k.Destination, k.AmountMsat, k.Label, k.ExtraTLVs)
	for _, chain := range k.RouteHints {
		var hints []invoice.HopHint
		for _, h := range chain {
			hints = append(hints, invoice.HopHint{
				NodeID: h.ID, ShortChannelID: h.SCID, FeeBaseMsat: uint32(min(h.FeeBase, 1<<32-1)),
				FeeProportionalMillionths: h.FeeProp, CLTVExpiryDelta: h.ExpiryDelta,
			})
		}
		o.hints = append(o.hints, hints)
	}
	o.limit(limits{maxFee: k.MaxFee, percent: k.MaxFeePercent, exempt: k.ExemptFee, retryFor: k.RetryFor, maxDelay: k.MaxDelay})
	r, err := p.pay(ctx, o)
	if err != nil {
		return nil, err
	}
	return &keysendResult{
		PaymentPreimage: r.preimage, Destination: o.payee.String(), PaymentHash: o.hash[:], CreatedAt: r.created,
		Parts: r.parts, AmountMsat: r.delivered, AmountSentMsat: r.sent, Status: complete,
	}, nil
}

// sendOnion sends a part whose onion sendpay cannot make.
func (r *run) sendOnion(ctx context.Context, s multipart.Send) (sent part, err error) {
	o := r.order
	i, err := r.p.info(ctx)
	if err != nil {
		return sent, err
	}
	height := block.Height(i.Height)
	type hop struct {
		PubKey  string      `json:"pubkey"`
		Payload command.Hex `json:"payload"`
	}
	var hops []hop
	for i, h := range s.Route.Hops {
		payload := onion.Payload{AmtToForward: h.Amount, OutgoingCLTVValue: height.Add(h.Delay)}
		if i+1 < len(s.Route.Hops) {
			next := s.Route.Hops[i+1]
			payload = onion.Payload{AmtToForward: next.Amount, OutgoingCLTVValue: height.Add(next.Delay), ShortChannelID: &next.Channel.ID}
		} else {
			payload.Keysend, payload.Custom = &o.keysend.preimage, o.keysend.extra
			if s.Route.Amount != o.total { // not every node takes payment_data beside a preimage: one part goes without
				payload.PaymentData = &onion.PaymentData{PaymentSecret: o.keysend.secret, TotalMsat: o.total}
			}
		}
		hops = append(hops, hop{h.Node.String(), onion.WithLength(payload.Encode())})
	}
	var made struct {
		Onion   string   `json:"onion"`
		Secrets []string `json:"shared_secrets"`
	}
	if err := r.p.Node.Call(ctx, "createonion", map[string]any{"hops": hops, "assocdata": command.Hex(o.hash[:])}, &made); err != nil {
		return sent, fmt.Errorf("onion for %s: %w", o.payee, err)
	}
	first := s.Route.Hops[0]
	params := map[string]any{
		"onion": made.Onion, "first_hop": map[string]any{
			"id": first.Node.String(), "short_channel_id_dir": first.Channel.String(), "amount_msat": first.Amount, "delay": first.Delay,
		},
		"payment_hash": command.Hex(o.hash[:]), "shared_secrets": made.Secrets, "partid": s.Part, "groupid": r.group,
		"amount_msat": s.Route.Amount, "total_amount_msat": o.total, "destination": o.payee.String(), "description": o.description,
	}
	if o.label != "" {
		params["label"] = o.label
	}
	err = r.p.Node.Call(ctx, "sendonion", params, &sent)
	sent.ID, sent.Group = s.Part, r.group // the answer has no groupid
	return sent, err
}
