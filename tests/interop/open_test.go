package interop

import (
	"slices"
	"strings"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

var openCases = []Case{
	{Name: "open/ours-anchors", Run: func(s *Scene) { openOurs(s, "anchors", nil) }},
	{Name: "open/ours-static-remotekey", Run: func(s *Scene) { openOurs(s, "static_remote_key", map[string]any{"channel_type": []int{12}}) }},
	{Name: "open/ours-private", Run: openOursPrivate},
	{Name: "open/ours-push", Run: openOursPush},
	{Name: "open/ours-close-to", Run: openOursCloseTo},
	{Name: "open/ours-too-small-for-peer", Peer: Setup{LeastChannel: 200_000}, Run: openOursTooSmall},
	{Name: "open/ours-push-refused", Peer: Setup{NoPush: true}, Run: openOursPushRefused},
	{Name: "open/ours-too-large", Run: openOursTooLarge},
	{Name: "open/ours-large", Peer: Setup{Large: true}, Run: openOursLarge},
	{Name: "open/theirs-anchors", Run: func(s *Scene) { openTheirs(s, Open{Sats: 1_000_000, Type: "anchors"}) }},
	{Name: "open/theirs-static-remotekey", Run: func(s *Scene) { openTheirs(s, Open{Sats: 1_000_000, Type: "static_remote_key"}) }},
	{Name: "open/theirs-private", Run: func(s *Scene) { openTheirs(s, Open{Sats: 1_000_000, Private: true}) }},
	{Name: "open/theirs-private-alias", Peer: Setup{SCIDAlias: true}, Run: func(s *Scene) { openTheirs(s, Open{Sats: 1_000_000, Private: true, Alias: true}) }},
	{Name: "open/theirs-push", Run: func(s *Scene) { openTheirs(s, Open{Sats: 1_000_000, Push: 300_000}) }},
	{Name: "open/theirs-close-to", Run: openTheirsCloseTo},
	{Name: "open/theirs-too-small", Us: []string{"--min-capacity-sat=200000"}, Run: openTheirsTooSmall},
	{Name: "open/theirs-large", Peer: Setup{Large: true}, Run: func(s *Scene) { openTheirs(s, Open{Sats: 20_000_000}) }},
	{Name: "open/several", Run: openSeveral},
	{Name: "open/many", Run: openMany},
	{Name: "open/restart-before-confirmed", Run: openRestart},
}

func openOurs(s *Scene, kind string, more map[string]any) {
	s.Connect()
	s.OpenOurs(1_000_000, more)
	mustEqual(s, "channel_type", s.Peer.Channels()[0].Type, kind)
	s.ToPeer(100_000_000)
	s.PayBothWays(50_000_000)
}

func openOursPrivate(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"announce": false, "push_msat": 300_000_000})
	mustEqual(s, "private", s.Peer.Channels()[0].Private, true)
	s.PayBothWays(50_000_000)
}

func openOursPush(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 300_000_500})
	mustEqual(s, "our balance", s.Agree(), 699_999_500)
	s.PayBothWays(50_000_000)
}

func openOursCloseTo(s *Scene) {
	s.Connect()
	to := "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6"
	point := s.OpenOurs(1_000_000, map[string]any{"close_to": to})
	s.ToPeer(100_000_000)
	s.Agree()
	s.closesTo(to, func() error { return s.Peer.Close(point, Close{}) })
}

// closesTo checks that a close pays to an address.
func (s *Scene) closesTo(to string, closeIt func() error) {
	s.Helper()
	if err := closeIt(); err != nil {
		s.Fatalf("close: %v", err)
	}
	txid := s.BTCD.WaitMempool(1)[0]
	var tx struct {
		Vout []struct {
			ScriptPubKey struct{ Address string }
		}
	}
	if err := s.BTCD.Call(&tx, "getrawtransaction", txid.String(), 1); err != nil {
		s.Fatalf("%v", err)
	}
	for _, out := range tx.Vout {
		if out.ScriptPubKey.Address == to {
			return
		}
	}
	s.Fatalf("the close pays to %+v, not to %s", tx.Vout, to)
}

func openOursTooSmall(s *Scene) {
	s.Connect()
	_, err := s.TryOpenOurs(100_000, nil)
	s.refused(err, "below")
	s.staysConnected()
	s.OpenOurs(200_000, nil)
}

// refused checks that an opening ended with one of these reasons, and that nothing is left of it.
func (s *Scene) refused(err error, whys ...string) {
	s.Helper()
	if err == nil || !slices.ContainsFunc(whys, func(why string) bool { return strings.Contains(strings.ToLower(err.Error()), why) }) {
		s.Fatalf("the opening ended with %v, want one of %q", err, whys)
	}
	if n := len(s.Us.Channels()); n != 0 {
		s.Fatalf("we have %d channels", n)
	}
}

func openOursPushRefused(s *Scene) {
	s.Connect()
	_, err := s.TryOpenOurs(1_000_000, map[string]any{"push_msat": 1000})
	s.refused(err, "push")
	s.OpenOurs(1_000_000, nil)
}

func openOursTooLarge(s *Scene) {
	s.Connect()
	_, err := s.TryOpenOurs(1<<24, nil)
	s.refused(err, "more than", "at most")
	s.OpenOurs(1<<24-1, nil)
}

func openOursLarge(s *Scene) {
	s.Connect()
	s.OpenOurs(20_000_000, nil)
	s.ToPeer(9_000_000_000)
	s.Agree() // before, the peer cannot spend it
	s.ToUs(8_000_000_000)
	mustEqual(s, "our balance", s.Agree(), 19_000_000_000)
}

func openTheirs(s *Scene, how Open) {
	s.Connect()
	s.OpenTheirs(how)
	c := s.Peer.Channels()[0]
	mustEqual(s, "private", c.Private, how.Private)
	if how.Type != "" {
		mustEqual(s, "channel_type", c.Type, how.Type)
	}
	mustEqual(s, "our balance", s.Agree(), how.Push.Msat())
	s.ToUs(how.Sats.Msat() / 4)
	s.PayBothWays(how.Sats.Msat() / 8)
}

func openTheirsCloseTo(s *Scene) {
	s.Connect()
	to := s.Peer.NewAddress()
	s.OpenTheirs(Open{Sats: 1_000_000, CloseTo: to})
	s.closesTo(to, func() error { return s.Us.Try("close", []any{s.Peer.ID(), 60}, nil) })
}

func openTheirsTooSmall(s *Scene) {
	s.Connect()
	_, err := s.Peer.Open(s.Us.ID(), Open{Sats: 199_999})
	s.refused(err, "200000")
	s.staysConnected()
	s.OpenTheirs(Open{Sats: 200_000})
}

func openSeveral(s *Scene) {
	s.Connect()
	var total amount.Msat
	for range 2 {
		s.OpenOurs(500_000, nil)
		s.OpenTheirs(Open{Sats: 400_000})
		total += 500_000_000
	}
	mustEqual(s, "our balance", s.Agree(), total)
	for range 3 {
		s.ToPeer(300_000_000)
		s.ToUs(200_000_000)
	}
	mustEqual(s, "our balance", s.Agree(), total-300_000_000)
	s.Peer.Kill()
	s.Peer.Start()
	s.Usable()
	mustEqual(s, "our balance", s.Agree(), total-300_000_000)
}

// openMany has each side open as many as the other lets wait at once, several in a block.
func openMany(s *Scene) {
	const rounds, each = 3, 4 // LDK takes no more than four unconfirmed ones of a peer
	for range each - 1 {
		s.Us.FundWallet(3_000_000) // a change cannot be spent before it is confirmed
		s.BTCD.Fund(s.Peer.NewAddress(), 3_000_000)
	}
	s.BTCD.Mine(1)
	s.Sync()
	s.Connect()
	for round := range rounds {
		for range each {
			if _, err := s.TryOpenOurs(300_000, map[string]any{"push_msat": 100_000_000}); err != nil {
				s.Fatalf("fundchannel: %v", err)
			}
			if _, err := s.Peer.Open(s.Us.ID(), Open{Sats: 400_000, Push: 100_000}); err != nil {
				s.Fatalf("the peer opens: %v", err)
			}
		}
		s.BTCD.WaitMempool(2 * each)
		s.BTCD.Mine(6)
		s.Sync()
		harness.Eventually(s, "all channels are there", func() error { return allActive(s.Peer, 2*each*(round+1)) })
	}
	s.Usable()
	mustEqual(s, "our balance", s.Agree(), rounds*each*300_000_000)
	s.PayBothWays(1_000_000_000) // in parts
	s.Us.Kill()
	s.Us.Start()
	s.Usable()
	s.PayBothWays(1_000_000_000)
}

func openRestart(s *Scene) {
	s.Connect()
	if _, err := s.TryOpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000}); err != nil {
		s.Fatalf("fundchannel: %v", err)
	}
	if _, err := s.Peer.Open(s.Us.ID(), Open{Sats: 500_000}); err != nil {
		s.Fatalf("the peer opens: %v", err)
	}
	s.BTCD.WaitMempool(2)
	s.Peer.Kill()
	s.Us.Kill()
	s.Peer.Start()
	s.Us.Start()
	s.Connected(true)
	s.BTCD.Mine(1)
	s.Sync()
	s.Us.Kill()
	s.Us.Start()
	s.Connected(true)
	s.BTCD.Mine(5)
	s.Sync()
	harness.Eventually(s, "both channels are there", func() error {
		if n := len(s.Peer.Channels()); n != 2 {
			return constant("the peer has not both")
		}
		return nil
	})
	s.Usable()
	s.PayBothWays(1_000_000)
}
