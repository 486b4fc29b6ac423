package interop

import (
	"encoding/json"
	"errors"
	"strings"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// ourChannel is what a case needs of listpeerchannels beyond what the harness reads.
type ourChannel struct {
	PeerID     string      `json:"peer_id"`
	SCID       string      `json:"short_channel_id"`
	ToUs       amount.Msat `json:"to_us_msat"`
	Spendable  amount.Msat `json:"spendable_msat"`
	OurReserve amount.Msat `json:"our_reserve_msat"`
	DustLimit  amount.Msat `json:"dust_limit_msat"`
}

// OurChannels is listpeerchannels.
func (s *Scene) OurChannels() []ourChannel {
	s.Helper()
	var list struct{ Channels []ourChannel }
	s.Us.Call("listpeerchannels", nil, &list)
	return list.Channels
}

// decoded is what a case needs of a peer's invoice.
type decoded struct {
	PaymentHash   string      `json:"payment_hash"`
	PaymentSecret string      `json:"payment_secret"`
	AmountMsat    amount.Msat `json:"amount_msat"`
	MinFinalCLTV  int         `json:"min_final_cltv_expiry"`
}

func (s *Scene) decode(bolt11 string) (d decoded) {
	s.Helper()
	s.Us.Call("decode", []string{bolt11}, &d)
	return d
}

// send has us offer one HTLC to the peer, as the invoice asks.
func (s *Scene) send(d decoded) error {
	s.Helper()
	return s.Us.Try("sendpay", map[string]any{
		"route": []any{map[string]any{
			"id": s.Peer.ID(), "channel": s.OurChannels()[0].SCID, "amount_msat": uint64(d.AmountMsat), "delay": d.MinFinalCLTV + 3,
		}},
		"payment_hash": d.PaymentHash, "payment_secret": d.PaymentSecret,
	}, nil)
}

// outcome waits until what send sent is paid, or gives the failure's name as BOLT 4 has it.
func (s *Scene) outcome(d decoded) string {
	s.Helper()
	if p := s.ended(s.Us, d); p.Failure != "" {
		return p.Failure
	}
	return "paid"
}

// ended waits for the end of a payment that a node of ours began by sendpay.
func (s *Scene) ended(n *harness.Node, d decoded) Payment {
	s.Helper()
	var paid struct {
		Preimage string `json:"payment_preimage"`
	}
	err := n.Try("waitsendpay", []any{d.PaymentHash, 60}, &paid)
	if err == nil {
		return Payment{Preimage: paid.Preimage, Parts: 1}
	}
	var failure *rpc.Error
	if !errors.As(err, &failure) {
		s.Fatalf("waitsendpay: %v", err)
	}
	var data struct {
		FailCodeName string `json:"failcodename"`
		ErringIndex  int    `json:"erring_index"`
	}
	if raw, err := json.Marshal(failure.Data); err != nil || json.Unmarshal(raw, &data) != nil || data.FailCodeName == "" {
		s.Fatalf("waitsendpay: %v, with data %+v", failure, failure.Data)
	}
	return Payment{Failure: strings.ToLower(strings.TrimPrefix(data.FailCodeName, "WIRE_")), FailedAt: data.ErringIndex}
}

// payRoute is PayRoute of a node of ours.
func (s *Scene) payRoute(bolt11 string, hops []Hop) Payment {
	s.Helper()
	d := s.decode(bolt11)
	route := []any{}
	for _, h := range hops {
		route = append(route, map[string]any{"id": h.To, "channel": h.SCID, "amount_msat": uint64(h.Amount), "delay": h.Delay})
	}
	s.Us.Call("sendpay", map[string]any{"route": route, "payment_hash": d.PaymentHash, "payment_secret": d.PaymentSecret}, nil)
	return s.ended(s.Us, d)
}

// scidWith is the short_channel_id of a node's one channel with another node.
func (s *Scene) scidWith(n *harness.Node, id string) string {
	s.Helper()
	for _, c := range n.Channels() {
		if c.PeerID == id {
			return c.SCID
		}
	}
	s.Fatalf("%s has no channel with %s", n.Name, id)
	return ""
}

// graphOf is the public network as a node of ours knows it.
func (s *Scene) graphOf(n *harness.Node) Graph {
	s.Helper()
	g := Graph{Aliases: map[string]string{}, Channels: map[string]map[string]Terms{}}
	var nodes struct {
		Nodes []struct {
			ID    string `json:"nodeid"`
			Alias string
		}
	}
	n.Call("listnodes", nil, &nodes)
	for _, node := range nodes.Nodes {
		if node.Alias != "" {
			g.Aliases[node.ID] = node.Alias
		}
	}
	var list struct {
		Channels []struct {
			SCID   string `json:"short_channel_id"`
			Source string
			Public bool
			Active bool
			Base   amount.Msat `json:"base_fee_millisatoshi"`
			PPM    uint32      `json:"fee_per_millionth"`
			Delta  int         `json:"delay"`
			Min    amount.Msat `json:"htlc_minimum_msat"`
			Max    amount.Msat `json:"htlc_maximum_msat"`
		}
	}
	n.Call("listchannels", nil, &list)
	for _, c := range list.Channels {
		if !c.Public {
			continue
		}
		if g.Channels[c.SCID] == nil {
			g.Channels[c.SCID] = map[string]Terms{}
		}
		g.Channels[c.SCID][c.Source] = Terms{Base: c.Base, PPM: c.PPM, Delta: c.Delta, Min: c.Min, Max: c.Max, Disabled: !c.Active}
	}
	return g
}

// flip changes the first digit of a hash in hex.
func flip(hex string) string {
	if hex[0] == '0' {
		return "1" + hex[1:]
	}
	return "0" + hex[1:]
}
