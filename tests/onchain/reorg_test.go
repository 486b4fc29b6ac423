package onchain

import (
	"fmt"
	"testing"

	"fulmen/tests/harness"
)

// TestBOLT5RestartsAndReorganisation closes with HTLCs while every node is restarted after each of the
// first blocks, and then the chain is taken back to before the close, which is mined again.
func TestBOLT5RestartsAndReorganisation(t *testing.T) {
	t.Parallel()
	s := newStage(t, anchors)
	a := s.account()
	const delay = 30
	for i, sats := range offers {
		s.hold(s.alice, s.bob, sats, delay+i)
		s.hold(s.bob, s.alice, sats, delay+i)
	}
	s.waitHTLCs(2 * len(offers))
	commitment := s.forceClose(s.alice, s.bob)
	for range 3 {
		s.mine(1)
		for _, n := range s.nodes() {
			n.Restart()
		}
	}
	s.reorg(5, 3, s.tx(commitment))
	for _, n := range s.nodes() {
		n.Sync()
		harness.Eventually(t, n.Name+" sees the close again", func() error {
			if state := s.channelOf(n).State; state != "ONCHAIN" {
				return fmt.Errorf("the channel is in %s", state)
			}
			return nil
		})
	}
	s.mine(delay + len(offers))
	s.settleDown()
	for _, n := range s.nodes() {
		n.Restart() // with HTLC transactions in the mempool
	}
	s.mine(4)
	s.reorg(3, 0) // across them
	s.mine(toSelfDelay + 4)
	s.settleDown()
	s.mine(1)
	s.forget()
	s.resolve()
	a.commitmentOf(commitment, 2*dust)
	a.check(s.alice, capacity/2-dust)
	a.check(s.bob, capacity/2-dust)
}
