package onchain

import "testing"

// TestBOLT5LostStateAfterOurClose has bob close the channel, lose the disk, and start again with an old copy of his
// database. What his commitment pays him with a delay is still his.
func TestBOLT5LostStateAfterOurClose(t *testing.T) {
	t.Parallel()
	for name, channelType := range map[string][]int{"anchors": anchors, "static_remotekey": staticRemotekey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, channelType)
			a := s.account()
			restore := s.copyOf(s.bob)
			const paid = 2 // payments of 10 sat each
			s.advance(2 * paid)
			commitment := s.close(s.bob, s.alice)
			s.mine(1)
			restore()
			s.alice.Start()
			s.bob.WaitLog("which is newer than our state")
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(1)
			s.resolve()
			a.commitmentOf(commitment, 0)
			a.check(s.alice, capacity/2-10*paid)
			a.check(s.bob, capacity/2+10*paid)
		})
	}
}

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
