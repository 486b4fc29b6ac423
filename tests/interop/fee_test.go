package interop

import "fulmen/internal/amount"

var feeCases = []Case{
	{Name: "fee/ours-anchors", Run: func(s *Scene) { feeOurs(s, nil) }},
	{Name: "fee/ours-static-remotekey", Run: func(s *Scene) { feeOurs(s, map[string]any{"channel_type": []int{12}}) }},
	{Name: "fee/theirs-anchors", Run: func(s *Scene) { feeTheirs(s, "anchors") }},
	{Name: "fee/theirs-static-remotekey", Run: func(s *Scene) { feeTheirs(s, "static_remote_key") }},
}

// feeTheirs has the peer change the fee rate of a channel that it opened, up and down, with an HTLC under way.
func feeTheirs(s *Scene, kind string) {
	peer := able[FeeChanger](s, s.Peer)
	s.Connect()
	s.OpenTheirs(Open{Sats: 1_000_000, Push: 500_000, Type: kind})
	h := s.newHold(10_000_000)
	if err := s.send(h.invoice); err != nil {
		s.Fatalf("sendpay: %v", err)
	}
	s.arrives(h)
	for _, rate := range []amount.FeeratePerKw{4000, 1000, 2500} {
		old := s.Peer.Channels()[0].Feerate
		peer.SetFeerate(rate)
		var now amount.FeeratePerKw
		s.Eventually("the channel has another fee rate", func() bool {
			now = s.Peer.Channels()[0].Feerate
			return now != old
		})
		s.Logf("from %s to %s", old, now)
	}
	s.Peer.Settle(h.preimage)
	mustEqual(s, "outcome", s.outcome(h.invoice), "paid")
	s.PayBothWays(20_000_000)
}

// feeOurs changes the fee rate of a channel that we opened, up and down.
func feeOurs(s *Scene, how map[string]any) {
	s.Connect()
	more := map[string]any{"push_msat": 500_000_000}
	for name, value := range how {
		more[name] = value
	}
	s.OpenOurs(1_000_000, more)
	h := s.newHold(10_000_000)
	if err := s.send(h.invoice); err != nil {
		s.Fatalf("sendpay: %v", err)
	}
	s.arrives(h)
	for _, rate := range []string{"3000", "5", "1500"} {
		old := s.Peer.Channels()[0].Feerate
		s.Us.Stop()
		s.Us.Start("--commit-feerate-offset=" + rate)
		s.Usable()
		s.BTCD.Mine(1) // a node asks for its fee rates at each block
		s.Sync()
		var now amount.FeeratePerKw
		s.Eventually("the peer has another fee rate", func() bool {
			now = s.Peer.Channels()[0].Feerate
			return now != old
		})
		s.Logf("offset %s: from %s to %s", rate, old, now)
	}
	s.Peer.Settle(h.preimage)
	mustEqual(s, "outcome", s.outcome(h.invoice), "paid")
	s.PayBothWays(20_000_000)
}
