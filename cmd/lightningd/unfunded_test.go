package main

import (
	"crypto/sha256"
	"testing"

	"fulmen/internal/invoices"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/wire"
)

// TestUnfundedChannelIsNotUsed: when a reorganisation takes a funding transaction out, it may never come back. So
// nothing is paid or forwarded over the channel until it does, and what was taken before stays taken.
func TestUnfundedChannelIsNotUsed(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	before := incoming(8, 0)
	w.send(w.mallory, before)
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	if inv, err := w.n.db.InvoiceByHash(before.HTLCs[0].PaymentHash); err != nil || inv.Status != invoices.Paid {
		t.Fatalf("before: %+v, %v", inv, err)
	}

	var scid wire.ShortChannelID
	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		scid, c.row.MinDepth = c.row.ShortChannelID, 3
		c.takeBack(103)
		if c.usable() || !c.unfunded() {
			t.Error("the channel is usable")
		}
		w.n.startPart(&payments.Part{Route: []payments.Hop{{NodeID: malloryID, ShortChannelID: c.row.AliasLocal}}}, new(onion.Packet),
			func(_ *payments.Part, err error) {
				if err == nil {
					t.Error("a part was sent over it")
				}
			})
		if again := c.settledBy(func() { c.receive(&before.HTLCs[0]) }); len(again) != 1 || again[0].Preimage == nil {
			t.Errorf("what was taken before is settled so now: %+v", again)
		}
	})
	keysend := testKeysend(1, 1)
	w.send(w.mallory, keysend)
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	if inv, err := w.n.db.InvoiceByHash(keysend.HTLCs[0].PaymentHash); err != nil || inv != nil {
		t.Fatalf("taken over a channel without funding: %+v, %v", inv, err)
	}

	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		c.row.ShortChannelID = wire.NewShortChannelID(testHeight-1, 0, 0)
		if !c.unfunded() {
			t.Error("two confirmations are enough, of three")
		}
		c.row.ShortChannelID = scid
	})
	keysend = testKeysend(2, 2)
	w.send(w.mallory, keysend)
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	if inv, err := w.n.db.InvoiceByHash(keysend.HTLCs[0].PaymentHash); err != nil || inv == nil {
		t.Fatalf("not taken over a channel that is funded again: %v", err)
	}
	w.alive()
}

// testKeysend is a payment that nobody asked for.
func testKeysend(id uint64, preimage byte) *channeldmsg.Incoming {
	p := [32]byte{preimage}
	return &channeldmsg.Incoming{HTLCs: []channeldmsg.IncomingHTLC{{
		ID: id, AmountMsat: 1000, PaymentHash: sha256.Sum256(p[:]), CLTVExpiry: testHeight + 100,
		Final: &channeldmsg.Final{AmtToForward: 1000, OutgoingCLTV: testHeight + 100, Keysend: &p},
	}}}
}
