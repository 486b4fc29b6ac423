package interop

import (
	"crypto/rand"
	"crypto/sha256"

	"fulmen/internal/amount"
)

var holdCases = []Case{
	{Name: "hold/reconnect", Run: func(s *Scene) {
		holdOver(s, func(func()) { s.Reconnected(func() { s.Us.Call("disconnect", []any{s.Peer.ID(), true}, nil) }) }, true)
	}},
	// Not killed: lnd then may refuse what it held, as flight/peer-killed says.
	{Name: "hold/peer-restarts", Run: func(s *Scene) { holdOver(s, func(func()) { s.Peer.Stop(); s.Peer.Start() }, true) }},
	{Name: "hold/we-restart", Run: func(s *Scene) { holdOver(s, func(func()) { s.Us.Kill(); s.Us.Start() }, true) }},
	{Name: "hold/settled-while-we-are-down", Run: func(s *Scene) { holdOver(s, whileDown(s), false) }},
}

// hold is a hold invoice of the peer.
type hold struct {
	preimage, hash [32]byte
	invoice        decoded
}

func (s *Scene) newHold(msat amount.Msat) (h hold) {
	s.Helper()
	rand.Read(h.preimage[:])
	h.hash = sha256.Sum256(h.preimage[:])
	h.invoice = s.decode(s.Peer.Invoice(Invoice{Amount: msat, Hash: &h.hash}))
	return h
}

func (s *Scene) arrives(h hold) {
	s.Helper()
	s.Eventually("the peer holds the payment", func() bool { return s.Peer.Held(h.hash) })
}

// whileDown lets the peer do something while we are killed.
func whileDown(s *Scene) func(func()) {
	return func(do func()) {
		s.Us.Kill()
		do()
		s.Us.Start()
	}
}

// holdOver has payments held while something happens, and then or meanwhile one settled and one
// cancelled. Of each there is one that is trimmed.
func holdOver(s *Scene, happens func(settle func()), after bool) {
	s.even()
	before := s.Agree()
	var holds []hold
	for _, msat := range []amount.Msat{10_000_000, 10_000_000, 300_000, 300_000} {
		h := s.newHold(msat)
		if err := s.send(h.invoice); err != nil {
			s.Fatalf("sendpay: %v", err)
		}
		s.arrives(h)
		holds = append(holds, h)
	}
	resolve := func() {
		for i, h := range holds {
			if i%2 == 0 {
				s.Peer.Settle(h.preimage)
			} else {
				s.Peer.Cancel(h.hash)
			}
		}
	}
	happens(resolve)
	s.Usable()
	if after {
		resolve()
	}
	for i, h := range holds {
		mustEqual(s, "outcome", s.outcome(h.invoice), []string{"paid", unknownDetails}[i%2])
	}
	mustEqual(s, "our balance", s.Agree(), before-10_300_000)
	s.PayBothWays(1_000_000)
}
