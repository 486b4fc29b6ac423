package onchain

import "testing"

// loseState has bob lose his database, for both types of channels: close gets what brings a copy of some states ago back,
// and sees to it that a commitment is mined. Each side has what is its own in the end.
func loseState(t *testing.T, close func(s *stage, restore func())) {
	t.Parallel()
	for name, channelType := range map[string][]int{"anchors": anchors, "static_remotekey": staticRemotekey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, channelType)
			a := s.account()
			restore := s.copyOf(s.bob)
			const paid = 2 // payments of 10 sat each
			s.advance(2 * paid)
			close(s, restore)
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

// TestBOLT5LostStateAfterOurClose has bob close the channel, lose the disk, and start again with an old copy of his
// database. What his commitment pays him with a delay is still his.
func TestBOLT5LostStateAfterOurClose(t *testing.T) {
	loseState(t, func(s *stage, restore func()) {
		commitment := s.close(s.bob, s.alice)
		s.mine(1)
		if s.tx(commitment) == nil {
			s.t.Fatalf("bob's commitment %s is not mined", commitment)
		}
		restore()
		s.alice.Start()
		s.bob.WaitLog("which is newer than our state")
	})
}

// TestBOLT5LostState starts bob with an old copy of his database, while alice is there. He publishes nothing and
// asks her to close; his balance is in a commitment that he does not know, and he finds it there.
func TestBOLT5LostState(t *testing.T) {
	loseState(t, func(s *stage, restore func()) {
		restore()
		s.btcd.WaitMempool(1)
	})
}
