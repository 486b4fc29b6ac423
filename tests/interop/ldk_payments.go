package interop

import (
	"encoding/hex"
	"errors"

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
func (l *ldk) Settle(preimage [32]byte) {
	l.t.Helper()
	l.must("settle", map[string]string{"preimage": hex.EncodeToString(preimage[:])}, nil)
}

// Cancel implements Peer.
func (l *ldk) Cancel(hash [32]byte) {
	l.t.Helper()
	l.must("cancel", map[string]string{"hash": hex.EncodeToString(hash[:])}, nil)
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
	p := Payment{Preimage: o.Preimage, Parts: o.Parts, Failure: o.Failure, FailedAt: o.FailedAt}
	if p.Preimage == "" {
		return p, errors.New("LDK: payment failed: " + o.Error)
	}
	return p, nil
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
	p, err := l.route(inv, []Hop{hop})
	if err != nil && p.Failure == "" {
		l.t.Fatalf("%v", err)
	}
	return p
}

func (l *ldk) firstSCID() string {
	l.t.Helper()
	var list struct{ Channels []ldkChannel }
	l.must("channels", nil, &list)
	return list.Channels[0].SCID
}

// PayRoute implements Router.
func (l *ldk) PayRoute(bolt11 string, hops []Hop) Payment {
	l.t.Helper()
	p, err := l.route(l.decode(bolt11), hops)
	if err != nil && p.Failure == "" {
		return Payment{Failure: lost}
	}
	return p
}

func (l *ldk) route(inv ldkInvoice, hops []Hop) (Payment, error) {
	var list []any
	for _, h := range hops {
		list = append(list, map[string]any{"scid": h.SCID, "to": h.To, "msat": uint64(h.Amount), "delay": h.Delay})
	}
	return l.pay("route", map[string]any{"hash": inv.Hash, "secret": inv.Secret, "hops": list})
}
