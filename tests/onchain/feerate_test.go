package onchain

import "testing"

// TestBOLT5CPFP closes with an HTLC, and no miner takes the commitment at its rate: a child brings it into
// a block before the HTLC is in danger, and pays more as that comes closer.
func TestBOLT5CPFP(t *testing.T) {
	t.Parallel()
	s := newStage(t, anchors)
	a := s.account()
	const delay = 30
	s.hold(s.alice, s.bob, offers[0], delay)
	s.waitHTLCs(1)
	commitment := s.close(s.alice, s.bob)
	child := s.newChild(commitment, nil)
	next := s.newChild(commitment, child)
	if next.TxOut[0].Value >= child.TxOut[0].Value {
		t.Errorf("the child leaves %d, the one before left %d", next.TxOut[0].Value, child.TxOut[0].Value)
	}
	s.btcd.Mine(1)
	if s.tx(commitment) == nil || s.tx(next.TxHash()) == nil {
		t.Error("commitment and child are not in one block")
	}
	s.bob.Start()
	s.mine(delay + 3)
	s.settleDown()
	s.mine(toSelfDelay + 1)
	s.settleDown()
	s.mine(1)
	s.resolve()
	a.commitmentOf(commitment, 0)
	a.check(s.alice, capacity/2)
	a.check(s.bob, capacity/2)
}
