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

// TestKeysendInParts: the payment_secret that the sender made keeps the parts of a payment together.
func TestKeysendInParts(t *testing.T) {
	preimage := [32]byte{3}
	one := part(1, 1000, 2000)
	one.PaymentHash, one.PaymentSecret, one.Keysend = sha256.Sum256(preimage[:]), [32]byte{9}, &preimage
	for name, c := range map[string]struct {
		change func(*Machine, *Part)
		taken  bool
	}{
		"the rest":                {change: func(*Machine, *Part) {}, taken: true},
		"with another secret":     {change: func(_ *Machine, p *Part) { p.PaymentSecret[0]++ }},
		"without a secret":        {change: func(_ *Machine, p *Part) { p.HasSecret = false }},
		"of another total":        {change: func(_ *Machine, p *Part) { p.TotalMsat++ }},
		"an invoice was made now": {change: func(m *Machine, p *Part) { m.storage = shelf{p.PaymentHash: {}} }},
	} {
		m := newMachine(1000)
		first, err := m.Arrive(one, start, height)
		if err != nil || first != nil {
			t.Fatalf("%s: the first part: %v, %v", name, first, err)
		}
		two := one
		two.HTLC = 2
		c.change(m, &two)
		actions, err := m.Arrive(two, start, height)
		if err != nil || len(actions) == 0 {
			t.Fatalf("%s: %v, %v", name, actions, err)
		}
		take, taken := actions[0].(Take)
		if taken != c.taken {
			t.Errorf("%s: %+v", name, actions[0])
		}
		if taken && (len(take.Parts) != 2 || take.Received != 2000 || take.Invoice.Amount != 2000 || take.Invoice.CreatedIndex != 0) {
			t.Errorf("%s: %+v", name, take)
		}
	}
	m := newMachine(1000)
	if _, err := m.Arrive(one, start, height); err != nil {
		t.Fatal(err)
	}
	if late := m.Expire(start.Add(SetTimeout)); len(late) != 1 || late[0].(Fail).Reason != MPPTimeout {
		t.Errorf("alone for too long: %+v", late)
	}
}
