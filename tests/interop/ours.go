package interop

import (
	"encoding/json"
	"errors"
	"strings"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
)

// ourChannel is what a case needs of listpeerchannels beyond what the harness reads.
type ourChannel struct {
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
	err := s.Us.Try("waitsendpay", []any{d.PaymentHash, 60}, nil)
	if err == nil {
		return "paid"
	}
	var failure *rpc.Error
	if !errors.As(err, &failure) {
		s.Fatalf("waitsendpay: %v", err)
	}
	var data struct {
		FailCodeName string `json:"failcodename"`
	}
	if raw, err := json.Marshal(failure.Data); err != nil || json.Unmarshal(raw, &data) != nil || data.FailCodeName == "" {
		s.Fatalf("waitsendpay: %v, with data %+v", failure, failure.Data)
	}
	return strings.ToLower(strings.TrimPrefix(data.FailCodeName, "WIRE_"))
}
