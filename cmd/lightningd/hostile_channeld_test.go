package main

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"testing"

	core "fulmen/internal/channel"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/store"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
)

func incoming(hash byte, ids ...uint64) *channeldmsg.Incoming {
	m := new(channeldmsg.Incoming)
	for _, id := range ids {
		m.HTLCs = append(m.HTLCs, channeldmsg.IncomingHTLC{
			ID: id, AmountMsat: 1000, PaymentHash: sha256.Sum256(testPreimage[:]), CLTVExpiry: testHeight + 100,
			Final: &channeldmsg.Final{AmtToForward: 1000, OutgoingCLTV: testHeight + 100, PaymentSecret: &[32]byte{hash}, TotalMsat: 1000},
		})
	}
	return m
}

// TestChanneldThatLies: each of these once ended the node, or harmed another channel. Now it ends the
// process that said it, and nothing of it is done.
func TestChanneldThatLies(t *testing.T) {
	status := testStatus
	status.ToLocal = 1 << 63
	large := incoming(8, 1)
	large.HTLCs[0].AmountMsat = 1 << 62
	together := incoming(8, 1, 2)
	together.HTLCs[0].AmountMsat, together.HTLCs[1].AmountMsat = 3e8, 3e8
	for _, tt := range []struct {
		name string
		says []ipc.Message
	}{
		{"more in the channel than exists", []ipc.Message{&channeldmsg.Store{Seq: 2, Data: []byte{1}, Status: status}}},
		{"a commitment number of 64 bits", []ipc.Message{&channeldmsg.StateChanged{Status: channeldmsg.Status{RemoteSigned: 1<<64 - 1}}}},
		{"an HTLC twice", []ipc.Message{incoming(8, 1, 1)}},
		{"an HTLC again", []ipc.Message{incoming(8, 1), incoming(7, 1)}},
		{"an HTLC id of 64 bits", []ipc.Message{incoming(8, 1<<64-1)}},
		{"an HTLC larger than the channel", []ipc.Message{large}},
		{"HTLCs that together are more than the peer has", []ipc.Message{together}},
		{"an HTLC to forward with half an onion", []ipc.Message{&channeldmsg.Incoming{HTLCs: []channeldmsg.IncomingHTLC{
			{AmountMsat: 1000, Forward: &channeldmsg.Forward{NextOnion: make([]byte, 683)}},
		}}}},
		{"an HTLC that goes nowhere", []ipc.Message{&channeldmsg.Incoming{HTLCs: []channeldmsg.IncomingHTLC{{AmountMsat: 1000}}}}},
		{"two payments in one HTLC", []ipc.Message{&channeldmsg.Store{Offered: []channeldmsg.OfferedHTLC{{Ref: 2, ID: 4}, {Ref: 3, ID: 4}}, Status: testStatus}}},
		{"a preimage that pays nothing", []ipc.Message{&channeldmsg.Store{
			Offered: []channeldmsg.OfferedHTLC{{Ref: 2, ID: 4}}, Learned: []channeldmsg.LearnedPreimage{{ID: 4}}, Status: testStatus,
		}}},
		{"a failure that no other process could pass on", []ipc.Message{&channeldmsg.Store{
			Failed: []channeldmsg.FailedHTLC{{ID: 4, Reason: make([]byte, core.MaxReason+1)}}, Status: testStatus,
		}}},
		{"a new HTLC twice", []ipc.Message{&channeldmsg.Store{Data: []byte{1}, NewHTLCs: []channeldmsg.NewHTLC{{ID: 4}, {ID: 4, Offered: true}, {ID: 4}}, Status: testStatus}}},
		{"a new HTLC again", []ipc.Message{
			&channeldmsg.Store{Seq: 2, NewHTLCs: []channeldmsg.NewHTLC{{ID: 4}}, Status: testStatus},
			&channeldmsg.Store{Seq: 3, NewHTLCs: []channeldmsg.NewHTLC{{ID: 4}}, Status: testStatus},
		}},
		{"a new HTLC with an id of 64 bits", []ipc.Message{&channeldmsg.Store{NewHTLCs: []channeldmsg.NewHTLC{{ID: 1<<64 - 1}}, Status: testStatus}}},
		{"the end of an HTLC with an id of 64 bits", []ipc.Message{&channeldmsg.Store{Resolved: []uint64{1<<64 - 1}, Status: testStatus}}},
		{"a new HTLC of more than the channel has", []ipc.Message{&channeldmsg.Store{NewHTLCs: []channeldmsg.NewHTLC{{AmountMsat: 1 << 62}}, Status: testStatus}}},
		{"a commitment revoked that is the newest", []ipc.Message{&channeldmsg.Store{Revoked: []channeldmsg.RevokedCommitment{{Number: 1 << 40}}, Status: testStatus}}},
		{"a revoked commitment's number of 64 bits", []ipc.Message{&channeldmsg.Store{Revoked: []channeldmsg.RevokedCommitment{{Number: 1<<64 - 1}}, Status: testStatus}}},
		{"more revoked commitments than there can be", []ipc.Message{&channeldmsg.Store{Revoked: make([]channeldmsg.RevokedCommitment, 17), Status: testStatus}}},
		{"more new HTLCs than a commitment has", []ipc.Message{&channeldmsg.Store{NewHTLCs: make([]channeldmsg.NewHTLC, 2*483+1), Status: testStatus}}},
		{"a close that spends another channel's output", []ipc.Message{&channeldmsg.MutualClose{Tx: testClose(bobChannel, 1)}}},
		{"a close that is no transaction", []ipc.Message{&channeldmsg.MutualClose{Tx: []byte{1}}}},
		{"another daemon's message", []ipc.Message{&connectdmsg.PeerConnected{ID: bobID}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			for _, m := range tt.says {
				w.send(w.mallory, m)
			}
			hostile.Within(t, "end the process", func() {
				for w.mallory.conn.Send(&channeldmsg.Reestablished{}) == nil {
					w.n.loop.call(func() {})
				}
			})
			hostile.Within(t, "fail mallory's parts", func() {
				for w.parts() != 1 { // bob's
				}
			})
			w.alive()
			w.unharmed()
		})
	}
}

// TestNewHTLCsAreStored: what the peer's commitments ever had can be found when one of them is published.
func TestNewHTLCsAreStored(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	w.stored(w.bob, &channeldmsg.Store{
		Data: []byte{1}, NewHTLCs: []channeldmsg.NewHTLC{{Offered: true, ID: 3, PaymentHash: [32]byte{4}, CLTVExpiry: 5, AmountMsat: 6}}, Status: testStatus,
	})
	list, err := w.n.db.ChannelHTLCs(bobChannel, false, 0, 10)
	if want := (store.ChannelHTLC{Offered: true, ID: 3, PaymentHash: [32]byte{4}, CLTVExpiry: 5, Amount: 6}); err != nil || len(list) != 1 || list[0] != want {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestLongFailuresReachTheProcess: however many HTLCs of a channel fail at once, and with whatever strangers gave as
// reasons.
func TestLongFailuresReachTheProcess(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	w.n.loop.call(func() {
		for id := range uint64(maxIncoming) {
			w.n.channels[malloryChannel].settle(channeldmsg.SettleHTLC{ID: id, Relay: make([]byte, core.MaxReason), Attribution: make([]byte, 920)})
		}
	})
	hostile.Within(t, "hear of all", func() {
		for left := (maxIncoming + mostSettles - 1) / mostSettles; left > 0; {
			if <-w.mallory.heard == channeldmsg.TypeSettle {
				left--
			}
		}
	})
}

// TestManyOffersReachTheProcess: however many HTLCs wait for a channel.
func TestManyOffersReachTheProcess(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		c.offers = slices.Repeat([]channeldmsg.OfferHTLC{{Onion: make([]byte, core.OnionSize), ExtraTLVs: make([]byte, core.MaxExtraTLVs)}}, 2*mostOffers+1)
		w.n.dirty[c] = true
	})
	hostile.Within(t, "hear of all", func() {
		for left := 3; left > 0; {
			if <-w.mallory.heard == channeldmsg.TypeOffer {
				left--
			}
		}
	})
}

// parts counts those that are under way.
func (w *surroundings) parts() (count int) {
	w.n.loop.call(func() { count = len(w.n.out.parts) })
	return count
}

// TestChanneldCannotReopen: a channel that the chain has closed stays so.
func TestChanneldCannotReopen(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	w.n.loop.call(func() { w.n.channels[malloryChannel].row.State = store.OnChain })
	for _, m := range []ipc.Message{
		&channeldmsg.StateChanged{Status: testStatus}, &channeldmsg.FutureState{}, &channeldmsg.MutualClose{Tx: testClose(malloryChannel, 1)},
		&channeldmsg.Failing{Text: "x"},
	} {
		w.send(w.mallory, m)
	}
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	w.n.loop.call(func() {
		if row := w.n.channels[malloryChannel].row; row.State != store.OnChain || row.CloseTx != nil {
			t.Errorf("state %s, close %x", row.State, row.CloseTx)
		}
	})
	w.unharmed()
}

// TestOpeningThatLies: a channel that is opened twice, or over another's funding output, or with what it
// was not given.
func TestOpeningThatLies(t *testing.T) {
	stolen := func(w *surroundings) *channeldmsg.Opened {
		m := w.goodOpened()
		m.Setup.FundingTxid = testRow(bobChannel, false).FundingTxid
		m.ChannelID = wire.NewChannelID(m.Setup.FundingTxid, 0)
		return m
	}
	other := func(w *surroundings) *channeldmsg.Opened {
		m := w.goodOpened()
		m.ChannelID = wire.ChannelID{1}
		return m
	}
	rich := func(w *surroundings) *channeldmsg.Opened {
		m := w.goodOpened()
		m.Push = 1 << 63
		return m
	}
	shallow := func(w *surroundings) *channeldmsg.Opened {
		m := w.goodOpened()
		m.MinimumDepth = 0
		return m
	}
	good := (*surroundings).goodOpened
	for name, opened := range map[string][]func(*surroundings) *channeldmsg.Opened{
		"twice": {good, good}, "another's output": {stolen}, "another channel_id": {other}, "more pushed than there is": {rich},
		"used before it is funded": {shallow},
	} {
		t.Run(name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			w.send(w.connectd, &connectdmsg.PeerSent{ID: malloryID, Conn: 1, Wire: w.openChannel()})
			p := w.next()
			for _, make := range opened {
				w.send(p, make(w))
			}
			hostile.Within(t, "end the process", func() {
				for p.conn.Send(&channeldmsg.PeerText{Warning: true}) == nil {
					w.n.loop.call(func() {})
				}
			})
			w.alive()
			w.n.loop.call(func() {
				if c := w.n.byFunding[w.n.channels[bobChannel].fundingOutpoint()]; c.row.ID != bobChannel {
					t.Errorf("bob's funding output is now channel %d's", c.row.ID)
				}
			})
			w.unharmed()
		})
	}
}

// TestOneChannelIDForTwo: two channels whose channel_id is the same, though their funding outputs are not, and of which
// none is on disk yet.
func TestOneChannelIDForTwo(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	for range 2 {
		w.send(w.connectd, &connectdmsg.PeerSent{ID: malloryID, Conn: 1, Wire: w.openChannel()})
		w.next()
	}
	first, second := w.goodOpened(), w.goodOpened()
	second.Setup.FundingTxid[31] ^= 1
	second.Setup.FundingOutput = 1
	if id := wire.NewChannelID(second.Setup.FundingTxid, 1); id != first.ChannelID {
		t.Fatalf("channel_ids %s and %s", first.ChannelID, id)
	}
	w.n.loop.call(func() {
		openings := slices.Collect(maps.Values(w.n.peers[malloryID].openings))
		openings[0].onOpened(first)
		if err := openings[1].checkOpened(second); err == nil || !strings.Contains(err.Error(), "is another channel's") {
			t.Errorf("the second: %v", err)
		}
	})
	w.unharmed()
}

// TestConnectionReportedTwice: one channel never has two processes at a time.
func TestConnectionReportedTwice(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	for conn := range uint64(5) {
		w.send(w.connectd, &connectdmsg.PeerConnected{ID: malloryID, Conn: 2 + conn, Addr: "127.0.0.1:1", Incoming: true})
	}
	hostile.Within(t, "hear of all connections", func() {
		for last := uint64(0); last != 6; {
			w.n.loop.call(func() { last = w.n.channels[malloryChannel].peer.conn.conn })
		}
	})
	w.mallory.conn.Close() // as connectd would have it
	p := w.next()
	w.stored(p, &channeldmsg.Store{Status: testStatus})
	w.n.loop.call(func() {
		if c := w.n.channels[malloryChannel]; c.proc == nil || c.peer.conn.conn != 6 {
			t.Errorf("process %v on connection %d", c.proc, c.peer.conn.conn)
		}
	})
	select {
	case <-w.puppets:
		t.Error("a second process was started")
	default:
	}
	w.unharmed()
}
