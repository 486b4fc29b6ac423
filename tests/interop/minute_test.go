package interop

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"fulmen/internal/amount"
)

var minuteCases = []Case{
	{Name: "flight/a-minute-both-ways", Run: aMinute},
	{Name: "flight/held-483-both-ways", Hold: true, Run: held483BothWays},
}

// aMinute has both sides add, fail and fulfil without a pause for a minute.
func aMinute(s *Scene) {
	s.even()
	before := s.Agree()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	var paid, got, failed atomic.Int64
	e := new(failures)
	const each amount.Msat = 1_500_000
	for range 3 {
		e.run(func() error { // good ones to the peer
			for ctx.Err() == nil {
				if err := s.Us.Try("pay", []string{s.Peer.Invoice(Invoice{Amount: each})}, nil); err != nil {
					return fmt.Errorf("pay: %w", err)
				}
				paid.Add(1)
			}
			return nil
		})
		e.run(func() error { // good ones to us
			for ctx.Err() == nil {
				if p := s.Peer.PayWrong(s.Us.Invoice(each, "a minute"), Nothing); p.Preimage == "" {
					return fmt.Errorf("the peer's payment ended with %+v", p)
				}
				got.Add(1)
			}
			return nil
		})
		e.run(func() error { // bad ones to the peer
			for ctx.Err() == nil {
				d := s.decode(s.Peer.Invoice(Invoice{Amount: each}))
				d.PaymentSecret = flip(d.PaymentSecret)
				if err := s.send(d); err != nil {
					return fmt.Errorf("sendpay: %w", err)
				}
				if o := s.outcome(d); o != unknownDetails {
					return constant("a bad payment ended with " + o)
				}
				failed.Add(1)
			}
			return nil
		})
		e.run(func() error { // bad ones to us
			for ctx.Err() == nil {
				if p := s.Peer.PayWrong(s.Us.Invoice(each, "a minute"), WrongSecret); p.Failure != unknownDetails {
					return fmt.Errorf("the peer's bad payment ended with %+v", p)
				}
				failed.Add(1)
			}
			return nil
		})
	}
	for _, err := range e.wait() {
		s.Errorf("%v", err)
	}
	s.Logf("in a minute we paid %d and got %d, and %d failed", paid.Load(), got.Load(), failed.Load())
	mustEqual(s, "our balance", s.Agree(), before+each*amount.Msat(got.Load())-each*amount.Msat(paid.Load()))
	if paid.Load() == 0 || got.Load() == 0 || failed.Load() == 0 {
		s.Errorf("of one kind there was none")
	}
	mustEqual(s, "payments that the peer received", s.Peer.Received(), int(paid.Load()))
}

// held483BothWays has as many HTLCs under way as there may be, in both directions at once, over a reconnect; half
// are paid, half fail.
func held483BothWays(s *Scene) {
	s.even()
	before := s.Agree()
	scid := s.scidWith(s.Us, s.Peer.ID())
	const each amount.Msat = 1_000_000
	var ours []hold
	var theirs []*ourHold
	const batch = 69 // a seventh: the peer fails what waits in its queue for minutes
	for range maxHTLCs / batch {
		more := s.offerToHold(scid, each, batch)
		ours = append(ours, s.holdMany(batch, each)...)
		s.weHold(more...)
		theirs = append(theirs, more...)
	}
	one := s.newHold(each)
	if err := s.send(one.invoice); err != nil {
		s.Fatalf("sendpay: %v", err)
	}
	mustEqual(s, "outcome of one more", s.outcome(one.invoice), "temporary_channel_failure")
	s.Reconnected(func() { s.Us.Call("disconnect", []any{s.Peer.ID(), true}, nil) })
	s.weHold(theirs...)
	orders := map[string][]string{}
	for i := range maxHTLCs {
		order := []string{"release", "refuse"}[i%2]
		orders[order] = append(orders[order], theirs[i].decoded.PaymentHash)
	}
	s.settleHalf(ours)
	for order, hashes := range orders {
		s.tell(order, hashes...)
	}
	for i := range maxHTLCs {
		mustEqual(s, "outcome", s.outcome(ours[i].invoice), []string{"paid", unknownDetails}[i%2])
		if p := <-theirs[i].ended; (p.Preimage != "") != (i%2 == 0) {
			s.Fatalf("the peer's payment %d ended with %+v", i, p)
		}
	}
	mustEqual(s, "our balance", s.Agree(), before)
}
