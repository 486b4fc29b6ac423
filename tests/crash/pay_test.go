package crash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
)

// attempt is one invoice and what came of it.
type attempt struct {
	from, to *node
	label    string
	amount   amount.Msat
	hash     string
}

// payUntilComplete makes payment number i. An attempt that fails has failed for ever, and must leave
// its invoice unpaid: the next gets an invoice of its own.
func (w *world) payUntilComplete(ctx context.Context, i int) error {
	rng := rand.New(rand.NewPCG(*seed, uint64(i)+1))
	// From dust to what has an output of its own.
	amt := amount.Msat(1 + rng.Int64N(3_000_000))
	for try := 0; ; try++ {
		a := &attempt{from: w.nodes[i%2], to: w.nodes[(i+1)%2], label: fmt.Sprintf("%d.%d", i, try), amount: amt}
		complete, err := w.pay(ctx, a)
		if err != nil {
			return fmt.Errorf("payment %s from %s: %w", a.label, a.from.Name, err)
		}
		w.mu.Lock()
		if complete {
			w.complete = append(w.complete, a)
		} else {
			w.failed = append(w.failed, a)
		}
		w.mu.Unlock()
		if complete {
			return nil
		}
	}
}

// invoice is what a payer finds in it.
type invoice struct {
	Hash   string `json:"payment_hash"`
	Secret string `json:"payment_secret"`
	Delay  int    `json:"min_final_cltv_expiry"`
}

// pay has the invoice made and pays it.
func (w *world) pay(ctx context.Context, a *attempt) (complete bool, err error) {
	inv, err := w.invoice(ctx, a)
	if err != nil {
		return false, err
	}
	a.hash = inv.Hash
	if err := w.sendpay(ctx, a, inv); err != nil {
		return false, err
	}
	var paid struct {
		Preimage string `json:"payment_preimage"`
	}
	err = a.from.call(ctx, "waitsendpay", []string{a.hash}, &paid)
	w.stepped()
	var answer *rpc.Error
	if errors.As(err, &answer) {
		switch answer.Code {
		case rpc.CodePayTryOtherRoute, rpc.CodePayDestinationFail:
			return false, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("waitsendpay: %w", err)
	}
	preimage, err := hex.DecodeString(paid.Preimage)
	if err != nil {
		return false, fmt.Errorf("payment_preimage: %w", err)
	}
	if hash := sha256.Sum256(preimage); hex.EncodeToString(hash[:]) != a.hash {
		return false, fmt.Errorf("preimage %s is not that of %s", paid.Preimage, a.hash)
	}
	return true, nil
}

// invoice asks for a new one. It may have been made by a request that was cut off.
func (w *world) invoice(ctx context.Context, a *attempt) (*invoice, error) {
	type made struct {
		Bolt11 string `json:"bolt11"`
	}
	var m made
	err := a.to.call(ctx, "invoice", map[string]any{"amount_msat": a.amount, "label": a.label, "description": "crash"}, &m)
	w.stepped()
	var answer *rpc.Error
	if errors.As(err, &answer) && answer.Code == rpc.CodeInvoiceLabelExists {
		var list struct {
			Invoices []made `json:"invoices"`
		}
		err = a.to.call(ctx, "listinvoices", map[string]any{"label": a.label}, &list)
		if err == nil && len(list.Invoices) != 1 {
			err = fmt.Errorf("there are %d with a label that is taken", len(list.Invoices))
		}
		if err == nil {
			m = list.Invoices[0]
		}
	}
	if err != nil {
		return nil, fmt.Errorf("invoice: %w", err)
	}
	inv := new(invoice)
	if err := a.from.call(ctx, "decode", []string{m.Bolt11}, inv); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return inv, nil
}

// sendpay returns once the payment is under way, or was. While the channel cannot be used it is
// refused, and nothing has begun.
func (w *world) sendpay(ctx context.Context, a *attempt, inv *invoice) error {
	params := map[string]any{
		"route": []map[string]any{{
			"id": a.to.id, "channel": w.scid, "delay": inv.Delay + 1, "amount_msat": a.amount,
		}},
		"payment_hash": inv.Hash, "payment_secret": inv.Secret,
	}
	for {
		err := a.from.call(ctx, "sendpay", params, nil)
		w.stepped()
		var answer *rpc.Error
		if !errors.As(err, &answer) || answer.Code != rpc.CodePayTryOtherRoute {
			return err
		}
		if err := a.from.waitUsable(ctx); err != nil {
			return err
		}
	}
}

// waitUsable waits until the peer is back. No command waits for that, so it asks again and again.
func (n *node) waitUsable(ctx context.Context) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		var list struct {
			Channels []channel `json:"channels"`
		}
		if err := n.call(ctx, "listpeerchannels", nil, &list); err != nil {
			return fmt.Errorf("listpeerchannels: %w", err)
		}
		if len(list.Channels) == 1 && list.Channels[0].usable() {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
