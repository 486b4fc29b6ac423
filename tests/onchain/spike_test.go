package onchain

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

// mineAbove mines a block of a time when blocks are full: it has the transactions alone that pay a rate,
// together with those that they need and that are not mined yet.
func (s *stage) mineAbove(least amount.FeeratePerKw) {
	s.t.Helper()
	pool := map[chainhash.Hash]*wire.MsgTx{}
	ids := s.btcd.Mempool()
	for _, id := range ids {
		if tx := s.btcd.Transaction(id); tx != nil {
			pool[id] = tx
		}
	}
	var block []*wire.MsgTx
	taken := map[chainhash.Hash]bool{}
	for _, id := range ids {
		var fee amount.Sat
		var weight int
		list := s.unmined(id, pool, taken)
		for _, tx := range list {
			fee += s.feeWith(tx, pool)
			weight += 3*tx.SerializeSizeStripped() + tx.SerializeSize()
		}
		if weight == 0 || fee < least.Fee(weight) {
			continue
		}
		for _, tx := range list {
			taken[tx.TxHash()] = true
		}
		block = append(block, list...)
	}
	s.btcd.MineOnly(block...)
	for _, n := range s.nodes() {
		n.Sync()
	}
	s.settleDown()
}

// unmined is a transaction of the mempool after those of it that it spends outputs of.
func (s *stage) unmined(id chainhash.Hash, pool map[chainhash.Hash]*wire.MsgTx, taken map[chainhash.Hash]bool) []*wire.MsgTx {
	tx := pool[id]
	if tx == nil || taken[id] {
		return nil
	}
	var list []*wire.MsgTx
	for _, in := range tx.TxIn {
		list = append(list, s.unmined(in.PreviousOutPoint.Hash, pool, taken)...)
	}
	return append(list, tx)
}

// The spikes: what a block asks for, far above the backend's estimate of 10 sat/vB.
const (
	spike      amount.FeeratePerKw = 5_000
	steepSpike amount.FeeratePerKw = 20_000
)

// TestBOLT5SpikeBeforeTheCommitment has fee rates rise when a commitment with an HTLC waits to be mined: its
// anchor pays for both, before somebody else can take the HTLC.
func TestBOLT5SpikeBeforeTheCommitment(t *testing.T) {
	t.Parallel()
	s := newStage(t, anchors)
	a := s.account()
	const delay, delta = 20, 6
	s.hold(s.alice, s.bob, forwarded, delay)
	s.waitHTLCs(1)
	deadline := s.btcd.Height() + 1 + delay + delta/2
	commitment := s.forceClose(s.alice, s.bob)
	for s.heightOf(commitment) == 0 && s.btcd.Height() < deadline {
		s.mineAbove(spike)
	}
	at := s.heightOf(commitment)
	if at == 0 || at >= deadline {
		t.Errorf("the commitment is mined at height %d, it had to be before %d", at, deadline)
	}
	s.mine(toSelfDelay)
	s.settleDown()
	s.mine(toSelfDelay + 1)
	s.settleDown()
	s.mine(1)
	s.resolve()
	a.commitmentOf(commitment, 0)
	a.check(s.alice, capacity/2)
	a.check(s.bob, capacity/2)
}

// TestBOLT5SpikeBeforeTheSecondStage has fee rates rise when bob has to show the preimage of an HTLC before it
// expires.
func TestBOLT5SpikeBeforeTheSecondStage(t *testing.T) {
	t.Parallel()
	s := newStage(t, anchors)
	s.withCarol(s.bob)
	a := s.account()
	h := s.holdAtCarol(s.alice, forwarded, forwardedDelay)
	s.waitHeld(s.carol, 1)
	expiry := s.btcd.Height() + 1 + forwardedDelay
	s.alice.Stop()
	s.release(s.bob, h)
	s.mine(forwardedDelay - 20)
	revealed := s.closeAlone(s.bob)
	commitment := revealed.TxHash()
	s.waitFor(commitment)
	s.mine(1)
	s.settleDown()
	var success *wire.MsgTx
	for success == nil && s.btcd.Height() < expiry {
		s.mineAbove(spike)
		for i, out := range revealed.TxOut {
			if amount.Sat(out.Value) == forwarded {
				success = s.spentBy(commitment, uint32(i))
			}
		}
	}
	if success == nil || s.heightOf(success.TxHash()) >= expiry {
		t.Errorf("the preimage is not in the chain before height %d", expiry)
	}
	s.mine(toSelfDelay + 1)
	s.settleDown()
	s.mine(1)
	s.resolveAt(s.id, s.bob)
	a.commitmentOf(commitment, 0)
	a.check(s.bob, capacity/2+forwarded)
}

// TestBOLT5SpikeBeforeThePenalty has fee rates rise when a revoked commitment is published: all of it is taken
// before the cheater can take any.
func TestBOLT5SpikeBeforeThePenalty(t *testing.T) {
	t.Parallel()
	for name, channelType := range map[string][]int{"anchors": anchors, "static_remotekey": staticRemotekey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, channelType)
			a := s.account()
			const delay = 40
			for i, sats := range offers {
				s.hold(s.alice, s.bob, sats, delay+i)
				s.hold(s.bob, s.alice, sats, delay+i)
			}
			s.waitHTLCs(2 * len(offers))
			restore := s.copyOf(s.alice)
			s.advance(2)
			revoked := s.cheat(s.alice, restore)
			s.alice.Stop()
			s.btcd.Mine(1)
			s.bob.Start()
			s.bob.WaitLog("published a revoked commitment")
			s.settleDown()
			for range toSelfDelay - 1 {
				s.mineAbove(steepSpike)
			}
			for i, out := range revoked.TxOut {
				// His own balance is nobody else's: it waits for lower fees.
				value := amount.Sat(out.Value)
				if value != anchor && value != capacity/2-dust-offers[0]-offers[1] && s.spentBy(revoked.TxHash(), uint32(i)) == nil {
					t.Errorf("output %d of %s is not taken", i, value)
				}
			}
			s.alice.Start()
			s.mine(1)
			s.settleDown()
			s.mine(delay)
			s.resolve()
			a.justice(s.alice, revoked)
		})
	}
}
