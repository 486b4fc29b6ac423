package store

import (
	"testing"
	"time"

	"fulmen/internal/invoices"
	"fulmen/internal/payments"
)

func TestIndexes(t *testing.T) {
	d := open(t)
	check := func(s Subsystem, want ...uint64) {
		t.Helper()
		for i, name := range []string{IndexCreated, IndexUpdated, IndexDeleted} {
			if got, err := d.Index(s, name); err != nil || got != want[i] {
				t.Errorf("%s %s: %d, %v, want %d", s, name, got, err, want[i])
			}
		}
	}
	for s := range subsystems {
		check(s, 0, 0, 0)
	}
	inv := &invoices.Invoice{Label: "a", PaymentHash: [32]byte{1}, Description: "d", Status: invoices.Unpaid}
	must(t, d.Update(func(tx *Tx) error { return tx.CreateInvoice(inv) }))
	check(Invoices, 1, 0, 0)
	must(t, d.Update(func(tx *Tx) error { _, err := tx.ClearInvoiceDescription(1); return err }))
	check(Invoices, 1, 1, 0)
	must(t, d.Update(func(tx *Tx) error { return tx.DeleteInvoice(1) }))
	check(Invoices, 1, 1, 1)

	part := &payments.Part{ID: payments.ID{PaymentHash: [32]byte{1}}, Status: payments.Pending, CreatedAt: time.Unix(1, 0)}
	must(t, d.Update(func(tx *Tx) error { return tx.CreatePart(part) }))
	part.Status, part.CompletedAt = payments.Failed, time.Unix(2, 0)
	must(t, d.Update(func(tx *Tx) error { return tx.EndPart(part) }))
	check(SendPays, 1, 1, 0)
	part.Status = payments.Pending
	must(t, d.Update(func(tx *Tx) error { return tx.CreatePart(part) })) // in place of the failed one
	check(SendPays, 2, 1, 1)

	must(t, d.Update(func(tx *Tx) error { return tx.AddChainMove(&ChainMove{Account: "wallet", Tag: "deposit", Height: 3}) }))
	must(t, d.Update(func(tx *Tx) error { return tx.RemoveChainMoves(3) }))
	must(t, d.Update(func(tx *Tx) error { return tx.RemoveChainMoves(3) }))
	check(ChainMoves, 1, 0, 1)
}

func TestNews(t *testing.T) {
	d := open(t)
	one, same := d.News(), d.News()
	if one != same {
		t.Error("two channels for the same commit")
	}
	select {
	case <-one:
		t.Fatal("told before anything was committed")
	default:
	}
	must(t, d.Update(func(tx *Tx) error { return tx.SetVar("x", []byte("y")) }))
	<-one
	select {
	case <-d.News():
		t.Error("told of an old commit")
	default:
	}
}
