package onchain

import (
	"testing"
)

// TestBOLT5AnotherCommitmentAfterAReorganisation has alice's commitment mined, then lost with some blocks, and
// bob's mined instead, with HTLCs in both directions.
func TestBOLT5AnotherCommitmentAfterAReorganisation(t *testing.T) {
	t.Parallel()
	for name, depth := range map[string]int{"depth 1": 1, "depth 4": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, anchors)
			a := s.account()
			const delay = 30
			for i, sats := range offers {
				s.hold(s.alice, s.bob, sats, delay+i)
				s.hold(s.bob, s.alice, sats, delay+i)
			}
			s.waitHTLCs(2 * len(offers))
			s.alice.Stop()
			bobs := s.closeAlone(s.bob)
			s.bob.Stop()
			s.alice.Start()
			first := s.closeAlone(s.alice)
			s.bob.Start()
			s.btcd.MineOnly(first)
			s.mine(depth - 1)
			s.settleDown()
			s.reorg(depth, 0, bobs)
			s.forget()
			s.mine(delay + len(offers) + 4)
			s.settleDown()
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(1)
			s.resolve()
			if s.tx(first.TxHash()) != nil {
				t.Error("both commitments are mined")
			}
			a.commitmentOf(bobs.TxHash(), 2*dust)
			a.check(s.alice, capacity/2-dust)
			a.check(s.bob, capacity/2-dust)
		})
	}
}

// TestBOLT5CheatingAfterAReorganisation has a mutual close mined, then lost with some blocks, and a commitment
// mined instead that bob revoked.
func TestBOLT5CheatingAfterAReorganisation(t *testing.T) {
	t.Parallel()
	s := newStage(t, anchors)
	a := s.account()
	restore := s.copyOf(s.bob)
	s.alice.Stop()
	revoked := s.closeAlone(s.bob)
	restore() // so that bob does not know of it
	s.alice.Start()
	s.alice.Connect(s.bob)
	for _, n := range s.parties() {
		n.WaitChannel(s.id, "CHANNELD_NORMAL")
	}
	s.advance(2)
	mutual := s.closeBy(s.alice, s.id, "mutual")
	s.btcd.MineOnly(mutual)
	s.mine(3)
	s.reorg(4, 0, revoked)
	s.forget()
	s.alice.WaitLog("published a revoked commitment")
	s.settleDown()
	s.mine(2)
	s.mine(toSelfDelay + 1)
	s.settleDown()
	s.mine(1)
	s.resolve()
	a.justice(s.bob, revoked)
}
