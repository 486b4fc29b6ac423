package interop

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// Invoice implements Peer.
func (l *lnd) Invoice(want Invoice) string {
	l.t.Helper()
	request := map[string]any{"value_msat": uint64(want.Amount), "expiry": want.Expiry, "private": want.Hints}
	path := "/v1/invoices"
	if want.Hash != nil {
		path, request["hash"] = "/v2/invoices/hodl", want.Hash[:]
	}
	var reply struct {
		PaymentRequest string `json:"payment_request"`
	}
	l.must(http.MethodPost, path, request, &reply)
	return reply.PaymentRequest
}

// Settle implements Peer.
func (l *lnd) Settle(preimages ...[32]byte) {
	l.t.Helper()
	for _, preimage := range preimages {
		l.must(http.MethodPost, "/v2/invoices/settle", map[string]any{"preimage": preimage[:]}, nil)
	}
}

// Cancel implements Peer.
func (l *lnd) Cancel(hashes ...[32]byte) {
	l.t.Helper()
	for _, hash := range hashes {
		l.must(http.MethodPost, "/v2/invoices/cancel", map[string]any{"payment_hash": hash[:]}, nil)
	}
}

// Held implements Peer.
func (l *lnd) Held(hash [32]byte) bool {
	l.t.Helper()
	var invoice struct{ State string }
	l.must(http.MethodGet, "/v1/invoice/"+hex.EncodeToString(hash[:]), nil, &invoice)
	return invoice.State == "ACCEPTED"
}

// Expired implements Peer.
func (l *lnd) Expired(hash string) bool {
	l.t.Helper()
	var invoice struct{ State string }
	l.must(http.MethodGet, "/v1/invoice/"+hash, nil, &invoice)
	return invoice.State == "CANCELED"
}

// Received implements Peer.
func (l *lnd) Received() (paid int) {
	l.t.Helper()
	var list struct {
		Invoices []struct{ State string }
	}
	l.must(http.MethodGet, "/v1/invoices?num_max_invoices=10000", nil, &list)
	for _, i := range list.Invoices {
		if i.State == "SETTLED" {
			paid++
		}
	}
	return paid
}

// lndFailure is a failure onion as lnd decoded it.
type lndFailure struct {
	Code  string
	Index int `json:"failure_source_index"`
}

type lndAttempt struct {
	Status   string
	Preimage string
	Failure  *lndFailure
}

// payment says how the last of the attempts ended.
func paymentOf(attempts []lndAttempt) (p Payment) {
	for _, a := range attempts {
		if a.Failure != nil {
			p.Failure, p.FailedAt = strings.ToLower(a.Failure.Code), a.Failure.Index
		}
	}
	return p
}

// Pay implements Peer.
func (l *lnd) Pay(bolt11 string, msat amount.Msat) (Payment, error) {
	request := map[string]any{"payment_request": bolt11}
	if msat != 0 {
		request["amt_msat"] = uint64(msat)
	}
	return l.sendPayment(request)
}

// sendPayment has lnd find routes for a payment, and waits for its end.
func (l *lnd) sendPayment(request map[string]any) (Payment, error) {
	request["timeout_seconds"], request["fee_limit_sat"], request["no_inflight_updates"] = 60, 1000, true
	ctx, cancel := context.WithTimeout(l.t.Context(), lndPatience)
	defer cancel()
	var end struct {
		Status   string
		Preimage string       `json:"payment_preimage"`
		Reason   string       `json:"failure_reason"`
		HTLCs    []lndAttempt `json:"htlcs"`
	}
	err := l.stream(ctx, http.MethodPost, "/v2/router/send", request, func(raw json.RawMessage) (bool, error) {
		err := json.Unmarshal(raw, &end)
		return end.Status == "SUCCEEDED" || end.Status == "FAILED", err
	})
	if err != nil {
		return Payment{}, err
	}
	if end.Status == "SUCCEEDED" {
		parts := 0
		for _, a := range end.HTLCs {
			if a.Status == "SUCCEEDED" {
				parts++
			}
		}
		return Payment{Preimage: end.Preimage, Parts: parts}, nil
	}
	return paymentOf(end.HTLCs), fmt.Errorf("lnd: payment failed: %s", end.Reason)
}

// lndInvoice is an invoice as lnd decoded it.
type lndInvoice struct {
	Destination string
	PaymentHash string      `json:"payment_hash"`
	NumMsat     amount.Msat `json:"num_msat,string"`
	CLTVExpiry  uint32      `json:"cltv_expiry,string"`
	PaymentAddr string      `json:"payment_addr"`
}

func (l *lnd) decode(bolt11 string) (inv lndInvoice) {
	l.t.Helper()
	l.must(http.MethodGet, "/v1/payreq/"+bolt11, nil, &inv)
	return inv
}

func (i lndInvoice) secret(t harness.TB) []byte {
	t.Helper()
	secret, err := base64.StdEncoding.DecodeString(i.PaymentAddr)
	if err != nil {
		t.Fatalf("lnd: payment_addr: %v", err)
	}
	return secret
}

// PayWrong implements Peer.
func (l *lnd) PayWrong(bolt11 string, wrong Wrong) Payment {
	l.t.Helper()
	inv := l.decode(bolt11)
	secret := inv.secret(l.t)
	hash, msat, expiry := hexBytes(inv.PaymentHash), inv.NumMsat, l.info().BlockHeight+int(inv.CLTVExpiry)+3
	switch wrong {
	case WrongSecret:
		secret[0] ^= 1
	case WrongHash:
		hash[0] ^= 1
	case TooLittle:
		msat /= 4
	case TooSoon:
		expiry = l.info().BlockHeight + int(inv.CLTVExpiry) - 2
	}
	total := strconv.FormatUint(uint64(msat), 10)
	ctx, cancel := context.WithTimeout(l.t.Context(), lndPatience)
	defer cancel()
	p, err := l.sendRoute(ctx, hash, expiry, msat, []any{map[string]any{
		"chan_id": l.listChannels()[0].ChanID, "pub_key": inv.Destination, "amt_to_forward_msat": total, "expiry": expiry,
		"mpp_record": map[string]any{"payment_addr": secret, "total_amt_msat": total},
	}})
	if err != nil {
		l.t.Fatalf("lnd: send to route: %v", err)
	}
	return p
}

// sendRoute makes one attempt over a route of lnd's hops.
func (l *lnd) sendRoute(ctx context.Context, hash []byte, timeLock int, total amount.Msat, hops []any) (Payment, error) {
	var attempt lndAttempt
	err := l.call(ctx, http.MethodPost, "/v2/router/route/send", map[string]any{
		"payment_hash": hash,
		"route":        map[string]any{"total_time_lock": timeLock, "total_amt_msat": fmt.Sprint(uint64(total)), "hops": hops},
	}, &attempt)
	if err != nil || attempt.Status != "SUCCEEDED" {
		return paymentOf([]lndAttempt{attempt}), err
	}
	return Payment{Preimage: attempt.Preimage, Parts: 1}, nil
}
