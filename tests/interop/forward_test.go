package interop

import (
	"fmt"
	"slices"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

var forwardCases = []Case{
	{Name: "forward/through-peer", Us: fastGossip, Run: func(s *Scene) { s.throughPeer().pays() }},
	{Name: "forward/through-us", Us: fastGossip, Run: func(s *Scene) { s.throughUs().pays() }},
	{Name: "forward/through-peer-failures", Us: fastGossip, Run: func(s *Scene) { s.throughPeer().fails() }},
	{Name: "forward/through-us-failures", Us: fastGossip, Run: func(s *Scene) { s.throughUs().fails() }},
	{Name: "forward/through-peer-route-hint", Us: fastGossip, Run: forwardByPeersHint},
	{Name: "forward/through-us-route-hint", Us: fastGossip, Run: forwardByOurHint},
}

// What the node in the middle of a line asks for; LDK takes no delta below 42.
var lineTerms = Terms{Base: 2000, PPM: 100, Delta: 44, Min: 10_000, Max: 500_000_000}

// line is three nodes and two channels: one pays, one forwards, one is paid.
type line struct {
	*Scene
	first, second string // short_channel_id
	middle, last  string // node ids
	invoice       func(amount.Msat) string
	route         func(bolt11 string, hops []Hop) Payment
	pay           func(bolt11 string) error
	knows         func() Graph // what who pays knows of the network
	stop          func()       // the last node
	start         func()
}

const (
	firstSats  amount.Sat = 2_000_000 // a half is the middle's
	secondSats amount.Sat = 1_000_000 // a half is the last one's
)

// secondOpened mines the funding of the second channel, and waits until the line is of use.
func (s *Scene) secondOpened(usable func() error) {
	s.Helper()
	s.BTCD.WaitMempool(1)
	s.BTCD.Mine(6)
	s.Sync()
	harness.Eventually(s, "the second channel is of use", usable)
}

// allActive is nil when a peer can use so many channels.
func allActive(p Peer, count int) error {
	channels := p.Channels()
	for _, c := range channels {
		if !c.Active {
			return fmt.Errorf("%s is inactive", c.Point)
		}
	}
	if len(channels) != count {
		return fmt.Errorf("the peer has %d channels, want %d", len(channels), count)
	}
	return nil
}

// farNode is a second node of ours, with a channel that the peer opens to it. Its own least is that of lineTerms,
// as some peers forward whatever the next node takes.
func (s *Scene) farNode(how Open) (far *harness.Node, point string) {
	s.Helper()
	far = s.AnotherOfOurs("far", append([]string{fmt.Sprintf("--htlc-minimum-msat=%d", uint64(lineTerms.Min))}, fastGossip...)...)
	far.Call("connect", []string{s.Peer.ID() + "@" + s.Peer.Address()}, nil)
	s.met(far)
	point, err := s.Peer.Open(far.ID(), how)
	if err != nil {
		s.Fatalf("the peer opens: %v", err)
	}
	s.secondOpened(func() error { return allActive(s.Peer, 2) })
	far.WaitChannel("", "CHANNELD_NORMAL")
	return far, point
}

// throughPeer is us, the peer, and a second node of ours.
func (s *Scene) throughPeer() *line {
	s.Helper()
	router := able[Router](s, s.Peer)
	s.Connect()
	s.OpenOurs(firstSats, map[string]any{"push_msat": uint64(firstSats.Msat() / 2)})
	far, point := s.farNode(Open{Sats: secondSats, Push: secondSats / 2})
	second := s.scidWith(far, s.Peer.ID())
	// New terms that come while the channel is being announced, lnd tells its neighbour alone.
	harness.Eventually(s, "we hear of the second channel", func() error {
		if sides := len(s.graphOf(s.Us).Channels[second]); sides != 2 {
			return fmt.Errorf("we know the terms of %d sides", sides)
		}
		return nil
	})
	router.SetTerms(point, lineTerms)
	return &line{
		Scene: s, first: s.scidWith(s.Us, s.Peer.ID()), second: second, middle: s.Peer.ID(), last: far.ID(),
		invoice: func(msat amount.Msat) string { return far.Invoice(msat, "through the peer") },
		route:   s.payRoute,
		pay:     func(bolt11 string) error { return s.Us.Try("pay", []string{bolt11}, nil) },
		knows:   func() Graph { return s.graphOf(s.Us) },
		stop: func() {
			far.Stop()
			s.Eventually("the peer misses the last node", func() bool { return !s.Peer.Connected(far.ID()) })
		},
		start: func() {
			far.Start()
			far.WaitChannel("", "CHANNELD_NORMAL")
			harness.Eventually(s, "the second channel is of use again", func() error { return allActive(s.Peer, 2) })
		},
	}
}

// throughUs is the peer, us, and a second one of its kind.
func (s *Scene) throughUs() *line {
	s.Helper()
	router := able[Router](s, s.Peer)
	s.Connect()
	s.OpenTheirs(Open{Sats: firstSats, Push: firstSats / 2})
	far := s.AnotherPeer(Setup{})
	s.openTo(far, secondSats, map[string]any{"push_msat": uint64(secondSats.Msat() / 2)})
	second := s.scidWith(s.Us, far.ID())
	s.Us.Call("setchannel", map[string]any{
		"id": second, "feebase": uint64(lineTerms.Base), "feeppm": lineTerms.PPM, "htlcmin": uint64(lineTerms.Min),
		"htlcmax": uint64(lineTerms.Max), "enforcedelay": 0,
	}, nil)
	return &line{
		Scene: s, first: s.scidWith(s.Us, s.Peer.ID()), second: second, middle: s.Us.ID(), last: far.ID(),
		invoice: func(msat amount.Msat) string { return far.Invoice(Invoice{Amount: msat}) },
		route:   func(bolt11 string, hops []Hop) Payment { return router.PayRoute([]string{bolt11}, hops)[0] },
		pay:     func(bolt11 string) error { _, err := s.Peer.Pay(bolt11, 0); return err },
		knows:   able[Gossiper](s, s.Peer).Graph,
		stop: func() {
			id := far.ID()
			far.Stop()
			s.Eventually("we miss the last node", func() bool { return !s.weHave(id) })
		},
		start: func() {
			far.Start()
			s.Us.WaitChannel("", "CHANNELD_NORMAL")
			harness.Eventually(s, "the second channel is of use again", func() error { return allActive(far, 1) })
		},
	}
}

// openTo has us open a channel to a further peer.
func (s *Scene) openTo(far Peer, sats amount.Sat, more map[string]any) {
	s.Helper()
	s.Us.Call("connect", []string{far.ID() + "@" + far.Address()}, nil)
	params := map[string]any{"id": far.ID(), "amount": uint64(sats)}
	for name, value := range more {
		params[name] = value
	}
	s.Us.Call("fundchannel", params, nil)
	s.secondOpened(func() error { return allActive(far, 1) })
	s.Us.WaitChannel("", "CHANNELD_NORMAL")
}

// hops is a route with an invoice's amount, as the middle's terms ask for.
func (l *line) hops(msat amount.Msat) []Hop {
	const last = 100 // more than any of our invoices or the peer's asks for
	fee := lineTerms.Base + msat*amount.Msat(lineTerms.PPM)/1_000_000
	return []Hop{
		{SCID: l.first, To: l.middle, Amount: msat + fee, Delay: last + lineTerms.Delta},
		{SCID: l.second, To: l.last, Amount: msat, Delay: last},
	}
}

// pays by a route of the case's own, and by one that who pays finds in what it knows of the network.
func (l *line) pays() {
	l.Helper()
	before := l.Us.Settled()
	const msat = 60_000_000
	if p := l.route(l.invoice(msat), l.hops(msat)); p.Preimage == "" {
		l.Fatalf("the payment ended with %+v", p)
	}
	harness.Eventually(l, "who pays knows the terms", func() error {
		if t := l.knows().Channels[l.second][l.middle]; t.Base != lineTerms.Base || t.PPM != lineTerms.PPM {
			return fmt.Errorf("of channel %s it knows %+v", l.second, t)
		}
		return nil
	})
	for range 5 {
		if err := l.pay(l.invoice(msat)); err != nil {
			l.Fatalf("pay: %v", err)
		}
	}
	// Of ours, the one that pays has less by amounts and fees; the middle has the fees.
	fee := l.hops(msat)[0].Amount - msat
	want := before - 6*(msat+fee)
	if l.middle == l.Us.ID() {
		want = before + 6*fee
	}
	mustEqual(l.Scene, "our balance", l.Us.Settled(), want)
}

// fails at each hop, in each way that a sender's route can be wrong.
func (l *line) fails() {
	l.Helper()
	before := l.Us.Settled()
	const msat = 20_000_000
	for _, c := range []struct {
		what  string
		spoil func(hops []Hop)
		at    int
		want  string
	}{
		{"less than the invoice", func(h []Hop) { h[1].Amount /= 4 }, 2, unknownDetails},
		{"too low a fee", func(h []Hop) { h[0].Amount = h[1].Amount + 100 }, 1, "fee_insufficient"},
		{"too low a delta", func(h []Hop) { h[0].Delay = h[1].Delay + lineTerms.Delta/8 }, 1, "incorrect_cltv_expiry"},
		{"less than the least", func(h []Hop) { h[1].Amount = lineTerms.Min / 2 }, 1, "amount_below_minimum"},
		{"more than there is", func(h []Hop) { h[1].Amount = lineTerms.Max * 11 / 10; h[0].Amount = lineTerms.Max * 12 / 10 }, 1, "temporary_channel_failure"},
		{"no such channel", func(h []Hop) { h[1].SCID = "1x2x3" }, 1, "unknown_next_peer"},
		{"too soon", func(h []Hop) { h[1].Delay = 1; h[0].Delay = 1 + lineTerms.Delta }, 1, "expiry_too_soon"},
	} {
		hops := l.hops(msat)
		c.spoil(hops)
		if p := l.route(l.invoice(msat), hops); p.Failure != c.want || p.FailedAt != c.at {
			l.Errorf("%s: %+v, want %s from %d", c.what, p, c.want, c.at)
		}
	}
	invoice := l.invoice(msat)
	l.stop()
	away := []string{"temporary_channel_failure", "unknown_next_peer", "channel_disabled"} // BOLT 4 leaves the choice
	if p := l.route(invoice, l.hops(msat)); p.FailedAt != 1 || !slices.Contains(away, p.Failure) {
		l.Errorf("the last node is away: %+v", p)
	}
	l.start()
	mustEqual(l.Scene, "our balance", l.Us.Settled(), before)
	if p := l.route(l.invoice(msat), l.hops(msat)); p.Preimage == "" {
		l.Fatalf("the payment ended with %+v", p)
	}
}

// forwardByPeersHint pays a node of ours whose one channel, with the peer, is not announced.
func forwardByPeersHint(s *Scene) {
	s.Connect()
	s.OpenOurs(firstSats, map[string]any{"push_msat": uint64(firstSats.Msat() / 2)})
	far, _ := s.farNode(Open{Sats: secondSats, Private: true})
	invoice := s.hintedInvoice(far, 30_000_000, true, s.Peer.ID())
	before := s.Us.Settled()
	s.Us.Pay(invoice)
	mustEqual(s, "what the far node has", far.Settled(), 30_000_000)
	if now := s.Us.Settled(); now >= before-30_000_000 {
		s.Fatalf("after paying 30000 sat and a fee of %s, we have %s", before, now)
	}
}

// hintedInvoice is an invoice of a node of ours that names a private channel, once the peer has told its terms for that.
func (s *Scene) hintedInvoice(n *harness.Node, msat amount.Msat, expose any, from string) (bolt11 string) {
	s.Helper()
	count := 0
	harness.Eventually(s, "an invoice has a hint", func() error {
		count++
		var made struct{ Bolt11 string }
		n.Call("invoice", map[string]any{
			"amount_msat": uint64(msat), "label": fmt.Sprint("hinted", count), "description": "", "exposeprivatechannels": expose,
		}, &made)
		bolt11 = made.Bolt11
		return s.hints(bolt11, from)
	})
	return bolt11
}

// forwardByOurHint has the peer pay a second one of its kind whose one channel, with us, is not announced.
func forwardByOurHint(s *Scene) {
	s.Connect()
	s.OpenTheirs(Open{Sats: firstSats, Push: firstSats / 2})
	far := s.AnotherPeer(Setup{})
	s.openTo(far, secondSats, map[string]any{"announce": false})
	graph := able[Gossiper](s, far)
	harness.Eventually(s, "the far peer knows that we are public", func() error {
		if g := graph.Graph(); g.Aliases[s.Us.ID()] == "" {
			return fmt.Errorf("it knows %v", g.Aliases)
		}
		return nil
	})
	invoice := far.Invoice(Invoice{Amount: 30_000_000, Hints: true})
	if err := s.hints(invoice, s.Us.ID()); err != nil {
		s.Fatalf("%v", err)
	}
	before := s.Us.Settled()
	if _, err := s.Peer.Pay(invoice, 0); err != nil {
		s.Fatalf("the peer pays: %v", err)
	}
	if earned := s.Us.Settled() - before; earned == 0 || earned > 100_000 {
		s.Fatalf("we earned %s", earned)
	}
	mustEqual(s, "payments that the far peer received", far.Received(), 1)
}
