package interop

import (
	"fmt"
	"slices"
	"strings"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

var forceCases = []Case{
	{Name: "force/ours-anchors", Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true, Run: func(s *Scene) { forceClose(s, nil, true) }},
	{Name: "force/theirs-anchors", Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true, Run: func(s *Scene) { forceClose(s, nil, false) }},
	{Name: "force/ours-static-remotekey", Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true, Run: func(s *Scene) { forceClose(s, staticRemotekey, true) }},
	{Name: "force/theirs-static-remotekey", Us: shortDelay, Peer: Setup{ShortDelay: true}, Hold: true, Run: func(s *Scene) { forceClose(s, staticRemotekey, false) }},
}

// shortDelay has our to_self_delay for the peer as short as ShortDelay has its for us.
var shortDelay = []string{fmt.Sprintf("--watchtime-blocks=%d", shortBlocks)}

var staticRemotekey = map[string]any{"channel_type": []int{12}}

// with adds to the parameters of fundchannel.
func with(more map[string]any, name string, value any) map[string]any {
	all := map[string]any{name: value}
	for name, value := range more {
		all[name] = value
	}
	return all
}

// held are HTLCs in both directions: one that will be taken, one that will not, and one that is trimmed.
type heldBothWays struct {
	ours   [3]hold
	theirs [3]*ourHold
}

// What the HTLCs of heldBothWays have, in satoshi; of the first of each, who receives it will take it.
var (
	oursHeld   = [3]amount.Sat{60_000, 45_000, 200}
	theirsHeld = [3]amount.Sat{61_000, 46_000, 201}
)

func (s *Scene) heldBothWays() (h heldBothWays) {
	s.Helper()
	scid := s.scidWith(s.Us, s.Peer.ID())
	for i := range 3 {
		h.ours[i] = s.newHold(oursHeld[i].Msat())
		if err := s.send(h.ours[i].invoice); err != nil {
			s.Fatalf("sendpay: %v", err)
		}
		s.arrives(h.ours[i])
		h.theirs[i] = s.HeldByUs(scid, theirsHeld[i].Msat())
	}
	s.committed(6)
	return h
}

// committed waits until both sides are committed to so many HTLCs.
func (s *Scene) committed(count int) {
	s.Helper()
	harness.Eventually(s, "both are committed to all HTLCs", func() error {
		done := 0
		for _, h := range s.Us.Channels()[0].HTLCs {
			if strings.HasSuffix(h.State, "_ADD_ACK_REVOCATION") {
				done++
			}
		}
		if theirs := s.Peer.Channels()[0].HTLCs; done != count || theirs != count {
			return fmt.Errorf("we are to %d of %d, the peer to %d", done, count, theirs)
		}
		return nil
	})
}

// take has each side take the first HTLC that it keeps, from then on.
func (h heldBothWays) take(s *Scene) {
	s.Helper()
	s.Peer.Settle(h.ours[0].preimage)
	h.theirs[0].settle()
}

// forceClose has one side publish its commitment with HTLCs in both directions. The one half of them is taken by
// preimages on chain, the other times out.
func forceClose(s *Scene, kind map[string]any, weClose bool) {
	able[Closer](s, s.Peer)
	s.Connect()
	point := s.OpenOurs(1_000_000, with(kind, "push_msat", 500_000_000))
	before := s.purse()
	h := s.heldBothWays()
	if weClose {
		s.closedByUs()
	} else {
		s.closedByPeer(point)
	}
	h.take(s)
	s.sent(point, func(untaken []amount.Sat) bool { return !slices.Contains(untaken, theirsHeld[0]) }) // lnd waits for a block
	s.ends(point)
	// Who offered what is trimmed has lost it to the miner.
	s.shared(before, 500_000-oursHeld[0]-oursHeld[2]+theirsHeld[0], 500_000-theirsHeld[0]-theirsHeld[2]+oursHeld[0])
	mustEqual(s, "what the peer took", s.outcome(h.ours[0].invoice), "paid")
	for _, lost := range h.ours[1:] {
		if o := s.outcome(lost.invoice); o == "paid" {
			s.Errorf("an HTLC that timed out is paid")
		}
	}
	if p := <-h.theirs[0].ended; p.Preimage == "" && p.Failure != lost {
		s.Errorf("the peer's payment, which we took, ended with %+v", p)
	}
	for _, failed := range h.theirs[1:] {
		if p := <-failed.ended; p.Preimage != "" {
			s.Errorf("the peer's payment, which timed out, ended with %+v", p)
		}
	}
}
