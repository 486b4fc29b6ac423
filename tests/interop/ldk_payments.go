package interop

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"

	"fulmen/internal/amount"
)

// Invoice implements Peer.
func (l *ldk) Invoice(want Invoice) string {
	l.t.Helper()
	request := map[string]any{"msat": uint64(want.Amount), "expiry": want.Expiry}
	if want.Hash != nil {
		request["hash"] = hex.EncodeToString(want.Hash[:])
	}
	var reply struct{ Bolt11 string }
	l.must("invoice", request, &reply)
	return reply.Bolt11
}

// Settle implements Peer.
func (l *ldk) Settle(preimages ...[32]byte) {
	l.t.Helper()
	l.must("settle", map[string][]string{"preimages": hexOf(preimages)}, nil)
}

// Cancel implements Peer.
func (l *ldk) Cancel(hashes ...[32]byte) {
	l.t.Helper()
	l.must("cancel", map[string][]string{"hashes": hexOf(hashes)}, nil)
}

func hexOf(list [][32]byte) (texts []string) {
	for _, each := range list {
		texts = append(texts, hex.EncodeToString(each[:]))
	}
	return texts
}

func (l *ldk) invoiceState(hash string) string {
	l.t.Helper()
	var reply struct{ State string }
	l.must("invoicestate", map[string]string{"hash": hash}, &reply)
	return reply.State
}

// Held implements Peer.
func (l *ldk) Held(hash [32]byte) bool {
	l.t.Helper()
	return l.invoiceState(hex.EncodeToString(hash[:])) == "held"
}

// Expired implements Peer.
func (l *ldk) Expired(hash string) bool {
	l.t.Helper()
	return l.invoiceState(hash) == "expired"
}

// Received implements Peer.
func (l *ldk) Received() int {
	l.t.Helper()
	var reply struct{ Received int }
	l.must("received", nil, &reply)
	return reply.Received
}

// ldkOutcome is how a payment ended.
type ldkOutcome struct {
	Preimage string
	Parts    int
	Failure  string
	FailedAt int
	Error    string // LDK's own word for a failed payment
}

// pay waits for the outcome; LDK ends each payment by itself.
func (l *ldk) pay(method string, request map[string]any) (Payment, error) {
	var o ldkOutcome
	if err := l.try(method, request, &o); err != nil {
		return Payment{}, err
	}
	if o.Preimage == "" {
		return o.payment(), errors.New("LDK: payment failed: " + o.Error)
	}
	return o.payment(), nil
}

func (o ldkOutcome) payment() Payment {
	return Payment{Preimage: o.Preimage, Parts: o.Parts, Failure: o.Failure, FailedAt: o.FailedAt}
}

// Pay implements Peer.
func (l *ldk) Pay(bolt11 string, msat amount.Msat) (Payment, error) {
	return l.pay("pay", map[string]any{"bolt11": bolt11, "msat": uint64(msat)})
}

// Keysend implements Keysender.
func (l *ldk) Keysend(to string, msat amount.Msat) (Payment, error) {
	return l.pay("keysend", map[string]any{"id": to, "msat": uint64(msat)})
}

// ldkInvoice is an invoice as LDK decoded it.
type ldkInvoice struct {
	Payee  string
	Hash   string
	Secret string
	Msat   amount.Msat
	Delta  int
}

func (l *ldk) decode(bolt11 string) (inv ldkInvoice) {
	l.t.Helper()
	l.must("decode", map[string]string{"bolt11": bolt11}, &inv)
	return inv
}

// PayWrong implements Peer.
func (l *ldk) PayWrong(bolt11 string, wrong Wrong) Payment {
	l.t.Helper()
	inv := l.decode(bolt11)
	hop := Hop{SCID: l.firstSCID(), To: inv.Payee, Amount: inv.Msat, Delay: inv.Delta + 3}
	switch wrong {
	case WrongSecret:
		inv.Secret = flip(inv.Secret)
	case WrongHash:
		inv.Hash = flip(inv.Hash)
	case TooLittle:
		hop.Amount /= 4
	case TooSoon:
		hop.Delay = inv.Delta - 2
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), ldkPatience)
	defer cancel()
	outcomes, err := l.route(ctx, []ldkInvoice{inv}, []Hop{hop})
	if err != nil {
		l.t.Fatalf("LDK: pay over a route: %v", err)
	}
	if p := outcomes[0]; p.Preimage != "" || p.Failure != "" {
		return p
	}
	l.t.Fatalf("LDK: payment failed: %+v", outcomes[0])
	return Payment{}
}

func (l *ldk) firstSCID() string {
	l.t.Helper()
	var list struct{ Channels []ldkChannel }
	l.must("channels", nil, &list)
	return list.Channels[0].SCID
}

// PayRoute implements Router.
func (l *ldk) PayRoute(bolt11s []string, hops []Hop) []Payment {
	l.t.Helper()
	var invoices []ldkInvoice
	for _, bolt11 := range bolt11s {
		invoices = append(invoices, l.decode(bolt11))
	}
	outcomes, err := l.route(l.t.Context(), invoices, hops)
	if err != nil {
		outcomes = slices.Repeat([]Payment{{Failure: lost}}, len(bolt11s))
	}
	return outcomes
}

// route pays over the same hops, all at once; an error is that there was no answer.
func (l *ldk) route(ctx context.Context, invoices []ldkInvoice, hops []Hop) (outcomes []Payment, err error) {
	var path, routes []any
	for _, h := range hops {
		path = append(path, map[string]any{"scid": h.SCID, "to": h.To, "msat": uint64(h.Amount), "delay": h.Delay})
	}
	for _, inv := range invoices {
		routes = append(routes, map[string]any{"hash": inv.Hash, "secret": inv.Secret, "hops": path})
	}
	var reply struct{ Outcomes []ldkOutcome }
	if err := l.call(ctx, http.MethodPost, "/route", map[string]any{"routes": routes}, &reply); err != nil {
		return nil, err
	}
	for _, o := range reply.Outcomes {
		outcomes = append(outcomes, o.payment())
	}
	return outcomes, nil
}
