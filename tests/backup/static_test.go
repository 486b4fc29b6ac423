package backup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// scene is alice with channels with bob and carol, in all of which she has something.
type scene struct {
	btcd              *harness.Btcd
	alice, bob, carol *harness.Node
	inChannels        amount.Msat // alice's
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{btcd: harness.StartBtcd(t)}
	s.alice, s.bob, s.carol = harness.StartNode(t, s.btcd, "alice"), harness.StartNode(t, s.btcd, "bob"), harness.StartNode(t, s.btcd, "carol")
	s.alice.FundWallet(20_000_000)
	for _, peer := range []*harness.Node{s.bob, s.carol} {
		s.alice.Connect(peer)
		s.alice.OpenChannel(peer, capacity)
		for range 3 {
			s.alice.Pay(peer.Invoice(100_000_000, "there"))
			peer.Pay(s.alice.Invoice(20_000_000, "and back"))
		}
		peer.Settled()
	}
	s.inChannels = s.alice.Settled()
	return s
}

// closedByPeers mines what the peers publish, until alice has what was hers, less fees.
func (s *scene) closedByPeers(t *testing.T, peers int, had amount.Msat) {
	t.Helper()
	s.btcd.WaitMempool(peers)
	harness.Eventually(t, "alice has her coins", func() error {
		s.btcd.Mine(1)
		s.alice.Sync()
		if now := s.alice.Funds().OnChain(); now < had+s.inChannels-40_000_000 {
			return fmt.Errorf("she has %d in coins, had %d and %d in channels", now, had, s.inChannels)
		}
		return nil
	})
}

func emergencyFile(n *harness.Node) string {
	return filepath.Join(n.Dir, "regtest", "emergency.recover")
}

// keepEmergencyFile destroys all of a node that has stopped but hsm_secret and this file.
func keepEmergencyFile(t *testing.T, n *harness.Node) {
	t.Helper()
	file, err := os.ReadFile(emergencyFile(n))
	if err != nil {
		t.Fatal(err)
	}
	destroy(t, n)
	if err := os.WriteFile(emergencyFile(n), file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// waitBackedUp waits until the file has a number of channels.
func waitBackedUp(t *testing.T, n *harness.Node, channels int) {
	t.Helper()
	harness.Eventually(t, "the file has all channels", func() error {
		var r struct {
			IDs []string `json:"backed_up_channel_ids"`
		}
		if err := n.Try("getemergencyrecoverdata", nil, &r); err != nil || len(r.IDs) != channels {
			return fmt.Errorf("%v, %w", r.IDs, err)
		}
		return nil
	})
}

// TestEmergencyRecover loses all but hsm_secret and emergency.recover.
func TestEmergencyRecover(t *testing.T) {
	s := newScene(t)
	waitBackedUp(t, s.alice, 2)
	for _, n := range []*harness.Node{s.alice, s.bob, s.carol} {
		n.Stop() // nobody calls alice, nor has stored anything by hand
	}
	keepEmergencyFile(t, s.alice)
	s.alice.Start("--rescan=1000")
	s.alice.Sync()
	had := s.alice.Funds().OnChain()
	var r struct {
		Stubs []string `json:"stubs"`
	}
	s.alice.Call("emergencyrecover", nil, &r)
	if len(r.Stubs) != 2 {
		t.Fatalf("stubs %v", r.Stubs)
	}
	for _, c := range s.alice.Channels() {
		if c.State != "AWAITING_UNILATERAL" {
			t.Errorf("%+v", c)
		}
	}
	if err := s.alice.Try("emergencyrecover", nil, &r); err != nil || len(r.Stubs) != 0 {
		t.Errorf("a second time: %v, %v", r.Stubs, err)
	}
	s.bob.Start()
	s.carol.Start()
	s.closedByPeers(t, 2, had)
	// The peers close because of what channel_reestablish shows; some would not for an error alone.
	if log := s.alice.Log(); strings.Contains(log, "channel does not resume") || !strings.Contains(log, "the peer knows a newer state") {
		t.Error("alice's channels did not reestablish")
	}
}

// TestEmergencyRecoverAfterOurClose loses all but these files while alice's own commitment in a channel waits for its delay.
func TestEmergencyRecoverAfterOurClose(t *testing.T) {
	s := newScene(t)
	waitBackedUp(t, s.alice, 2)
	s.bob.Stop()
	s.alice.Call("close", []any{s.bob.ID(), 1}, nil)
	s.btcd.WaitMempool(1)
	s.btcd.Mine(1)
	s.alice.Sync()
	s.alice.Stop()
	keepEmergencyFile(t, s.alice)
	s.alice.Start()
	s.alice.Call("emergencyrecover", nil, nil)
	s.alice.WaitLog("start once with --rescan")
	s.alice.Stop()
	s.alice.Start("--rescan=1000")
	s.alice.Sync()
	had := s.alice.Funds().OnChain()
	s.closedByPeers(t, 1, had) // carol's
}

// TestPeersStorageAndWords loses everything. The twelve words make the node again, and the first peer that it is
// connected to gives back what it stored: from then on the node finds the others.
func TestPeersStorageAndWords(t *testing.T) {
	s := newScene(t)
	words := wordsOf(t, s.alice)
	waitBackedUp(t, s.alice, 2)
	s.alice.Settled()
	s.alice.Stop()
	destroy(t, s.alice)
	if err := os.RemoveAll(filepath.Join(s.alice.Dir, "regtest")); err != nil {
		t.Fatal(err)
	}
	s.bob.Stop() // he is to be found by what carol stored
	id := s.alice.ID()
	s.alice.Start("--recover="+words, "--rescan=1000")
	if s.alice.ID() != id {
		t.Fatalf("alice is %s, was %s", s.alice.ID(), id)
	}
	s.alice.Sync()
	had := s.alice.Funds().OnChain()
	s.bob.Start()
	s.alice.Connect(s.carol)
	harness.Eventually(t, "alice knows both channels", func() error {
		if list := s.alice.Channels(); len(list) != 2 {
			return fmt.Errorf("%+v", list)
		}
		return nil
	})
	s.closedByPeers(t, 2, had)
	s.alice.Stop()
	s.alice.Launch("--recover=" + words)
	if err := s.alice.WaitExit(); err == nil {
		t.Errorf("recover with a hsm_secret that is there")
	}
}

// wordsOf reads the words of a node's hsm_secret, as its operator does.
func wordsOf(t *testing.T, n *harness.Node) string {
	t.Helper()
	bin, err := harness.Bin()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(bin, "lightning-hsmtool"), "getsecret", filepath.Join(n.Dir, "regtest", "hsm_secret")).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
