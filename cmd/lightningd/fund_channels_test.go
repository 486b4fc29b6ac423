package main

import (
	"errors"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/store"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
)

// propose opens a channel of ours with a peer that has one, and returns it with its process.
func (w *surroundings) propose(id uint64) (*opening, *puppet) {
	w.t.Helper()
	var conn *peerConn
	w.n.loop.call(func() { conn = w.n.channels[id].peer.conn })
	open, err := w.n.openParams(&channelTerms{}, 1e6, conn)
	if err != nil {
		w.t.Fatal(err)
	}
	o, err := w.n.openChannel(w.n.ctx, conn, open, &openOrder{value: 1e6, external: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return o, w.next()
}

func (w *surroundings) needFunding() *channeldmsg.NeedFunding {
	return &channeldmsg.NeedFunding{PkScript: fundingPlaceholder, Amount: 1e6, ChannelType: w.goodOpened().ChannelType}
}

// openedOver is what a process says when both sides have signed for a funding output.
func (w *surroundings) openedOver(o btcwire.OutPoint) *channeldmsg.Opened {
	m := w.goodOpened()
	m.Setup.FundingTxid, m.Setup.FundingOutput, m.Setup.FundingSats = o.Hash, uint16(o.Index), 1e6
	m.Setup.Opener, m.ChannelID = true, wire.NewChannelID(o.Hash, uint16(o.Index))
	return m
}

// TestOpenersThatLie: what a process says of a channel of ours that it was not told.
func TestOpenersThatLie(t *testing.T) {
	other := btcwire.OutPoint{Hash: [32]byte{66}, Index: 1}
	for name, says := range map[string]func(*surroundings) []ipc.Message{
		"another amount": func(w *surroundings) []ipc.Message {
			m := w.needFunding()
			m.Amount++
			return []ipc.Message{m}
		},
		"no P2WSH": func(w *surroundings) []ipc.Message {
			m := w.needFunding()
			m.PkScript = append([]byte{0x51, 0x20}, m.PkScript[2:]...)
			return []ipc.Message{m}
		},
		"a script of any length": func(w *surroundings) []ipc.Message {
			m := w.needFunding()
			m.PkScript = make([]byte, 1<<16)
			return []ipc.Message{m}
		},
		"accepted twice":      func(w *surroundings) []ipc.Message { return []ipc.Message{w.needFunding(), w.needFunding()} },
		"signed before":       func(w *surroundings) []ipc.Message { return []ipc.Message{w.openedOver(other)} },
		"funded by itself":    func(w *surroundings) []ipc.Message { return []ipc.Message{w.needFunding(), w.openedOver(other)} },
		"stores before it is": func(w *surroundings) []ipc.Message { return []ipc.Message{w.needFunding(), &channeldmsg.Store{}} },
	} {
		t.Run(name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			o, p := w.propose(malloryChannel)
			for _, m := range says(w) {
				w.send(p, m)
			}
			hostile.Within(t, "end the process", func() {
				for p.conn.Send(&channeldmsg.PeerText{Warning: true}) == nil {
					w.n.loop.call(func() {})
				}
			})
			hostile.Within(t, "give it up", func() {
				for over := false; !over; {
					w.n.loop.call(func() { over = o.over && len(o.peer.openings) == 0 })
				}
			})
			w.alive()
			w.unharmed()
		})
	}
}

// TestTogetherOrNotAtAll: channels of one funding transaction are stored in one unit, and none of them once one of
// their peers has gone back on it.
func TestTogetherOrNotAtAll(t *testing.T) {
	for name, refused := range map[string]bool{"both": false, "one is refused": true} {
		t.Run(name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			var list []*opening
			var processes []*puppet
			for i, id := range []uint64{bobChannel, malloryChannel} {
				o, p := w.propose(id)
				w.send(p, w.needFunding())
				if _, err := o.next(w.n.ctx); err != nil {
					t.Fatal(err)
				}
				outpoint := btcwire.OutPoint{Hash: [32]byte{77}, Index: uint32(i)}
				if err := w.n.onLoop(func() error { return o.fund(outpoint) }); err != nil {
					t.Fatal(err)
				}
				w.send(p, w.openedOver(outpoint))
				w.send(p, &channeldmsg.StateChanged{Status: channeldmsg.Status{State: channeldmsg.AwaitingLockin}}) // waits for the store
				if _, err := o.next(w.n.ctx); err != nil {
					t.Fatal(err)
				}
				list, processes = append(list, o), append(processes, p)
			}
			w.n.loop.call(func() {
				if string(list[0].closeTo) == string(list[1].closeTo) {
					t.Error("both close to the same address")
				}
			})
			if refused {
				w.send(processes[1], &channeldmsg.PeerText{Text: []byte("no")})
				hostile.Within(t, "hear of it", func() {
					for err := error(nil); err == nil; {
						w.n.loop.call(func() { err = list[1].err })
					}
				})
			}
			done := make(chan struct{})
			err := w.n.onLoop(func() error {
				return w.n.storeOpened(list, &fundedBy{psbt: "psbt"}, func() { close(done) })
			})
			if (err != nil) != refused {
				t.Fatalf("stored: %v", err)
			}
			if !refused {
				hostile.Within(t, "store", func() { <-done })
			}
			rows, err := w.n.db.OpenChannels()
			if want := map[bool]int{false: 4, true: 2}[refused]; err != nil || len(rows) != want {
				t.Errorf("%d channels, %v; want %d", len(rows), err, want)
			}
			w.alive()
			w.unharmed()
		})
	}
}

// TestSecuredOpeningIsGivenUp: a peer that has signed for a channel that comes to nothing is told, as it would wait for
// its funding for two weeks; we forget the channel.
func TestSecuredOpeningIsGivenUp(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	o, p := w.propose(malloryChannel)
	w.send(p, w.needFunding())
	if _, err := o.next(w.n.ctx); err != nil {
		t.Fatal(err)
	}
	outpoint := btcwire.OutPoint{Hash: [32]byte{77}}
	if err := w.n.onLoop(func() error { return o.fund(outpoint) }); err != nil {
		t.Fatal(err)
	}
	w.send(p, w.openedOver(outpoint))
	if _, err := o.next(w.n.ctx); err != nil {
		t.Fatal(err)
	}
	o.abandon(errors.New("the funding transaction was given up"))
	hostile.Within(t, "tell the peer", func() {
		for <-p.heard != channeldmsg.TypeSendError {
		}
	})
	p.conn.Close()
	hostile.Within(t, "forget it", func() {
		for over := false; !over; {
			w.n.loop.call(func() { over = o.over && len(o.peer.openings) == 0 && len(w.n.channels) == 2 })
		}
	})
	w.unharmed()
}

// TestErrorsInTheFirstConnection: a channel has the process that opened it until the connection ends; what that hears
// of the peer is about the channel.
func TestErrorsInTheFirstConnection(t *testing.T) {
	for name, says := range map[string]ipc.Message{
		"the peer's error": &channeldmsg.PeerText{Text: []byte("no more")}, "the peer's fault": &channeldmsg.Failing{Text: "a rule"},
	} {
		t.Run(name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			w.send(w.connectd, &connectdmsg.PeerSent{ID: malloryID, Conn: 1, Wire: w.openChannel()})
			p := w.next()
			w.send(p, w.goodOpened())
			w.stored(p, &channeldmsg.Store{Status: testStatus})
			w.send(p, says)
			hostile.Within(t, "fail the channel", func() {
				for failed := false; !failed; {
					w.n.loop.call(func() {
						for _, c := range w.n.channels {
							failed = failed || c.row.State == store.AwaitingUnilateral
						}
					})
				}
			})
			w.unharmed()
		})
	}
}

// TestUnfundedChannelsAreForgotten: but not before their time, and never one that was funded.
func TestUnfundedChannelsAreForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*store.Channel)
		gone   bool
	}{
		"waits":       {func(*store.Channel) {}, true},
		"failed":      {func(r *store.Channel) { r.State = store.AwaitingUnilateral }, true},
		"ours":        {func(r *store.Channel) { r.Opener = "local" }, false},
		"funded once": {func(r *store.Channel) { r.FundingTx = []byte{1} }, false},
		"in use":      {func(r *store.Channel) { r.State = store.Normal }, false},
		"a later one": {func(r *store.Channel) { r.StartHeight = testHeight + 1 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			var there bool
			w.n.loop.call(func() {
				row := w.n.channels[malloryChannel].row
				row.State, row.Opener, row.ShortChannelID, row.StartHeight = store.AwaitingLockin, "remote", 0, testHeight
				c.change(row)
				w.n.forgetStale(testHeight + fundingTime)
				if w.n.channels[malloryChannel] == nil {
					t.Error("forgotten too early")
				}
				w.n.forgetStale(testHeight + fundingTime + 1)
				there = w.n.channels[malloryChannel] != nil
			})
			w.alive()
			closed, err := w.n.db.ClosedChannels(&malloryID)
			if err != nil || there == c.gone || (len(closed) == 1) != c.gone {
				t.Errorf("there: %v, closed: %v, %v", there, closed, err)
			}
			w.unharmed()
		})
	}
}
