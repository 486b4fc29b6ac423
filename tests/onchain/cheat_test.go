package onchain

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// copyOf stops a node, copies its database, and starts it again. What is returned brings the copy back.
func (s *stage) copyOf(n *harness.Node) (restore func()) {
	s.t.Helper()
	folder, copied := filepath.Join(n.Dir, "regtest"), filepath.Join(s.t.TempDir(), "copy")
	n.Stop()
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		s.t.Fatal(err)
	}
	n.Start()
	for _, p := range s.parties() {
		p.WaitChannel(s.id, "CHANNELD_NORMAL")
	}
	return func() {
		s.t.Helper()
		n.Stop()
		if err := os.RemoveAll(folder); err != nil {
			s.t.Fatal(err)
		}
		if err := os.CopyFS(folder, os.DirFS(copied)); err != nil {
			s.t.Fatal(err)
		}
		n.Start()
	}
}

// advance makes at least so many states: each payment has one commitment with its HTLC, and one without.
func (s *stage) advance(states int) {
	s.t.Helper()
	for i := 0; i < states; i += 2 {
		s.alice.Pay(s.bob.Invoice(10_000, "a state"))
		harness.Eventually(s.t, "the payment's HTLC is gone", func() error {
			for _, n := range s.parties() {
				if left := len(s.channelOf(n).HTLCs); left > 2*len(offers) {
					return fmt.Errorf("%s has %d", n.Name, left)
				}
			}
			return nil
		})
	}
}

// cheat has a party publish what its copy takes for its newest commitment, while the other is away.
func (s *stage) cheat(cheater *harness.Node, restore func()) *wire.MsgTx {
	s.t.Helper()
	s.other(cheater).Stop()
	restore()
	tx := s.closeAlone(cheater)
	s.waitFor(tx.TxHash())
	return tx
}

// justice checks that the victim has all that the revoked commitment's outputs have, but the anchors, and
// the cheater nothing.
func (a *account) justice(cheater *harness.Node, revoked *wire.MsgTx) {
	a.s.t.Helper()
	a.commitmentOf(revoked.TxHash(), 0)
	shares := map[*harness.Node]amount.Sat{a.s.bob: capacity - a.paid}
	if cheater == a.s.bob {
		shares = map[*harness.Node]amount.Sat{a.s.alice: capacity}
	} else {
		shares[a.s.alice] = a.paid // what it paid for the commitment, and that is gone
	}
	for _, n := range a.s.parties() {
		a.check(n, shares[n])
	}
}

// TestBOLT5Cheating has each side publish a commitment that it revoked, with HTLCs in both directions, while
// its peer is away for a moment.
func TestBOLT5Cheating(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		channelType []int
		opener      bool // cheats
		ago         int  // states
	}{
		"opener, 1 state ago, anchors":            {anchors, true, 1},
		"accepter, 10 states ago, anchors":        {anchors, false, 10},
		"opener, 10 states ago, static_remotekey": {staticRemotekey, true, 10},
		"accepter, 1 state ago, static_remotekey": {staticRemotekey, false, 1},
		"opener, 1000 states ago, anchors":        {anchors, true, 1000},
		"accepter, 1000 states ago, anchors":      {anchors, false, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.channelType)
			cheater := s.bob
			if c.opener {
				cheater = s.alice
			}
			victim := s.other(cheater)
			a := s.account()
			const delay = 30
			for i, sats := range offers {
				s.hold(s.alice, s.bob, sats, delay+i)
				s.hold(s.bob, s.alice, sats, delay+i)
			}
			s.waitHTLCs(2 * len(offers))
			restore := s.copyOf(cheater)
			s.advance(c.ago)
			revoked := s.cheat(cheater, restore)
			s.mine(1)
			victim.Start()
			victim.WaitLog("published a revoked commitment")
			s.settleDown()
			s.mine(2)
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(delay)
			s.resolve()
			a.justice(cheater, revoked)
		})
	}
}

// TestBOLT5CheatingWithSecondStageMined has the HTLC transactions of a revoked commitment mined before the
// victim comes back.
func TestBOLT5CheatingWithSecondStageMined(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		channelType []int
		opener      bool // cheats
	}{
		"opener, anchors":            {anchors, true},
		"accepter, anchors":          {anchors, false},
		"opener, static_remotekey":   {staticRemotekey, true},
		"accepter, static_remotekey": {staticRemotekey, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.channelType)
			cheater := s.bob
			if c.opener {
				cheater = s.alice
			}
			victim := s.other(cheater)
			a := s.account()
			const delay = 30
			for i, sats := range offers {
				s.hold(s.alice, s.bob, sats, delay+i)
				s.hold(s.bob, s.alice, sats, delay+i)
			}
			s.waitHTLCs(2 * len(offers))
			restore := s.copyOf(cheater)
			s.advance(1)
			s.mine(delay - 4)
			revoked := s.cheat(cheater, restore)
			s.mine(toSelfDelay - 4)
			s.settleDown() // the HTLC transactions are sent
			s.mine(2)      // its balance is not its own yet
			stages := 0
			for i := range revoked.TxOut {
				if s.spentBy(revoked.TxHash(), uint32(i)) != nil {
					stages++
				}
			}
			if stages < 2 {
				t.Fatalf("%d HTLC transactions of the cheater are mined", stages)
			}
			victim.Start()
			victim.WaitLog("published a revoked commitment")
			s.settleDown()
			s.mine(1)
			s.settleDown()
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(1)
			s.resolve()
			a.justice(cheater, revoked)
		})
	}
}
