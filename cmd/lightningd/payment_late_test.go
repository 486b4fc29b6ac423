package main

import (
	"testing"
	"time"

	"fulmen/internal/invoices"
	"fulmen/internal/ipc/channeldmsg"
)

// TestInvoiceExpiresBetweenParts: a payment that began in time is taken when its last part comes; who sends that one
// late does not end the node.
func TestInvoiceExpiresBetweenParts(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	part := func(id uint64) *channeldmsg.Incoming {
		m := incoming(8, id)
		m.HTLCs[0].Final.TotalMsat = 2000
		return m
	}
	w.send(w.mallory, part(0))
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	if err := w.n.db.Update(func(tx *storeTx) error {
		_, err := tx.ExpireInvoices(time.Now().Add(2 * time.Hour))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	w.send(w.mallory, part(1))
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	w.alive()
	inv, err := w.n.db.InvoiceByHash(testInvoice().PaymentHash)
	if err != nil || inv.Status != invoices.Paid || inv.Received != 2000 {
		t.Errorf("%+v, %v", inv, err)
	}
}
