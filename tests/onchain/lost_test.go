package onchain

import "testing"

// TestBOLT5LostState starts bob with an old copy of his database, while alice is there. He publishes nothing and
// asks her to close; his balance is in a commitment that he does not know, and he finds it there.
func TestBOLT5LostState(t *testing.T) {
	t.Parallel()
	for name, channelType := range map[string][]int{"anchors": anchors, "static_remotekey": staticRemotekey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, channelType)
			a := s.account()
			restore := s.copyOf(s.bob)
			const paid = 2 // payments of 10 sat each
			s.advance(2 * paid)
			restore()
			s.btcd.WaitMempool(1)
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(1)
			s.resolve()
			a.commitmentOf(s.closeOf(s.alice, s.id), 0)
			a.check(s.alice, capacity/2-10*paid)
			a.check(s.bob, capacity/2+10*paid)
		})
	}
}
