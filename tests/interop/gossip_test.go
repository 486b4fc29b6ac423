package interop

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

var gossipCases = []Case{
	{Name: "gossip/spreads", Us: fastGossip, Run: gossipSpreads},
	{Name: "gossip/private-stays-private", Us: fastGossip, Run: gossipPrivate},
	{Name: "gossip/close-spreads", Us: fastGossip, Run: gossipClose},
}

// fastGossip has us pass gossip on each second, not each minute.
var fastGossip = []string{"--developer", "--dev-fast-gossip"}

// A watcher is a node that hears of the network.
type watcher struct {
	name string
	see  func() Graph
}

func (s *Scene) ourWatcher(n *harness.Node) watcher {
	return watcher{name: n.Name, see: func() Graph { return s.graphOf(n) }}
}

func (s *Scene) peerWatcher(name string, p Peer) watcher {
	s.Helper()
	return watcher{name: name, see: able[Gossiper](s, p).Graph}
}

// all waits until each watcher sees something.
func (s *Scene) all(what string, watchers []watcher, sees func(Graph) error) {
	s.Helper()
	for _, w := range watchers {
		harness.Eventually(s, w.name+" "+what, func() error { return sees(w.see()) })
	}
}

// complete is nil for a graph with so many channels, each with both sides' terms, and so many nodes' names.
func complete(channels, nodes int) func(Graph) error {
	return func(g Graph) error {
		for id := range g.Aliases { // a node may name itself without having a channel
			if !g.hasChannel(id) {
				delete(g.Aliases, id)
			}
		}
		if len(g.Channels) != channels || len(g.Aliases) != nodes {
			return fmt.Errorf("it knows %d channels and %d nodes, want %d and %d: %+v", len(g.Channels), len(g.Aliases), channels, nodes, g)
		}
		for scid, sides := range g.Channels {
			if len(sides) != 2 {
				return fmt.Errorf("of channel %s it knows the terms of %d sides", scid, len(sides))
			}
		}
		return nil
	}
}

// hasChannel says whether a node's terms of any channel are known.
func (g Graph) hasChannel(id string) bool {
	for _, sides := range g.Channels {
		if _, ok := sides[id]; ok {
			return true
		}
	}
	return false
}

// asks is nil for a graph in which a side of a channel asks for a base fee.
func asks(scid, id string, base amount.Msat) func(Graph) error {
	return func(g Graph) error {
		if got := g.Channels[scid][id].Base; got != base {
			return fmt.Errorf("of channel %s it knows a base fee of %s, want %s", scid, got, base)
		}
		return nil
	}
}

// gossipSpreads has a line of four: a node of ours, the peer, us, and a second peer. Each end hears of the other
// through one that is not of its kind.
func gossipSpreads(s *Scene) {
	router := able[Router](s, s.Peer)
	s.Connect()
	first := s.OpenOurs(firstSats, map[string]any{"push_msat": uint64(firstSats.Msat() / 2)})
	far, point := s.farNode(Open{Sats: secondSats, Push: secondSats / 2})
	s.all("knows both channels", []watcher{s.ourWatcher(far), s.peerWatcher("the peer", s.Peer), s.ourWatcher(s.Us)}, complete(2, 3))
	farPeer := s.AnotherPeer(Setup{})
	s.openTo(farPeer, secondSats, nil)
	watchers := []watcher{s.ourWatcher(far), s.peerWatcher("the peer", s.Peer), s.ourWatcher(s.Us), s.peerWatcher("the far peer", farPeer)}
	s.all("knows all channels", watchers, complete(3, 4))
	s.all("knows our name", watchers, func(g Graph) error {
		if g.Aliases[s.Us.ID()] != "us" || g.Aliases[far.ID()] != "far" {
			return fmt.Errorf("the names are %v", g.Aliases)
		}
		return nil
	})

	// New terms, of each end and of both in the middle.
	ours, beyond := s.scidWith(s.Us, s.Peer.ID()), s.scidWith(far, s.Peer.ID())
	far.Call("setchannel", map[string]any{"id": "all", "feebase": 4321}, nil)
	s.all("knows the far node's terms", watchers, asks(beyond, far.ID(), 4321))
	terms := lineTerms
	for i, at := range []struct{ point, scid string }{{point, beyond}, {first, ours}} {
		terms.Base = amount.Msat(5000 + i)
		router.SetTerms(at.point, terms)
		s.all("knows the peer's terms", watchers, asks(at.scid, s.Peer.ID(), terms.Base))
	}
	s.Us.Call("setchannel", map[string]any{"id": ours, "feebase": 6789}, nil)
	s.all("knows our terms", watchers, asks(ours, s.Us.ID(), 6789))

	// Who comes later asks for it: one of ours the peer, one of the peer's kind us.
	late := s.AnotherOfOurs("late", fastGossip...)
	late.Call("connect", []string{s.Peer.ID() + "@" + s.Peer.Address()}, nil)
	latePeer := s.AnotherPeer(Setup{})
	if err := latePeer.Connect(s.Us.ID(), s.Us.Address()); err != nil {
		s.Fatalf("the late peer dials: %v", err)
	}
	newcomers := []watcher{s.ourWatcher(late), s.peerWatcher("the late peer", latePeer)}
	s.all("has asked for all channels", newcomers, complete(3, 4))
	s.all("has the newest terms", newcomers, asks(ours, s.Us.ID(), 6789))
	s.all("has the newest terms", newcomers, asks(beyond, s.Peer.ID(), 5000))
}

// gossipPrivate has a public and a private channel side by side.
func gossipPrivate(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"announce": false})
	s.OpenOurs(1_000_000, nil)
	late := s.AnotherOfOurs("late", fastGossip...)
	late.Call("connect", []string{s.Peer.ID() + "@" + s.Peer.Address()}, nil)
	s.all("knows the public channel alone", []watcher{s.ourWatcher(s.Us), s.ourWatcher(late)}, complete(1, 2))
}

// gossipClose has a channel closed: all hear that it is gone.
func gossipClose(s *Scene) {
	s.Connect()
	point := s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	late := s.AnotherOfOurs("late", fastGossip...)
	late.Call("connect", []string{s.Peer.ID() + "@" + s.Peer.Address()}, nil)
	latePeer := s.AnotherPeer(Setup{})
	if err := latePeer.Connect(s.Us.ID(), s.Us.Address()); err != nil {
		s.Fatalf("the late peer dials: %v", err)
	}
	watchers := []watcher{s.ourWatcher(late), s.peerWatcher("the late peer", latePeer)}
	s.all("knows the channel", watchers, complete(1, 2))
	s.closed(point, weClose(s), 600_000_000)
	s.BTCD.Mine(73) // more than BOLT 7's 72 that a channel whose funding is spent is kept for
	s.Sync()
	s.all("has forgotten the channel", watchers, func(g Graph) error {
		if len(g.Channels) != 0 {
			return fmt.Errorf("it knows %v", g.Channels)
		}
		return nil
	})
}
