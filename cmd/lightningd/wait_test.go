package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"fulmen/internal/invoices"
	"fulmen/internal/payments"
	"fulmen/internal/plugin"
	"fulmen/internal/schema"
	"fulmen/internal/store"
)

// waitingNode has a database, and can wait for what happens in it.
func waitingNode(t *testing.T) *node {
	t.Helper()
	db, err := store.Open(t.TempDir() + "/db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	n := &node{db: db, now: time.Now, log: slog.New(slog.DiscardHandler), plugins: plugin.NewHost(plugin.Config{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

func TestWaitTellsWhatCame(t *testing.T) {
	n := waitingNode(t)
	s, err := schema.Load("wait")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		params waitParams
		apply  func(*storeTx) error
		want   string
	}{
		{waitParams{"invoices", "created", 0}, nil, `{"subsystem":"invoices","created":0}`},
		{waitParams{"invoices", "created", 1}, func(tx *storeTx) error {
			return tx.CreateInvoice(&invoices.Invoice{Label: "a", Description: "d", Status: invoices.Unpaid, ExpiresAt: time.Unix(1<<40, 0)})
		}, `{"subsystem":"invoices","created":1,"invoices":{"status":"unpaid","label":"a","description":"d"}}`},
		{waitParams{"invoices", "created", 1}, nil, `{"subsystem":"invoices","created":1}`},
		{waitParams{"invoices", "deleted", 1}, func(tx *storeTx) error { return tx.DeleteInvoice(1) }, `{"subsystem":"invoices","deleted":1}`},
		{waitParams{"sendpays", "created", 1}, func(tx *storeTx) error {
			return tx.CreatePart(&payments.Part{ID: payments.ID{PaymentHash: [32]byte{1}, Part: 2, Group: 3}, Status: payments.Pending, CreatedAt: time.Unix(1, 0)})
		}, `{"subsystem":"sendpays","created":1,"sendpays":{"status":"pending","partid":2,"groupid":3,` +
			`"payment_hash":"0100000000000000000000000000000000000000000000000000000000000000"}}`},
		{waitParams{"chainmoves", "created", 1}, func(tx *storeTx) error {
			return tx.AddChainMove(&store.ChainMove{Account: "wallet", Tag: "deposit", Credit: 7})
		}, `{"subsystem":"chainmoves","created":1,"chainmoves":{"account":"wallet","credit_msat":7,"debit_msat":0}}`},
	} {
		type reply struct {
			result *waitResult
			err    error
		}
		got := make(chan reply, 1)
		go func() {
			result, err := n.wait(context.Background(), &c.params)
			got <- reply{result, err}
		}()
		if c.apply != nil {
			// The first commit wakes it for nothing, whether it waits already or not.
			for _, f := range []func(*storeTx) error{func(tx *storeTx) error { return tx.SetVar("x", []byte("y")) }, c.apply} {
				if err := n.db.Update(f); err != nil {
					t.Fatal(err)
				}
			}
		}
		r := <-got
		if r.err != nil || r.result == nil {
			t.Fatalf("%+v: %v", c.params, r.err)
		}
		// Whether it had to wait, and tells more, is chance here.
		reached, err := n.waitReached(&c.params, c.params.NextValue, c.apply != nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range []*waitResult{r.result, reached} {
			raw, err := json.Marshal(result)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.ValidateResponse(raw); err != nil {
				t.Errorf("%+v: %v\n%s", c.params, err, raw)
			}
			if result == reached && string(raw) != c.want {
				t.Errorf("%+v: %s, want %s", c.params, raw, c.want)
			}
		}
	}
}

func TestWaitEnds(t *testing.T) {
	n := waitingNode(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.wait(ctx, &waitParams{"invoices", "created", 1}); err == nil {
		t.Error("waits for a caller that is gone")
	}
	n.cancel()
	if _, err := n.wait(context.Background(), &waitParams{"invoices", "created", 1}); err == nil {
		t.Error("waits though the node ends")
	}
	if err := (&waitParams{Subsystem: "htlcs"}).Validate(); err == nil {
		t.Error("htlcs are waited for, and nobody counts them")
	}
}
