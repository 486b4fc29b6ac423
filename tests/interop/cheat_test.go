package interop

import (
	"path/filepath"

	"fulmen/internal/amount"
)

var cheatCases = []Case{
	{Name: "cheat/peer-anchors", Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true, Run: func(s *Scene) { peerCheats(s, nil) }},
	{Name: "cheat/peer-static-remotekey", Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true, Run: func(s *Scene) { peerCheats(s, staticRemotekey) }},
	{Name: "cheat/ours-anchors", Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true, Run: func(s *Scene) { weCheat(s, nil) }},
	{Name: "cheat/ours-static-remotekey", Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true, Run: func(s *Scene) { weCheat(s, staticRemotekey) }},
	{Name: "lost/ours", Us: shortDelay, Peer: Setup{ShortDelay: true}, Run: weLose},
	{Name: "lost/theirs", Us: shortDelay, Peer: Setup{ShortDelay: true}, Run: peerLoses},
}

// copyOurs stops us, keeps our files and starts us again; restore, with us stopped, brings them back.
func (s *Scene) copyOurs() (restore func()) {
	s.Helper()
	s.Us.Stop()
	restore = copyFolder(s, filepath.Join(s.Us.Dir, "regtest"))
	s.Us.Start()
	s.Usable()
	return restore
}

// copyTheirs is copyOurs for the peer.
func (s *Scene) copyTheirs() (restore func()) {
	s.Helper()
	copier := able[Copier](s, s.Peer)
	s.Peer.Stop()
	restore = copier.Copy()
	s.Peer.Start()
	s.Usable()
	return restore
}

// onward makes new states: payments both ways.
func (s *Scene) onward(rounds int) {
	s.Helper()
	for range rounds {
		s.ToPeer(3_000_000)
		s.ToUs(1_000_000)
	}
}

// peerCheats has the peer publish a commitment that it has revoked, with HTLCs in both directions, while we are
// away. We take all that it has.
func peerCheats(s *Scene, kind map[string]any) {
	closer := able[Closer](s, s.Peer)
	s.Connect()
	point := s.OpenOurs(1_000_000, with(kind, "push_msat", 500_000_000))
	before := s.purse()
	s.heldBothWays()
	restore := s.copyTheirs()
	s.committed(6)
	s.onward(2)
	s.Us.Stop()
	s.Peer.Stop()
	restore()
	s.Peer.Start()
	if err := closer.ForceClose(point); err != nil {
		s.Fatalf("the peer closes alone: %v", err)
	}
	s.mined()
	s.Us.Start()
	s.Us.WaitLog("published a revoked commitment")
	s.sent(point, func(untaken []amount.Sat) bool { return len(untaken) == 0 })
	s.endsForUs()
	s.shared(before, 1_000_000-oursHeld[2]-theirsHeld[2], 0)
}

// weCheat is the other way round.
func weCheat(s *Scene, kind map[string]any) {
	able[Closer](s, s.Peer)
	s.Connect()
	point := s.OpenOurs(1_000_000, with(kind, "push_msat", 500_000_000))
	before := s.purse()
	s.heldBothWays()
	restore := s.copyOurs()
	s.committed(6)
	s.onward(2)
	s.Peer.Stop()
	s.Us.Stop()
	restore()
	s.Us.Start()
	s.closedByUs()
	s.Peer.Start()
	s.sent(point, func(untaken []amount.Sat) bool { return len(untaken) <= 1 }) // its own balance it may take later
	s.ends(point)
	s.shared(before, 0, 1_000_000-oursHeld[2]-theirsHeld[2])
}

// weLose starts us with an old copy of our files while the peer is there. It tells us how far the channel was; we
// publish nothing, and find our balance in the commitment that it publishes.
func weLose(s *Scene) {
	able[Closer](s, s.Peer)
	s.Connect()
	point := s.OpenOurs(1_000_000, map[string]any{"push_msat": 500_000_000})
	before := s.purse()
	restore := s.copyOurs()
	s.onward(3)
	ours := s.Agree().Sat()
	s.Us.Stop()
	restore()
	s.Us.Start()
	s.Us.WaitLog("the peer knows a newer state of the channel than this node: it will not be broadcast")
	s.mined()
	s.Us.WaitLog("The peer's commitment [0-9]+, which we do not know, was mined")
	s.ends(point)
	s.shared(before, ours, 1_000_000-ours)
}

// peerLoses is the other way round. LDK 0.1.2 ends itself when it hears how far the channel was; started again, it
// finds our commitment.
func peerLoses(s *Scene) {
	able[Closer](s, s.Peer)
	s.Connect()
	point := s.OpenOurs(1_000_000, map[string]any{"push_msat": 500_000_000})
	before := s.purse()
	restore := s.copyTheirs()
	s.onward(3)
	ours := s.Agree().Sat()
	s.Us.Stop()
	s.Peer.Stop()
	restore()
	s.Peer.Start()
	s.Us.Start()
	if q, ok := s.Peer.(Quitter); ok {
		q.WaitEnd()
		s.BTCD.WaitMempool(1)
		s.BTCD.Mine(1)
		s.Peer.Start()
		s.Sync()
	} else {
		s.mined()
	}
	s.ends(point)
	s.shared(before, ours, 1_000_000-ours)
}
