package pay

import (
	"crypto/sha256"
	"errors"
	"math/bits"
	"strings"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// order is what is to be paid, checked: an invoice, or a payment that nobody asked for.
type order struct {
	hash        [32]byte
	payee       keys.PubKey
	secret      *[32]byte // payment_secret of an invoice; nil for keysend
	metadata    []byte
	keysend     *keysend
	minCLTV     block.Delta
	hints       [][]invoice.HopHint
	expiry      time.Time // zero: never
	bolt11      string
	label       string
	description string

	total    amount.Msat // of the whole payment
	ours     amount.Msat // what we are to deliver of it
	maxFee   amount.Msat
	maxDelay block.Delta
	maxParts int
	retryFor time.Duration
	exclude  []excluded
	layers   []string // besides our own
}

// mostParts is how many parts a payment may have at once: getroutes' own limit.
const mostParts = 100

// invoiceOrder reads an invoice and checks the amounts that go with it.
func (p *Payer) invoiceOrder(param, text string, amountMsat, partial *amount.Msat) (*order, error) {
	text = strings.TrimSpace(text)
	inv, err := invoice.Decode(text)
	if err == nil {
		err = inv.CheckNetwork(p.network)
	}
	if err != nil {
		return nil, command.BadParam(param, "%w", err)
	}
	o := &order{
		hash: inv.PaymentHash, payee: inv.Payee, secret: &inv.PaymentSecret, metadata: inv.PaymentMetadata,
		minCLTV: inv.MinFinalCLTVExpiryDelta, hints: inv.Routes, expiry: inv.ExpiresAt(), bolt11: text, total: inv.Amount, maxParts: 1,
	}
	if inv.Description != nil {
		o.description = *inv.Description
	}
	if inv.Features.Supports(features.BasicMPP) {
		o.maxParts = mostParts
	}
	switch {
	case inv.Amount == 0 && amountMsat == nil:
		return nil, command.BadParam("amount_msat", "parameter required: the invoice does not say how much to pay")
	case inv.Amount != 0 && amountMsat != nil:
		return nil, command.BadParam("amount_msat", "parameter unnecessary: the invoice asks for %s", inv.Amount)
	case amountMsat != nil:
		o.total = *amountMsat
	}
	if o.ours = o.total; partial != nil {
		if *partial > o.total {
			return nil, command.BadParam("partial_msat", "is %s, more than the whole payment of %s", *partial, o.total)
		}
		if *partial < o.total && o.maxParts == 1 {
			return nil, command.BadParam("partial_msat", "the payee takes no payment in parts")
		}
		o.ours = *partial
	}
	return o, nil
}

// describe is for an invoice that has only the hash of what it is for: the caller has to know the rest.
func (o *order) describe(description *string) error {
	inv, err := invoice.Decode(o.bolt11)
	if err != nil || inv.DescriptionHash == nil {
		return err
	}
	if description == nil {
		return command.BadParam("description", "parameter required: the invoice has only the hash of its description")
	}
	if sha256.Sum256([]byte(*description)) != *inv.DescriptionHash {
		return command.BadParam("description", "its SHA256 is not the description hash of the invoice")
	}
	o.description = *description
	return nil
}

// expired is the error of an order whose invoice is too old at now.
func (o *order) expired(now time.Time) *rpc.Error {
	if o.expiry.IsZero() || !now.After(o.expiry) {
		return nil
	}
	return rpc.Errorf(rpc.CodePayInvoiceExpired, "the invoice expired at %s", o.expiry.UTC().Format(time.RFC3339)).
		WithData(expiryData{now.Unix(), o.expiry.Unix()})
}

// expiryData is what the error about an expired invoice says.
type expiryData struct {
	Now    int64 `json:"now"`
	Expiry int64 `json:"expiry"`
}

// feeLimit is the most to pay in fees for delivering amt: maxFee if it is given, otherwise percent of the
// amount (in millionths of a percent), or exempt if that is more.
func feeLimit(amt amount.Msat, maxFee *amount.Msat, percent command.Millionths, exempt amount.Msat) amount.Msat {
	if maxFee != nil {
		return *maxFee
	}
	limit, ok := mulDiv(amt, uint64(percent), 100*1e6)
	if !ok {
		limit = amount.MaxMsat
	}
	return max(limit, exempt)
}

// mulDiv is a*b/c, rounded down; false if that is more than all the money there is.
func mulDiv(a amount.Msat, b, c uint64) (amount.Msat, bool) {
	hi, lo := bits.Mul64(uint64(a), b)
	if hi >= c {
		return 0, false
	}
	q, _ := bits.Div64(hi, lo, c)
	return amount.Msat(q), amount.Msat(q) <= amount.MaxMsat
}

// errExcluded says what an element of exclude should be.
var errExcluded = errors.New("should be a short_channel_id and direction such as 539268x845x1/0, or a public key")

// excluded is a node or one direction of a channel that the caller does not want.
type excluded struct {
	node    *keys.PubKey
	channel command.ShortChannelIDDir
}

// ParamKind implements command.Value.
func (excluded) ParamKind() string { return "short_channel_id_dir or pubkey" }

// ParseParam implements command.Value.
func (e *excluded) ParseParam(t command.Token) error {
	text, _ := t.Text()
	if id, err := keys.ParsePubKey(text); err == nil {
		e.node = &id
		return nil
	}
	if e.channel.ParseParam(t) != nil {
		return errExcluded
	}
	return nil
}

// hintParam is a hint's channel, as a caller of keysend gives it.
type hintParam struct {
	ID          keys.PubKey         `param:"id" doc:"The node that forwards over the channel."`
	SCID        wire.ShortChannelID `param:"scid" doc:"The channel."`
	FeeBase     amount.Msat         `param:"feebase" doc:"Its base fee."`
	FeeProp     uint32              `param:"feeprop" doc:"Its proportional fee, in millionths."`
	ExpiryDelta block.Delta         `param:"expirydelta" doc:"Its cltv_expiry_delta."`
}
