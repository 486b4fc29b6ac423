package interop

import "fulmen/internal/amount"

var holdOurCases = []Case{
	{Name: "hold/ours-reconnect", Hold: true, Run: func(s *Scene) {
		ourHoldsOver(s, func() { s.Reconnected(func() { s.Us.Call("disconnect", []any{s.Peer.ID(), true}, nil) }) })
	}},
	{Name: "hold/ours-peer-restarts", Hold: true, Run: func(s *Scene) {
		ourHoldsOver(s, func() { s.Peer.Stop(); s.Peer.Start() })
	}},
	{Name: "hold/ours-peer-is-killed", Hold: true, Run: func(s *Scene) {
		ourHoldsOver(s, func() { s.Peer.Kill(); s.Peer.Start() })
	}},
	{Name: "hold/ours-we-restart", Hold: true, Run: func(s *Scene) {
		ourHoldsOver(s, func() { s.Us.Kill(); s.Us.Start() })
	}},
	{Name: "hold/ours-both-restart", Hold: true, Run: func(s *Scene) {
		ourHoldsOver(s, func() { s.Peer.Stop(); s.Us.Kill(); s.Peer.Start(); s.Us.Start() })
	}},
}

// ourHoldsOver keeps payments of the peer's while something happens, and then takes the one half and fails the
// other. Of each there is one that is trimmed.
func ourHoldsOver(s *Scene, happens func()) {
	s.even()
	before := s.Agree()
	scid := s.scidWith(s.Us, s.Peer.ID())
	var holds []*ourHold
	for _, msat := range []amount.Msat{10_000_000, 10_000_000, 300_000, 300_000} {
		holds = append(holds, s.HeldByUs(scid, msat))
	}
	happens()
	s.Usable()
	s.weHold(holds...)
	for i, h := range holds {
		if i%2 == 0 {
			h.settle()
		} else {
			h.refuse()
		}
	}
	for i, h := range holds {
		p := <-h.ended
		switch {
		case p.Failure == lost: // it was asked while the peer went away
		case i%2 == 0 && p.Preimage == "":
			s.Errorf("payment %d, which we took, ended with %+v", i, p)
		case i%2 == 1 && (p.Failure != "temporary_node_failure" || p.FailedAt != 1):
			s.Errorf("payment %d, which we failed, ended with %+v", i, p)
		}
	}
	mustEqual(s, "our balance", s.Agree(), before+10_300_000)
	s.linkPays() // where failures have taught the peer to pay somebody else
}
