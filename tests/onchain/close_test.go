package onchain

import "testing"

// TestBOLT5CloseWithoutHTLCs has each side close alone a channel of each type, without HTLCs.
func TestBOLT5CloseWithoutHTLCs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		channelType []int
		opener      bool // closes
	}{
		"opener, anchors":            {anchors, true},
		"accepter, anchors":          {anchors, false},
		"opener, static_remotekey":   {staticRemotekey, true},
		"accepter, static_remotekey": {staticRemotekey, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.channelType)
			closer, other := s.alice, s.bob
			if !c.opener {
				closer, other = s.bob, s.alice
			}
			a := s.account()
			commitment := s.forceClose(closer, other)
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(1)
			s.resolve()
			a.commitmentOf(commitment, 0)
			a.check(s.alice, capacity/2)
			a.check(s.bob, capacity/2)
		})
	}
}
