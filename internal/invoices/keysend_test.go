package invoices

import (
	"crypto/sha256"
	"testing"
)

func TestKeysend(t *testing.T) {
	preimage := [32]byte{3}
	for _, c := range []struct {
		name   string
		change func(*Part)
		taken  bool
	}{
		{name: "exact", change: func(*Part) {}, taken: true},
		{name: "with a payment_secret", change: func(p *Part) { p.HasSecret, p.TotalMsat = true, 1000 }, taken: true},
		{name: "one part of several", change: func(p *Part) { p.HasSecret, p.TotalMsat = true, 2000 }},
		{name: "another preimage", change: func(p *Part) { p.Keysend = &[32]byte{4} }},
		{name: "too soon", change: func(p *Part) { p.CLTVExpiry, p.OutgoingCLTV = height+17, height+17 }},
		{name: "of an invoice", change: func(p *Part) { p.PaymentHash = Hash{1} }},
	} {
		p := part(1, 1000, 0)
		p.PaymentHash, p.HasSecret, p.Keysend = sha256.Sum256(preimage[:]), false, &preimage
		c.change(&p)
		m := newMachine(1000)
		actions, err := m.Arrive(p, start, height)
		if err != nil || len(actions) != 1 {
			t.Fatalf("%s: %v, %v", c.name, actions, err)
		}
		take, taken := actions[0].(Take)
		if taken != c.taken {
			t.Errorf("%s: %+v", c.name, actions[0])
		}
		if !taken {
			continue
		}
		if i := take.Invoice; i.Preimage != preimage || i.PaymentHash != p.PaymentHash || i.CreatedIndex != 0 || take.Received != 1000 {
			t.Errorf("%s: %+v", c.name, take)
		}
		// The same again, before the first is on disk.
		p.HTLC = 2
		if again, err := m.Arrive(p, start, height); err != nil || len(again) != 1 || again[0] != (Action)(Fail{p, UnknownDetails}) {
			t.Errorf("%s, a second time: %+v, %v", c.name, again, err)
		}
	}
}
