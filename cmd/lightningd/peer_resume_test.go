package main

import (
	"testing"

	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/store"
	"fulmen/tests/hostile"
)

// TestPeerIsCalledToRaiseAFee: whoever waits for a closing transaction that pays more, waits for a peer that is called back.
func TestPeerIsCalledToRaiseAFee(t *testing.T) {
	c := &channel{row: &store.Channel{State: store.ClosingComplete}}
	if c.wantsPeer() || !c.wantsProcess() {
		t.Error("a channel whose closing transaction is signed has its peer called, or no process when the peer comes")
	}
	if c.close = new(closing); !c.wantsPeer() {
		t.Error("the peer is not called while another closing transaction is asked for")
	}
	if c.row.State = store.FundingSpendSeen; c.wantsPeer() {
		t.Error("the peer is called when a closing transaction is mined")
	}
}

// TestPeerThatLeavesAtOnce: a peer that is gone again before its channel has a process, is away: the channel's HTLCs
// are still resolved in time.
func TestPeerThatLeavesAtOnce(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.n.loop.call(func() {
		w.n.onPeerConnected(&connectdmsg.PeerConnected{ID: malloryID, Conn: 1, Addr: "127.0.0.1:1", Incoming: true})
		c := w.n.channels[malloryChannel]
		if !c.resuming {
			t.Error("the channel is not taken up")
		}
		w.n.onPeerDisconnected(&connectdmsg.PeerDisconnected{ID: malloryID, Conn: 1})
	})
	hostile.Within(t, "take it to the chain", func() {
		for state := store.Normal; state == store.Normal; {
			w.n.loop.call(func() {
				c := w.n.channels[malloryChannel]
				c.status = channeldmsg.Status{State: channeldmsg.Normal, Deadline: testHeight + 1}
				w.n.firstHeight = testHeight - comeBack
				w.n.watchDeadlines(testHeight + 1)
				state = c.row.State
			})
		}
	})
}
