package interop

import (
	"fmt"
	"strings"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

var payCases = []Case{
	{Name: "pay/amounts-anchors", Run: func(s *Scene) { payAmounts(s, nil) }},
	{Name: "pay/amounts-static-remotekey", Run: func(s *Scene) { payAmounts(s, map[string]any{"channel_type": []int{12}}) }},
	{Name: "pay/to-our-reserve", Run: payToOurReserve},
	{Name: "pay/to-their-reserve", Run: payToTheirReserve},
	{Name: "pay/any-amount", Run: payAnyAmount},
	{Name: "pay/route-hints", Run: func(s *Scene) { payRouteHints(s, true) }},
	{Name: "pay/route-hints-all-private", Run: func(s *Scene) { payRouteHints(s, false) }},
	{Name: "pay/parts-to-peer", Run: payPartsToPeer},
	{Name: "pay/parts-to-us", Run: payPartsToUs},
	{Name: "pay/keysend-to-peer", Run: keysendToPeer},
	{Name: "pay/keysend-to-us", Run: keysendToUs},
	{Name: "pay/refused-by-peer", Run: refusedByPeer},
	{Name: "pay/refused-by-us", Run: refusedByUs},
}

// payAmounts pays the least, and what is just trimmed and just not in either side's commitment.
func payAmounts(s *Scene, how map[string]any) {
	s.Connect()
	more := map[string]any{"push_msat": 500_000_000}
	for name, value := range how {
		more[name] = value
	}
	s.Peer.PaySmallest(s.OpenOurs(1_000_000, more))
	amounts := []amount.Msat{1, 999, 1000, 1001, 100_000_000}
	for _, limit := range s.trimmedBelow() {
		for _, sats := range []amount.Sat{limit - 1, limit, limit + 1} {
			amounts = append(amounts, sats.Msat()-1, sats.Msat())
		}
	}
	for _, msat := range amounts {
		s.PayBothWays(msat)
	}
}

// trimmedBelow is the amounts below which an HTLC has no output in either side's commitment (BOLT 3,
// Trimmed Outputs).
func (s *Scene) trimmedBelow() (limits []amount.Sat) {
	s.Helper()
	c := s.Peer.Channels()[0]
	for _, dust := range []amount.Sat{c.DustLimit, s.OurChannels()[0].DustLimit.Sat()} {
		if strings.HasPrefix(c.Type, "anchors") {
			limits = append(limits, dust)
			continue
		}
		// The weights of HTLC-timeout and HTLC-success transactions.
		limits = append(limits, dust+c.Feerate.Fee(663), dust+c.Feerate.Fee(703))
	}
	return limits
}

// payToOurReserve pays all that we say we can spend, from the opener's side and from the other.
func payToOurReserve(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, nil)
	s.spendAll()
	s.ToUs(300_000_000)
	s.spendAll()
	s.ToUs(100_000_000)
	s.PayBothWays(1_000)
}

// spendAll pays what can be spent, and checks that no more can.
func (s *Scene) spendAll() {
	s.Helper()
	s.Agree()
	all := s.OurChannels()[0].Spendable
	s.ToPeer(all)
	s.Agree()
	c := s.OurChannels()[0]
	if c.Spendable > 1000 {
		s.Fatalf("after paying %s, still %s can be spent of %s", all, c.Spendable, c.ToUs)
	}
	invoice := s.Peer.Invoice(Invoice{Amount: 2_000_000})
	if err := s.Us.Try("pay", map[string]any{"bolt11": invoice, "retry_for": 1}, nil); err == nil {
		s.Fatalf("2000 sat were paid of %s, with a reserve of %s", c.ToUs, c.OurReserve)
	}
}

// payToTheirReserve has the peer pay all that it can, and us then all of that.
func payToTheirReserve(s *Scene) {
	s.Connect()
	s.OpenTheirs(Open{Sats: 1_000_000})
	c := s.Peer.Channels()[0]
	// The most that the peer's own rules let it pay: as opener it keeps something for the fees.
	most := c.Local - c.Reserve
	for ; ; most -= 100 {
		if _, err := s.Peer.Pay(s.Us.Invoice(most.Msat(), "nearly all"), 0); err == nil {
			break
		} else if most < c.Capacity/2 {
			s.Fatalf("the peer cannot pay %s of %s: %v", most, c.Local, err)
		}
	}
	s.Logf("the peer paid %s of %s", most, c.Local)
	mustEqual(s, "our balance", s.Agree(), most.Msat())
	s.spendAll()
	s.ToUs(100_000_000)
	s.PayBothWays(1_000)
}

func payAnyAmount(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 500_000_000})
	before := s.Agree()
	s.Us.Call("pay", map[string]any{"bolt11": s.Peer.Invoice(Invoice{}), "amount_msat": 12_345_678}, nil)
	mustEqual(s, "our balance", s.Agree(), before-12_345_678)
	var made struct{ Bolt11 string }
	s.Us.Call("invoice", []any{"any", "any", "what you like"}, &made)
	if _, err := s.Peer.Pay(made.Bolt11, 12_345_678); err != nil {
		s.Fatalf("the peer pays: %v", err)
	}
	mustEqual(s, "our balance", s.Agree(), before)
}

// payRouteHints pays to invoices that name a private channel, with a public one beside it or not. Nodes differ in
// when they give hints: some only to who can find the way to the other end, some only if it is the one way.
func payRouteHints(s *Scene, public bool) {
	s.Connect()
	if public {
		s.OpenOurs(20_000, nil)
	}
	s.OpenOurs(1_000_000, map[string]any{"announce": false, "push_msat": 500_000_000})
	before := s.Agree()
	var theirs string
	harness.Eventually(s, "the peer's invoice has a hint", func() error { // once it has announced the public channel
		theirs = s.Peer.Invoice(Invoice{Amount: 1_000_000, Hints: true})
		return s.hints(theirs, s.Us.ID())
	})
	s.Us.Pay(theirs)
	var expose any = true
	if !public {
		expose = []string{s.scidWith(s.Us, s.Peer.ID())}
	}
	if _, err := s.Peer.Pay(s.hintedInvoice(s.Us, 1_000_000, expose, s.Peer.ID()), 0); err != nil {
		s.Fatalf("the peer pays: %v", err)
	}
	mustEqual(s, "our balance", s.Agree(), before)
}

// hints is nil if an invoice has one hint, of one channel from a node.
func (s *Scene) hints(bolt11, from string) error {
	s.Helper()
	var invoice struct {
		Routes [][]struct {
			Pubkey string
		}
	}
	s.Us.Call("decode", []string{bolt11}, &invoice)
	if len(invoice.Routes) != 1 || len(invoice.Routes[0]) != 1 || invoice.Routes[0][0].Pubkey != from {
		return fmt.Errorf("the invoice has hints %+v, want one from %s", invoice.Routes, from)
	}
	return nil
}

const unknownDetails = "incorrect_or_unknown_payment_details"

// refusedByPeer offers HTLCs that the peer fails, and reads why.
func refusedByPeer(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 500_000_000})
	before := s.Agree()
	for what, spoil := range map[string]func(*decoded){
		"a wrong payment_secret": func(d *decoded) { d.PaymentSecret = flip(d.PaymentSecret) },
		"an unknown hash":        func(d *decoded) { d.PaymentHash = flip(d.PaymentHash) },
		"too little":             func(d *decoded) { d.AmountMsat /= 4 },
		"too few blocks":         func(d *decoded) { d.MinFinalCLTV = 2 },
	} {
		d := s.decode(s.Peer.Invoice(Invoice{Amount: 1_000_000}))
		spoil(&d)
		s.mustFail(what, d)
	}
	expired := s.decode(s.Peer.Invoice(Invoice{Amount: 1_000_000, Expiry: 1}))
	s.Eventually("the peer's invoice expires", func() bool { return s.Peer.Expired(expired.PaymentHash) })
	s.mustFail("an expired invoice", expired)
	paid := s.decode(s.Peer.Invoice(Invoice{Amount: 1_000_000}))
	if err := s.send(paid); err != nil {
		s.Fatalf("sendpay: %v", err)
	}
	mustEqual(s, "a payment's outcome", s.outcome(paid), "paid")
	mustEqual(s, "our balance", s.Agree(), before-1_000_000)
}

func (s *Scene) mustFail(what string, d decoded) {
	s.Helper()
	if err := s.send(d); err != nil {
		s.Fatalf("%s: sendpay: %v", what, err)
	}
	mustEqual(s, what+": the failure", s.outcome(d), unknownDetails)
}

// Eventually waits for what announces itself by no event.
func (s *Scene) Eventually(what string, is func() bool) {
	s.Helper()
	harness.Eventually(s, what, func() error {
		if !is() {
			return constant("it is not so")
		}
		return nil
	})
}

// refusedByUs has the peer offer HTLCs that we fail, and read why.
func refusedByUs(s *Scene) {
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 500_000_000})
	before := s.Agree()
	for _, wrong := range []Wrong{WrongSecret, WrongHash, TooLittle, TooSoon} {
		p := s.Peer.PayWrong(s.Us.Invoice(1_000_000, "to be refused"), wrong)
		if p.Failure != unknownDetails || p.FailedAt != 1 {
			s.Fatalf("payment %d: %+v", wrong, p)
		}
	}
	paid := s.Us.Invoice(1_000_000, "to be paid once")
	if p := s.Peer.PayWrong(paid, Nothing); p.Preimage == "" {
		s.Fatalf("a payment ended with %+v", p)
	}
	mustEqual(s, "our balance", s.Agree(), before+1_000_000)
	if p := s.Peer.PayWrong(s.shortlived(), Nothing); p.Failure != unknownDetails {
		s.Fatalf("payment of an expired invoice: %+v", p)
	}
	mustEqual(s, "our balance", s.Agree(), before+1_000_000)
}

// shortlived is an invoice of ours that has expired.
func (s *Scene) shortlived() string {
	s.Helper()
	var inv struct {
		Bolt11 string
	}
	s.Us.Call("invoice", map[string]any{"amount_msat": 1_000_000, "label": "shortlived", "description": "", "expiry": 1}, &inv)
	s.Eventually("our invoice expires", func() bool {
		var list struct {
			Invoices []struct{ Status string }
		}
		s.Us.Call("listinvoices", []string{"shortlived"}, &list)
		return list.Invoices[0].Status == "expired"
	})
	return inv.Bolt11
}
