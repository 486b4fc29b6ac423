package crash

import (
	"fmt"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// check looks at what both nodes say once nothing is under way any more.
func (w *world) check(t *testing.T) {
	t.Helper()
	t.Logf("%d payments are complete, %d attempts failed", len(w.complete), len(w.failed))
	w.checkAttempts(t)
	w.checkBalances(t)
	for i := range w.nodes {
		a := &attempt{from: w.nodes[i], to: w.nodes[1-i], label: fmt.Sprintf("last %d", i), amount: 1_000_000}
		if complete, err := w.pay(t.Context(), a); err != nil || !complete {
			t.Errorf("the last payment of %s: complete %v, %v", a.from.Name, complete, err)
			continue
		}
		w.complete = append(w.complete, a)
	}
	w.checkBalances(t)
}

// checkAttempts compares what payer and payee say of each attempt.
func (w *world) checkAttempts(t *testing.T) {
	t.Helper()
	for _, a := range w.complete {
		if inv := a.invoice(t); inv.Status != "paid" || inv.Received != a.amount {
			t.Errorf("%s: complete for %s, but the invoice of %s is %+v", a.label, a.from.Name, a.amount, inv)
		}
		if n := a.sent(t)["complete"]; n != 1 {
			t.Errorf("%s: %s has paid %d times", a.label, a.from.Name, n)
		}
	}
	for _, a := range w.failed {
		if inv := a.invoice(t); inv.Status != "unpaid" {
			t.Errorf("%s: failed for %s, but the invoice of %s is %+v", a.label, a.from.Name, a.amount, inv)
		}
		if sent := a.sent(t); sent["failed"] == 0 || len(sent) != 1 {
			t.Errorf("%s: failed, but for %s it is %v", a.label, a.from.Name, sent)
		}
	}
}

type invoiceState struct {
	Status   string      `json:"status"`
	Received amount.Msat `json:"amount_received_msat"`
}

// invoice is how the payee sees it.
func (a *attempt) invoice(t *testing.T) invoiceState {
	t.Helper()
	var list struct {
		Invoices []invoiceState `json:"invoices"`
	}
	a.to.Call("listinvoices", map[string]any{"payment_hash": a.hash}, &list)
	if len(list.Invoices) != 1 {
		t.Fatalf("%s: %s has %d invoices for it", a.label, a.to.Name, len(list.Invoices))
	}
	return list.Invoices[0]
}

// sent counts the payer's parts with the payment_hash, by status.
func (a *attempt) sent(t *testing.T) map[string]int {
	t.Helper()
	var list struct {
		Payments []struct {
			Status string `json:"status"`
		} `json:"payments"`
	}
	a.from.Call("listsendpays", map[string]any{"payment_hash": a.hash}, &list)
	count := map[string]int{}
	for _, p := range list.Payments {
		count[p.Status]++
	}
	return count
}

// checkBalances waits until no HTLC is left, and then compares both balances with what was paid: a
// payment that is lost or made twice would show here as well.
func (w *world) checkBalances(t *testing.T) {
	t.Helper()
	want := [2]amount.Msat{(capacity / 2).Msat(), (capacity / 2).Msat()}
	for _, a := range w.complete {
		for i, n := range w.nodes {
			if a.from == n {
				want[i] -= a.amount
				want[1-i] += a.amount
			}
		}
	}
	for i, n := range w.nodes {
		harness.Eventually(t, n.Name+" has no HTLC left", func() error {
			if c := n.channel(); len(c.HTLCs) > 0 {
				return fmt.Errorf("there are %d", len(c.HTLCs))
			}
			return nil
		})
		c := n.channel()
		if c.State != "CHANNELD_NORMAL" || c.ShortChannelID != w.scid || c.ToUs != want[i] || c.Total != capacity.Msat() {
			t.Errorf("channel of %s is %+v, want %s for it", n.Name, c, want[i])
		}
		var closed struct {
			Channels []any `json:"closedchannels"`
		}
		n.Call("listclosedchannels", nil, &closed)
		if len(closed.Channels) > 0 {
			t.Errorf("%s closed %v", n.Name, closed.Channels)
		}
	}
}
