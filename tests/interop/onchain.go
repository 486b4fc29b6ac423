package interop

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// ends waits, block by block, until a closed channel is history for both sides.
func (s *Scene) ends(point string) {
	s.Helper()
	closer := able[Closer](s, s.Peer)
	s.endsWhen(func() bool { return len(s.Us.Channels()) == 0 && closer.Resolved(point) })
}

// endsForUs is ends where the peer may wait for ever, as for what it cannot have any more.
func (s *Scene) endsForUs() {
	s.Helper()
	s.endsWhen(func() bool { return len(s.Us.Channels()) == 0 })
}

func (s *Scene) endsWhen(ended func() bool) {
	s.Helper()
	const most = 400 // the longest expiry and delay, and what must be on top of the last transaction
	for mined, step := 0, 1; mined < most; mined += step {
		if mined == 2*shortBlocks {
			step = 5 // what is left waits for the expiry of HTLCs, and then for depth
		}
		s.BTCD.Mine(step)
		s.Sync()
		if ended() {
			return
		}
	}
	s.Fatalf("after %d blocks, it has not ended; we have %+v", most, s.Us.Channels())
}

// untaken is the outputs, but for anchors, of the close of a channel in the last block that nothing spends, there or
// in the mempool.
func (s *Scene) untaken(point string) (outputs []amount.Sat) {
	s.Helper()
	const anchor = 330
	all := s.BTCD.BlockAt(s.BTCD.Height()).Transactions
	for _, txid := range s.BTCD.Mempool() {
		if tx := s.BTCD.Transaction(txid); tx != nil {
			all = append(all, tx)
		}
	}
	spentBy := map[string]int{}
	for i, tx := range all {
		for _, in := range tx.TxIn {
			spentBy[in.PreviousOutPoint.String()] = i
		}
	}
	at, closed := spentBy[point]
	if !closed {
		s.Fatalf("the last block has no close of %s", point)
	}
	txid := all[at].TxHash()
	for i, out := range all[at].TxOut {
		if _, taken := spentBy[fmt.Sprintf("%s:%d", txid, i)]; !taken && out.Value != anchor {
			outputs = append(outputs, amount.Sat(out.Value))
		}
	}
	return outputs
}

// sent waits, after a close, until the outputs that nothing spends are as they should be. What has to be mined in time
// pays more with each block that comes, and here blocks come faster than a busy machine sends.
func (s *Scene) sent(point string, enough func(untaken []amount.Sat) bool) {
	s.Helper()
	harness.Eventually(s, "what has to be mined in time is sent", func() error {
		if left := s.untaken(point); !enough(left) {
			return fmt.Errorf("nothing spends the outputs of %v", left)
		}
		return nil
	})
}

// purse is what both wallets have.
type purse struct{ ours, theirs amount.Sat }

func (s *Scene) purse() purse {
	s.Helper()
	return purse{ours: s.Us.Funds().OnChain().Sat(), theirs: able[Closer](s, s.Peer).OnChain()}
}

// mostFees is what a side may have spent for all of its transactions: less than any HTLC of these cases that has
// an output, so that none can be lost unseen.
const mostFees amount.Sat = 40_000

// shared checks what each side got out of a channel, less fees.
func (s *Scene) shared(before purse, ours, theirs amount.Sat) {
	s.Helper()
	const anchors = 660 // whoever spends them may have them
	harness.Eventually(s, "each side has its share", func() error {
		now := s.purse()
		for _, side := range []struct {
			who           string
			before, after amount.Sat
			share         amount.Sat
		}{{"we", before.ours, now.ours, ours}, {"the peer", before.theirs, now.theirs, theirs}} {
			if most := side.before + side.share + anchors; side.after > most || side.after+mostFees < most {
				return fmt.Errorf("%s had %s and now %s; the share is %s", side.who, side.before, side.after, side.share)
			}
		}
		return nil
	})
	now := s.purse()
	s.Logf("we got %d of %d sat, the peer %d of %d", int64(now.ours)-int64(before.ours), ours, int64(now.theirs)-int64(before.theirs), theirs)
}

// closedByUs has us publish our commitment, and returns once it is in a block.
func (s *Scene) closedByUs() {
	s.Helper()
	var closed struct{ Type string }
	s.Us.Call("close", []any{s.Us.Channels()[0].ChannelID, 1}, &closed)
	mustEqual(s, "the close", closed.Type, "unilateral")
	s.mined()
}

// closedByPeer is closedByUs for the peer.
func (s *Scene) closedByPeer(point string) {
	s.Helper()
	if err := able[Closer](s, s.Peer).ForceClose(point); err != nil {
		s.Fatalf("the peer closes alone: %v", err)
	}
	s.mined()
}

// mined puts what waits into a block.
func (s *Scene) mined() {
	s.Helper()
	s.BTCD.WaitMempool(1)
	s.BTCD.Mine(1)
	s.Sync()
}
