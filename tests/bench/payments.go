package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fulmen/internal/amount"
)

// invoice is what a payer has to know.
type invoice struct {
	Bolt11        string `json:"bolt11"`
	PaymentHash   string `json:"payment_hash"`
	PaymentSecret string `json:"payment_secret"`
}

// invoices has the payee create them, a hundred requests at a time on one connection.
func (p *pair) invoices(n int, amt amount.Msat) []invoice {
	p.Helper()
	list := make([]invoice, n)
	session := rand.Text() // labels are unique for ever
	err := inParallel(n, 100, func(i int) error {
		return p.receive.Call(p.Context(), "invoice", map[string]any{
			"amount_msat": amt, "label": fmt.Sprintf("%s-%d", session, i), "description": "bench",
		}, &list[i])
	})
	if err != nil {
		p.Fatalf("invoice: %v", err)
	}
	return list
}

// hop is a step of the route.
type hop struct {
	ID         string      `json:"id"`
	Channel    string      `json:"channel"`
	Delay      int         `json:"delay"`
	AmountMsat amount.Msat `json:"amount_msat"`
}

// route is the way of all payments of a bench.
func (p *pair) route(inv invoice, amt amount.Msat) []hop {
	p.Helper()
	if p.hops != nil {
		return p.hops(inv, amt)
	}
	return p.directRoute(inv, amt)
}

// directRoute goes over the first channel.
func (p *pair) directRoute(inv invoice, amt amount.Msat) []hop {
	p.Helper()
	var decoded struct {
		Delay int `json:"min_final_cltv_expiry"`
	}
	if err := p.pay.Call(p.Context(), "decode", []string{inv.Bolt11}, &decoded); err != nil {
		p.Fatalf("decode: %v", err)
	}
	return []hop{{p.payee.ID(), p.scid, decoded.Delay + 1, amt}}
}

// settle pays one invoice and returns when the payer has the preimage.
func (p *pair) settle(ctx context.Context, inv invoice, route []hop) error {
	err := p.pay.Call(ctx, "sendpay", map[string]any{
		"route": route, "payment_hash": inv.PaymentHash, "payment_secret": inv.PaymentSecret,
	}, nil)
	if err != nil {
		return fmt.Errorf("sendpay: %w", err)
	}
	var paid struct {
		Preimage string `json:"payment_preimage"`
	}
	if err := p.pay.Call(ctx, "waitsendpay", []string{inv.PaymentHash}, &paid); err != nil {
		return fmt.Errorf("waitsendpay: %w", err)
	}
	preimage, err := hex.DecodeString(paid.Preimage)
	if err != nil {
		return fmt.Errorf("payment_preimage: %w", err)
	}
	if hash := sha256.Sum256(preimage); hex.EncodeToString(hash[:]) != inv.PaymentHash {
		return fmt.Errorf("preimage %s is not that of %s", paid.Preimage, inv.PaymentHash)
	}
	return nil
}

// paid is how long a number of payments took, together and each, and what they cost.
type paid struct {
	inFlight int
	elapsed  time.Duration
	each     []time.Duration
	cost     usage
}

// payAll creates the invoices, and then pays them, so many at once.
func (p *pair) payAll(n, inFlight int, amt amount.Msat) paid {
	p.Helper()
	list := p.invoices(n, amt)
	route := p.route(list[0], amt)
	result := paid{inFlight: inFlight, each: make([]time.Duration, n)}
	before := p.usage()
	start := time.Now()
	err := inParallel(n, inFlight, func(i int) error {
		begun := time.Now()
		err := p.settle(p.Context(), list[i], route)
		result.each[i] = time.Since(begun)
		return err
	})
	result.elapsed = time.Since(start)
	if err != nil {
		p.Fatalf("pay: %v", err)
	}
	result.cost = p.usage().minus(before).per(n)
	p.Logf("%d payments of %s, %d in flight: %.3f s", n, amt, inFlight, result.elapsed.Seconds())
	return result
}

// inParallel calls f with 0 to n-1, so many at once, and returns an error if any did.
func inParallel(n, atOnce int, f func(i int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range min(n, atOnce) {
		all.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
