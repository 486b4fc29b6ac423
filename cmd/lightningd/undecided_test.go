package main

import (
	"sync"
	"testing"

	"fulmen/internal/block"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc/channeldmsg"
)

// TestHTLCsWaitForTheChain: a node that was down for long does not know yet what has expired. A payment that comes then is
// decided about when all blocks are known: taken if there is time left, failed if not.
func TestHTLCsWaitForTheChain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		blocks uint32 // that it has missed
		taken  bool
	}{
		{"in time", 10, true},
		{"expired", 200, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			w.n.loop.call(func() { w.n.synced, w.n.firstSync = make(chan struct{}), sync.Once{} })
			htlc := incoming(8, 0)
			status := func() invoices.Status {
				inv, err := w.n.db.InvoiceByHash(htlc.HTLCs[0].PaymentHash)
				if err != nil {
					t.Fatal(err)
				}
				return inv.Status
			}
			w.send(w.mallory, htlc)
			w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
			if status() == invoices.Paid {
				t.Fatal("paid at a height of long ago")
			}
			w.n.loop.call(func() {
				c := w.n.channels[malloryChannel]
				w.n.blockHeight += block.Height(tt.blocks)
				for range 100 { // it is told of again, however often the peer connects
					c.receive(&htlc.HTLCs[0])
				}
				if len(c.undecided) != 1 {
					t.Errorf("%d wait", len(c.undecided))
				}
				failed := c.settledBy(func() { w.n.caughtUp(w.n.blockHeight) })
				if (len(failed) == 1 && failed[0].Failure != nil) == tt.taken || len(c.undecided) > 0 {
					t.Errorf("settled by %+v, %d wait", failed, len(c.undecided))
				}
			})
			w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
			if paid := status() == invoices.Paid; paid != tt.taken {
				t.Errorf("paid: %v, want %v", paid, tt.taken)
			}
			w.alive()
		})
	}
}
