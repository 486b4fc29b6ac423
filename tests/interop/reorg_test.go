package interop

import (
	"fmt"

	"fulmen/tests/harness"
)

var reorgCases = []Case{
	{Name: "reorg/funding-before-it-is-deep", Us: []string{"--funding-confirms=3"}, Peer: Setup{Confirms: 3}, Run: reorgEarly},
	{Name: "reorg/funding-at-another-height", Run: reorgLater},
	{Name: "reorg/above-funding", Run: reorgAbove},
}

// reorgEarly takes the funding transaction's block back before it is deep enough for anybody; it comes again in
// another.
func reorgEarly(s *Scene) {
	s.Connect()
	if _, err := s.TryOpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000}); err != nil {
		s.Fatalf("fundchannel: %v", err)
	}
	s.BTCD.WaitMempool(1)
	s.BTCD.Mine(1)
	s.Sync()
	s.moveFunding(1)
	s.BTCD.Mine(6)
	s.Sync()
	s.Usable()
	s.PayBothWays(1_000_000)
}

// moveFunding replaces the last blocks, of which the first has a funding transaction, by others, of which the
// second has it.
func (s *Scene) moveFunding(depth int) {
	s.Helper()
	block := s.BTCD.BlockAt(s.BTCD.Height() - depth + 1)
	s.BTCD.Invalidate(block.BlockHash())
	s.BTCD.MineOnly()
	s.BTCD.MineOnly(block.Transactions[1:]...)
	for range depth - 1 {
		s.BTCD.MineOnly()
	}
	s.Sync()
}

// reorgLater takes back the funding transaction of a channel that is in use, with an HTLC under way; it comes
// again one block later, so that the channel has another short_channel_id.
func reorgLater(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	s.PayBothWays(1_000_000)
	old := s.scidWith(s.Us, s.Peer.ID())
	s.moveFunding(6)
	harness.Eventually(s, "we have another short_channel_id", func() error {
		if now := s.scidWith(s.Us, s.Peer.ID()); now == old {
			return fmt.Errorf("it is still %s", old)
		}
		return nil
	})
	s.BTCD.Mine(6)
	s.Sync()
	s.linkPays()
	s.Peer.Stop()
	s.Peer.Start()
	s.linkPays()
	s.Us.Kill()
	s.Us.Start()
	s.linkPays()
}

// linkPays pays each way through the one channel, whatever else is known of it.
func (s *Scene) linkPays() {
	s.Helper()
	s.Us.WaitChannel("", "CHANNELD_NORMAL")
	harness.Eventually(s, "the peer's end takes HTLCs", func() error {
		for _, c := range s.Peer.Channels() {
			if !c.Linked {
				return fmt.Errorf("%s does not", c.Point)
			}
		}
		return nil
	})
	before := s.Agree()
	d := s.decode(s.Peer.Invoice(Invoice{Amount: 2_000_000}))
	if err := s.send(d); err != nil {
		s.Fatalf("sendpay: %v", err)
	}
	mustEqual(s, "our payment", s.outcome(d), "paid")
	if p := s.Peer.PayWrong(s.Us.Invoice(1_000_000, "through the one channel"), Nothing); p.Preimage == "" {
		s.Fatalf("the peer's payment ended with %+v", p)
	}
	mustEqual(s, "our balance", s.Agree(), before-1_000_000)
}

// reorgAbove takes back blocks above the funding transaction, and no more.
func reorgAbove(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	h := s.newHold(10_000_000)
	if err := s.send(h.invoice); err != nil {
		s.Fatalf("sendpay: %v", err)
	}
	s.arrives(h)
	s.BTCD.Reorg(4)
	s.Sync()
	s.Usable()
	s.Peer.Settle(h.preimage)
	mustEqual(s, "outcome", s.outcome(h.invoice), "paid")
	s.PayBothWays(1_000_000)
}
