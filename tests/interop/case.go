package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// A Case is written once and run against each kind of peer.
type Case struct {
	Name string
	Peer Setup    // how the peer is started
	Us   []string // options for our node
	Hold bool     // our node has the plugin holder
	Run  func(s *Scene)
}

// smoke is the few cases that say soon whether the nodes understand each other at all.
var smoke = []string{
	"connect/peer-dials", "connect/unknown-odd-message", "open/ours-anchors", "open/theirs-anchors", "pay/refused-by-peer",
	"pay/refused-by-us", "pay/parts-to-us", "forward/through-peer", "forward/through-us-failures", "hold/reconnect",
	"close/ours-simple", "force/theirs-anchors", "cheat/peer-anchors",
}

// Scene is a chain, our node and a peer, all of the case alone.
type Scene struct {
	*testing.T
	BTCD *harness.Btcd
	Us   *harness.Node
	Peer Peer

	kept   int // payments that our node was made to hold, one by one
	kind   Kind
	others []*harness.Node
	peers  []Peer
}

// coins is what each side has at the start.
const coins amount.Sat = 50_000_000

func newScene(t *testing.T, kind Kind, c Case) *Scene {
	s := &Scene{T: t, BTCD: harness.StartBtcd(t), kind: kind}
	t.Cleanup(s.keepLogs)
	t.Cleanup(s.keepCaptured)
	options := append([]string{"--funding-confirms=1"}, c.Us...)
	options = append(options, captureOptions()...)
	if c.Hold {
		options = append(options, "--plugin="+holderPath(t))
	}
	s.Us = harness.StartNode(s, s.BTCD, "us", options...)
	s.Peer = kind.New(s, s.BTCD, c.Peer)
	s.Peer.Start()
	s.BTCD.Fund(s.Peer.NewAddress(), coins)
	s.Us.FundWallet(coins)
	s.Peer.Sync()
	return s
}

// AnotherOfOurs is a second node of ours, with coins.
func (s *Scene) AnotherOfOurs(name string, options ...string) *harness.Node {
	s.Helper()
	n := harness.StartNode(s, s.BTCD, name, append([]string{"--funding-confirms=1"}, options...)...)
	s.others = append(s.others, n)
	n.FundWallet(coins)
	s.Sync()
	return n
}

// AnotherPeer is a second peer of the same kind, with coins.
func (s *Scene) AnotherPeer(how Setup) Peer {
	s.Helper()
	p := s.kind.New(s, s.BTCD, how)
	s.peers = append(s.peers, p)
	p.Start()
	s.BTCD.Fund(p.NewAddress(), coins)
	s.BTCD.Mine(1)
	s.Sync()
	return p
}

// keepLogs leaves what all nodes wrote in the checkout's .build/interop when the case failed.
func (s *Scene) keepLogs() {
	root, err := harness.Root()
	if err != nil || !s.Failed() {
		return
	}
	dir := filepath.Join(root, ".build", "interop", s.Name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.Errorf("keep logs: %v", err)
	}
	logs := map[string][]byte{}
	if s.Us != nil {
		logs["us.log"] = []byte(s.Us.Log())
	}
	for _, n := range s.others {
		logs[n.Name+".log"] = []byte(n.Log())
	}
	if s.Peer != nil {
		logs["peer.log"] = s.Peer.Log()
	}
	for i, p := range s.peers {
		logs[fmt.Sprintf("peer%d.log", i+2)] = p.Log()
	}
	for name, log := range logs {
		if err := os.WriteFile(filepath.Join(dir, name), log, 0o644); err != nil {
			s.Errorf("keep logs: %v", err)
		}
	}
	s.Logf("logs are in %s", dir)
}

// Connect has us dial the peer.
func (s *Scene) Connect() {
	s.Helper()
	if err := s.Us.Try("connect", []string{s.Peer.ID() + "@" + s.Peer.Address()}, nil); err != nil {
		s.Fatalf("connect: %v", err)
	}
	s.met(s.Us)
}

// met waits until the peer has read the init of a node of ours that has dialled it: before that it may have nothing
// to do with us.
func (s *Scene) met(n *harness.Node) {
	s.Helper()
	s.Eventually("the peer knows that "+n.Name+" is connected", func() bool { return s.Peer.Connected(n.ID()) })
}

// OpenOurs has us open a channel, and returns its funding output once both sides can use it.
func (s *Scene) OpenOurs(sats amount.Sat, more map[string]any) string {
	s.Helper()
	point, err := s.TryOpenOurs(sats, more)
	if err != nil {
		s.Fatalf("fundchannel: %v", err)
	}
	s.ready()
	return point
}

// TryOpenOurs has us open a channel that may be refused.
func (s *Scene) TryOpenOurs(sats amount.Sat, more map[string]any) (string, error) {
	s.Helper()
	params := map[string]any{"id": s.Peer.ID(), "amount": uint64(sats)}
	for name, value := range more {
		params[name] = value
	}
	var opened struct {
		Txid   string
		Outnum int
	}
	err := s.Us.Try("fundchannel", params, &opened)
	return fmt.Sprintf("%s:%d", opened.Txid, opened.Outnum), err
}

// OpenTheirs has the peer open a channel, and returns its funding output once both sides can use it.
func (s *Scene) OpenTheirs(how Open) string {
	s.Helper()
	point, err := s.Peer.Open(s.Us.ID(), how)
	if err != nil {
		s.Fatalf("the peer opens: %v", err)
	}
	s.ready()
	return point
}

// ready mines what waits, and returns when each side says that all channels can be used.
func (s *Scene) ready() {
	s.Helper()
	s.BTCD.WaitMempool(1)
	s.BTCD.Mine(6)
	s.Sync()
	s.Usable()
}

// Sync waits until all that run have seen all blocks.
func (s *Scene) Sync() {
	s.Helper()
	for _, n := range append([]*harness.Node{s.Us}, s.others...) {
		if !n.Dead() {
			n.Sync()
		}
	}
	for _, p := range append([]Peer{s.Peer}, s.peers...) {
		if p.Alive() {
			p.Sync()
		}
	}
}

// Usable waits until each side says that all channels can be used, and that they are the same.
func (s *Scene) Usable() {
	s.Helper()
	s.Us.WaitChannel("", "CHANNELD_NORMAL")
	harness.Eventually(s, "the peer can use the channels", func() error {
		theirs := s.Peer.Channels()
		if ours := s.Us.Channels(); len(ours) != len(theirs) {
			return fmt.Errorf("we have %d, the peer has %d", len(ours), len(theirs))
		}
		for _, c := range theirs {
			if !c.Active {
				return fmt.Errorf("%s is inactive", c.Point)
			}
		}
		return nil
	})
}

// Agree waits until nothing is under way, and checks that both sides have the same idea of whose the
// money is. It returns what is ours.
func (s *Scene) Agree() amount.Msat {
	s.Helper()
	ours := s.Us.Settled()
	harness.Eventually(s, "both agree on the balances", func() error {
		// The peer shows whole satoshi, and its opener's balance less what the commitment costs.
		var low, high amount.Sat
		for _, c := range s.Peer.Channels() {
			switch {
			case c.HTLCs != 0:
				return fmt.Errorf("the peer has %d HTLCs under way in %s", c.HTLCs, c.Point)
			case c.Opener:
				low, high = low+c.OfUs, high+c.OfUs+1
			default:
				low, high = low+c.Capacity-c.Local-1, high+c.Capacity-c.Local
			}
		}
		if ours.Sat() < low || ours.SatRoundUp() > high {
			return fmt.Errorf("we have %s; the peer says that it is %s to %s", ours, low, high)
		}
		return nil
	})
	return ours
}

// PayBothWays pays an amount to the peer, and back.
func (s *Scene) PayBothWays(msat amount.Msat) {
	s.Helper()
	before := s.Agree()
	s.ToPeer(msat)
	if now := s.Agree(); now != before-msat {
		s.Fatalf("after paying %s of %s, we have %s", msat, before, now)
	}
	s.ToUs(msat)
	if now := s.Agree(); now != before {
		s.Fatalf("after being paid %s, we have %s, not %s", msat, now, before)
	}
}

// ToPeer pays the peer.
func (s *Scene) ToPeer(msat amount.Msat) {
	s.Helper()
	s.Us.Pay(s.Peer.Invoice(Invoice{Amount: msat}))
}

// ToUs has the peer pay us.
func (s *Scene) ToUs(msat amount.Msat) {
	s.Helper()
	if p, err := s.Peer.Pay(s.Us.Invoice(msat, "to us"), 0); err != nil {
		s.Fatalf("the peer pays %s: %v %+v", msat, err, p)
	}
}

func mustEqual[T comparable](s *Scene, what string, got, want T) {
	s.Helper()
	if got != want {
		s.Fatalf("%s is %v, want %v", what, got, want)
	}
}

func constant(text string) error { return fmt.Errorf("%s", text) }
