package interop

import (
	"fmt"
	"strings"

	"fulmen/tests/harness"
)

var connectCases = []Case{
	{Name: "connect/we-dial", Run: weDial},
	{Name: "connect/peer-dials", Run: peerDials},
	{Name: "connect/both-dial-at-once", Run: bothDial},
	{Name: "connect/ping", Run: ping},
	{Name: "connect/reconnect", Run: reconnect},
	{Name: "connect/peer-restarts", Run: peerRestarts},
	{Name: "connect/we-restart", Run: weRestart},
	{Name: "connect/unknown-odd-message", Run: unknownOdd},
	{Name: "connect/unknown-even-message", Run: unknownEven},
	{Name: "connect/our-unknown-odd-message", Run: ourUnknownOdd},
	{Name: "connect/unknown-odd-feature", Peer: Setup{Features: []uint16{1111}}, Run: weDial},
	{Name: "connect/unknown-even-feature", Peer: Setup{Features: []uint16{1110}}, Run: evenFeature},
}

func weDial(s *Scene) {
	s.Connect()
	s.staysConnected()
}

func peerDials(s *Scene) {
	if err := s.Peer.Connect(s.Us.ID(), s.Us.Address()); err != nil {
		s.Fatalf("the peer dials: %v", err)
	}
	s.staysConnected()
}

// staysConnected is a ping there and back on a connection that both know of.
func (s *Scene) staysConnected() {
	s.Helper()
	s.Connected(true)
	s.ping(100, 200)
}

// Connected waits until both sides say that they are connected, or that they are not.
func (s *Scene) Connected(want bool) {
	s.Helper()
	harness.Eventually(s, fmt.Sprintf("connected is %t on both sides", want), func() error {
		if ours, theirs := s.weAreConnected(), s.Peer.Connected(s.Us.ID()); ours != want || theirs != want {
			return fmt.Errorf("ours is %t, the peer's is %t", ours, theirs)
		}
		return nil
	})
}

func (s *Scene) weAreConnected() bool {
	s.Helper()
	return s.weHave(s.Peer.ID())
}

// weHave says whether a node is connected with us.
func (s *Scene) weHave(id string) bool {
	s.Helper()
	var list struct {
		Peers []struct{ Connected bool }
	}
	s.Us.Call("listpeers", []string{id}, &list)
	return len(list.Peers) == 1 && list.Peers[0].Connected
}

func (s *Scene) ping(length, pong int) {
	s.Helper()
	var answer struct {
		Totlen int
	}
	s.Us.Call("ping", []any{s.Peer.ID(), length, pong}, &answer)
	if answer.Totlen < pong {
		s.Fatalf("pong has %d bytes, asked for %d", answer.Totlen, pong)
	}
}

func bothDial(s *Scene) {
	errs := make(chan error, 2)
	go func() { errs <- s.Peer.Connect(s.Us.ID(), s.Us.Address()) }()
	go func() { errs <- s.Us.Try("connect", []string{s.Peer.ID() + "@" + s.Peer.Address()}, nil) }()
	// One of them may lose: it is the other's connection that stays.
	first, second := <-errs, <-errs
	if first != nil && second != nil {
		s.Fatalf("neither connected: %v; %v", first, second)
	}
	// Until both have dropped the other one, a ping may be on its way through that.
	harness.Eventually(s, "one connection stays, and is of use", func() error {
		if !s.weAreConnected() || !s.Peer.Connected(s.Us.ID()) {
			return constant("there is none")
		}
		return s.Us.Try("ping", []any{s.Peer.ID(), 100, 200}, nil)
	})
}

func ping(s *Scene) {
	s.Connect()
	// The least and the most that fit a message, there and back (BOLT 1, The ping and pong Messages).
	for _, length := range []int{0, 1, 65529} {
		for _, pong := range []int{1, 65531} {
			s.ping(length, pong)
		}
	}
}

func reconnect(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	for range 3 {
		s.Reconnected(func() { s.Us.Call("disconnect", []any{s.Peer.ID(), true}, nil) })
		s.PayBothWays(10_000)
		s.Reconnected(func() {
			if err := s.Peer.Disconnect(s.Us.ID()); err != nil {
				s.Fatalf("the peer disconnects: %v", err)
			}
		})
		s.PayBothWays(10_000)
	}
}

// Reconnected ends the connection, and returns when there is another and the channels can be used.
func (s *Scene) Reconnected(disconnect func()) {
	s.Helper()
	const line = "peer connected"
	before := strings.Count(s.Us.Log(), line)
	disconnect()
	harness.Eventually(s, "there is another connection", func() error {
		if strings.Count(s.Us.Log(), line) == before {
			return constant("there is none")
		}
		return nil
	})
	s.Usable()
}

func peerRestarts(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	s.PayBothWays(1_000_000)
	for _, end := range []func(){s.Peer.Stop, s.Peer.Kill} {
		end()
		s.Peer.Start()
		s.Usable()
		s.PayBothWays(1_000_000)
	}
}

func weRestart(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	s.PayBothWays(1_000_000)
	for _, end := range []func(){s.Us.Stop, s.Us.Kill} {
		end()
		s.Us.Start()
		s.Usable()
		s.PayBothWays(1_000_000)
	}
}

// The numbers that BOLT 1 leaves to those who have a use of their own for them.
const (
	customOdd  = 40001
	customEven = 40000
)

func unknownOdd(s *Scene) {
	s.Connect()
	if err := s.Peer.SendCustom(s.Us.ID(), customOdd, []byte("of no interest")); err != nil {
		s.Fatalf("send: %v", err)
	}
	s.staysConnected()
}

// ourUnknownOdd is the other way round.
func ourUnknownOdd(s *Scene) {
	s.Connect()
	const msg = "9c41" + "6f66206e6f20696e746572657374" // customOdd
	s.Us.Call("sendcustommsg", []string{s.Peer.ID(), msg}, nil)
	s.staysConnected()
}

func unknownEven(s *Scene) {
	s.Connect()
	if err := s.Peer.SendCustom(s.Us.ID(), customEven, []byte("of no interest")); err != nil {
		s.Fatalf("send: %v", err)
	}
	s.Connected(false)
}

func evenFeature(s *Scene) {
	err := s.Us.Try("connect", []string{s.Peer.ID() + "@" + s.Peer.Address()}, nil)
	if err == nil || !strings.Contains(err.Error(), "1110") {
		s.Fatalf("connect says %v, want that feature 1110 is unknown", err)
	}
	s.Connected(false)
}
