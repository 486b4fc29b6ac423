package main

import (
	"errors"
	"testing"

	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
)

// heardDisconnect waits until connectd is told to let go of a peer.
func (w *surroundings) heardDisconnect() {
	w.t.Helper()
	hostile.Within(w.t, "wait for Disconnect", func() {
		for <-w.connectd.heard != connectdmsg.TypeDisconnect {
		}
	})
}

// TestGracefulBeginsNothingNew: a node that is about to stop offers and takes no HTLC, and opens no channel.
func TestGracefulBeginsNothingNew(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	before := incoming(8, 0)
	w.send(w.mallory, before)
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	left, err := w.n.graceful(w.n.ctx, &gracefulParams{Timeout: new(uint32(0))})
	if err != nil || len(left.Peers) != 2 || left.Peers[0] > left.Peers[1] {
		t.Fatalf("%+v, %v", left, err)
	}
	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		if c.usable() || !c.operating() {
			t.Error("HTLCs can be offered, or no fee rate can be changed")
		}
		w.n.startPart(&payments.Part{Route: []payments.Hop{{NodeID: malloryID, ShortChannelID: c.row.AliasLocal}}}, new(onion.Packet),
			func(_ *payments.Part, err error) {
				if err == nil {
					t.Error("a part was sent")
				}
			})
		if again := c.settledBy(func() { c.decide(&before.HTLCs[0], 0, nil) }); len(again) != 1 || again[0].Preimage == nil {
			t.Errorf("what was taken before is not taken again: %+v", again)
		}
		if w.n.refusal(c.peer, new(wire.OpenChannel)) == "" {
			t.Error("a channel would be opened")
		}
	})
	keysend := testKeysend(1, 1)
	w.send(w.mallory, keysend)
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	if inv, err := w.n.db.InvoiceByHash(keysend.HTLCs[0].PaymentHash); err != nil || inv != nil {
		t.Errorf("taken: %+v, %v", inv, err)
	}
	conn := &peerConn{id: malloryID}
	w.n.loop.call(func() { conn = w.n.peers[malloryID].conn })
	if _, err := w.n.openChannel(w.n.ctx, conn, new(channeldmsg.Open), new(openOrder)); !errors.Is(err, errDraining) {
		t.Errorf("a channel is opened: %v", err)
	}
	stranger := newPayee(9).id()
	if _, err := w.n.connectTo(w.n.ctx, stranger, nil); !errors.Is(err, errDraining) {
		t.Errorf("connect to somebody: %v", err)
	}
	w.send(w.connectd, &connectdmsg.PeerConnected{ID: stranger, Conn: 7, Addr: "127.0.0.1:1", Incoming: true})
	w.heardDisconnect()
	w.n.loop.call(func() {
		if w.n.peers[stranger] != nil {
			t.Error("a stranger is connected")
		}
	})
	w.alive()
}

// TestGracefulWaits: peers go when their HTLCs are gone, and the command returns when all have.
func TestGracefulWaits(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	busy := testStatus
	busy.NumHTLCs = 1
	w.stored(w.mallory, &channeldmsg.Store{Seq: 1, Data: ownSnapshot, Snapshot: true, Offered: []channeldmsg.OfferedHTLC{{Ref: 2, ID: 0}, {Ref: 3, ID: 1}}, Status: busy})
	type answer struct {
		left *gracefulResult
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		left, err := w.n.graceful(w.n.ctx, new(gracefulParams))
		done <- answer{left, err}
	}()
	w.unharmed() // bob's HTLC is over
	w.heardDisconnect()
	w.n.loop.call(func() {
		if w.n.peers[bobID].busy() || !w.n.peers[malloryID].busy() || w.n.drain.turnsAway(w.n.peers[malloryID]) != true {
			t.Error("bob is busy, or mallory is not")
		}
	})
	w.send(w.connectd, &connectdmsg.PeerDisconnected{ID: bobID, Conn: 1})
	w.stored(w.mallory, &channeldmsg.Store{
		Seq: 2, Learned: []channeldmsg.LearnedPreimage{{ID: 0, Preimage: partPreimage(1)}, {ID: 1, Preimage: partPreimage(2)}}, Status: testStatus,
	})
	w.heardDisconnect()
	w.send(w.connectd, &connectdmsg.PeerDisconnected{ID: malloryID, Conn: 1})
	hostile.Within(t, "graceful", func() {
		if a := <-done; a.err != nil || len(a.left.Peers) != 0 || len(a.left.Expiries) != 0 {
			t.Errorf("%+v, %v", a.left, a.err)
		}
	})
	w.n.loop.call(func() {
		for _, p := range w.n.peers {
			if p.retry != nil || !w.n.drain.turnsAway(p) {
				t.Errorf("%s would be connected again", p.id)
			}
		}
	})
	w.alive()
}
