package interop

import "fulmen/internal/amount"

// twoChannels with the peer, neither of which has room for more than a part of what parts pays.
func (s *Scene) twoChannels(push amount.Msat) {
	s.Helper()
	s.Connect()
	for range 2 {
		s.OpenOurs(1_000_000, map[string]any{"push_msat": uint64(push)})
	}
}

const parts amount.Msat = 1_200_000_000

func payPartsToPeer(s *Scene) {
	s.twoChannels(100_000_000)
	before := s.Agree()
	s.ToPeer(parts)
	mustEqual(s, "our balance", s.Agree(), before-parts)
	var paid struct {
		Payments []struct {
			Status string
			PartID int `json:"partid"`
		}
	}
	s.Us.Call("listsendpays", nil, &paid)
	complete := 0
	for _, p := range paid.Payments {
		if p.Status == "complete" {
			complete++
		}
	}
	if complete < 2 {
		s.Fatalf("the payment was made in %d parts: %+v", complete, paid)
	}
	mustEqual(s, "payments that the peer received", s.Peer.Received(), 1)
}

func payPartsToUs(s *Scene) {
	s.twoChannels(900_000_000)
	before := s.Agree()
	p, err := s.Peer.Pay(s.Us.Invoice(parts, "in parts"), 0)
	if err != nil {
		s.Fatalf("the peer pays: %v %+v", err, p)
	}
	if p.Parts < 2 {
		s.Fatalf("the peer paid in %d parts", p.Parts)
	}
	mustEqual(s, "our balance", s.Agree(), before+parts)
}

// keysent is what each pays.
const keysent amount.Msat = 7_654_321

func keysendToPeer(s *Scene) {
	able[Keysender](s, s.Peer)
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	before := s.Agree()
	s.Us.Call("keysend", map[string]any{"destination": s.Peer.ID(), "amount_msat": uint64(keysent)}, nil)
	mustEqual(s, "our balance", s.Agree(), before-keysent)
	mustEqual(s, "payments that the peer received", s.Peer.Received(), 1)
}

func keysendToUs(s *Scene) {
	sender := able[Keysender](s, s.Peer)
	s.Connect()
	s.OpenOurs(1_000_000, map[string]any{"push_msat": 400_000_000})
	before := s.Agree()
	p, err := sender.Keysend(s.Us.ID(), keysent)
	if err != nil {
		s.Fatalf("the peer pays: %v %+v", err, p)
	}
	mustEqual(s, "our balance", s.Agree(), before+keysent)
	var list struct {
		Invoices []struct {
			Status   string
			Preimage string      `json:"payment_preimage"`
			Got      amount.Msat `json:"amount_received_msat"`
		}
	}
	s.Us.Call("listinvoices", nil, &list)
	if len(list.Invoices) != 1 || list.Invoices[0].Status != "paid" || list.Invoices[0].Preimage != p.Preimage || list.Invoices[0].Got != keysent {
		s.Fatalf("our invoices are %+v, the peer's proof is %s", list.Invoices, p.Preimage)
	}
}
