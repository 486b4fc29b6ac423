package onchain

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

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
			s := newStage(t, c.channelType)
			closer, other := s.alice, s.bob
			if !c.opener {
				closer, other = s.bob, s.alice
			}
			before := map[*harness.Node]amount.Msat{}
			for _, n := range s.nodes() {
				before[n] = n.Funds().OnChain()
			}
			commitment := s.forceClose(closer, other)
			s.mine(toSelfDelay + 1)
			// Each side gets its balance less the fee of its sweep; the opener has paid for the commitment.
			want := map[*harness.Node]amount.Msat{}
			for i, out := range s.tx(commitment).TxOut {
				n := s.alice
				switch amount.Sat(out.Value) {
				case anchor:
					continue
				case capacity / 2:
					n = s.bob
				}
				sweep := s.spender(commitment, uint32(i))
				want[n] = before[n] + amount.Sat(out.Value).Msat() - s.fee(sweep).Msat()
			}
			s.mine(1)
			s.resolve()
			for _, n := range s.nodes() {
				if got := n.Funds().OnChain(); got != want[n] || got <= before[n] {
					t.Errorf("%s has %s, want %s, had %s", n.Name, got, want[n], before[n])
				}
			}
			s.checkCommitmentFee(commitment)
		})
	}
}

// checkCommitmentFee fails unless the opener alone has paid for the commitment and its anchors.
func (s *stage) checkCommitmentFee(commitment chainhash.Hash) {
	s.t.Helper()
	var sum, bobs amount.Sat
	for _, out := range s.tx(commitment).TxOut {
		sum += amount.Sat(out.Value)
		if amount.Sat(out.Value) == capacity/2 {
			bobs = capacity / 2
		}
	}
	if bobs == 0 || sum >= capacity {
		s.t.Errorf("of %s the commitment pays %s, and to bob %s", capacity, sum, bobs)
	}
}
