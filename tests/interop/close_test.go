package interop

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

var closeCases = []Case{
	{Name: "close/ours", Run: func(s *Scene) { closing(s, weClose(s)) }},
	{Name: "close/theirs", Run: func(s *Scene) { closing(s, theyClose(s, 3)) }},
	{Name: "close/theirs-dear", Run: func(s *Scene) { closing(s, theyClose(s, 40)) }},
	{Name: "close/theirs-cheap", Run: func(s *Scene) { closing(s, theyClose(s, 1)) }},
	{Name: "close/ours-simple", Peer: Setup{SimpleClose: true}, Run: func(s *Scene) { closing(s, weClose(s)) }},
	{Name: "close/theirs-simple", Peer: Setup{SimpleClose: true}, Run: func(s *Scene) { closing(s, theyClose(s, 3)) }},
	{Name: "close/ours-static-remotekey", Run: closeStatic},
	{Name: "close/theirs-opened-by-peer", Run: func(s *Scene) { closeTheirChannel(s, theyClose(s, 3)) }},
	{Name: "close/ours-opened-by-peer", Run: func(s *Scene) { closeTheirChannel(s, weClose(s)) }},
	{Name: "close/ours-simple-opened-by-peer", Peer: Setup{SimpleClose: true}, Run: func(s *Scene) { closeTheirChannel(s, weClose(s)) }},
	{Name: "close/nothing-is-theirs", Run: closeOneSided},
	{Name: "close/nothing-is-theirs-simple", Peer: Setup{SimpleClose: true}, Run: closeOneSided},
	{Name: "close/ours-with-htlc", Run: closeWithHTLC},
	{Name: "close/ours-with-htlc-reconnect", Run: closeWithHTLCReconnect},
}

func weClose(s *Scene) func(string) error {
	return func(string) error {
		var closed struct{ Type string }
		if err := s.Us.Try("close", []any{s.Peer.ID(), 60}, &closed); err != nil {
			return err
		}
		if closed.Type != "mutual" {
			return fmt.Errorf("it was a %s close", closed.Type)
		}
		return nil
	}
}

func theyClose(s *Scene, satPerByte uint64) func(string) error {
	return func(point string) error { return s.Peer.Close(point, Close{SatPerByte: satPerByte}) }
}

func closing(s *Scene, closeIt func(string) error) {
	s.Connect()
	point := s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	s.PayBothWays(1_000_000)
	s.closed(point, closeIt, 600_000_000)
}

// closed closes a channel and checks that we are paid out, less a fee that anybody would pay.
func (s *Scene) closed(point string, closeIt func(string) error, ours amount.Msat) {
	s.Helper()
	before := s.Us.Funds().OnChain()
	if err := closeIt(point); err != nil {
		s.Fatalf("close: %v", err)
	}
	s.BTCD.WaitMempool(1)
	s.BTCD.Mine(1)
	s.Sync()
	const fees = 20_000_000
	harness.Eventually(s, "we are paid out", func() error {
		if got := s.Us.Funds().OnChain() - before; got > ours || got+fees < ours {
			return fmt.Errorf("we got %s of %s", got, ours)
		}
		return nil
	})
	s.Eventually("the peer has no channel left", func() bool { return len(s.Peer.Channels()) == 0 })
}

func closeStatic(s *Scene) {
	s.Connect()
	point := s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000, "channel_type": []int{12}})
	s.closed(point, weClose(s), 600_000_000)
}

func closeTheirChannel(s *Scene, closeIt func(string) error) {
	s.Connect()
	point := s.OpenTheirs(Open{Sats: 1_000_000})
	s.ToUs(300_000_000)
	s.Agree()
	s.closed(point, closeIt, 300_000_000)
}

func closeOneSided(s *Scene) {
	s.Connect()
	point := s.OpenOurs(1_000_000, nil)
	s.closed(point, weClose(s), 1_000_000_000)
}

// closeWithHTLC closes a channel that has an HTLC under way, which is settled after both have sent
// shutdown.
func closeWithHTLC(s *Scene) { closeHolding(s, func() {}) }

func closeWithHTLCReconnect(s *Scene) {
	closeHolding(s, func() {
		s.Us.Call("disconnect", []any{s.Peer.ID(), true}, nil)
		s.Connected(true)
	})
}

func closeHolding(s *Scene, meanwhile func()) {
	s.Connect()
	point := s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	h := s.newHold(50_000_000)
	if err := s.send(h.invoice); err != nil {
		s.Fatalf("sendpay: %v", err)
	}
	s.arrives(h)
	e := new(failures)
	e.run(func() error { return weClose(s)(point) })
	s.Us.WaitLog("to=CHANNELD_SHUTTING_DOWN")
	meanwhile()
	s.Peer.Settle(h.preimage)
	mustEqual(s, "outcome", s.outcome(h.invoice), "paid")
	s.closed(point, func(string) error {
		for _, err := range e.wait() {
			return err
		}
		return nil
	}, 550_000_000)
}
