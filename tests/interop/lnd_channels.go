package interop

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"fulmen/internal/amount"
)

// hexBytes is raw bytes, which lnd's JSON has in base64.
func hexBytes(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		panic(err) // text is of our own making, or of a node's own JSON
	}
	return raw
}

// Open implements Peer.
func (l *lnd) Open(to string, how Open) (string, error) {
	request := map[string]any{
		"node_pubkey": hexBytes(to), "local_funding_amount": uint64(how.Sats), "push_sat": uint64(how.Push),
		"private": how.Private, "close_address": how.CloseTo, "sat_per_vbyte": 5, "scid_alias": how.Alias,
	}
	if how.Type != "" {
		request["commitment_type"] = map[string]string{"anchors": "ANCHORS", "static_remote_key": "STATIC_REMOTE_KEY"}[how.Type]
	}
	var point struct {
		Txid  []byte `json:"funding_txid_bytes"`
		Index uint32 `json:"output_index"`
	}
	if err := l.try(http.MethodPost, "/v1/channels", request, &point); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%d", txidOf(point.Txid), point.Index), nil
}

// txidOf shows a txid the way it is always shown: backwards.
func txidOf(raw []byte) string {
	shown := make([]byte, len(raw))
	for i, b := range raw {
		shown[len(raw)-1-i] = b
	}
	return hex.EncodeToString(shown)
}

type lndConstraints struct {
	ChanReserveSat amount.Sat `json:"chan_reserve_sat,string"`
	DustLimitSat   amount.Sat `json:"dust_limit_sat,string"`
}

type lndChannel struct {
	Active            bool
	RemotePubkey      string              `json:"remote_pubkey"`
	ChannelPoint      string              `json:"channel_point"`
	ChanID            string              `json:"chan_id"`
	Capacity          amount.Sat          `json:",string"`
	LocalBalance      amount.Sat          `json:"local_balance,string"`
	RemoteBalance     amount.Sat          `json:"remote_balance,string"`
	CommitFee         amount.Sat          `json:"commit_fee,string"`
	FeePerKw          amount.FeeratePerKw `json:"fee_per_kw,string"`
	PendingHTLCs      []json.RawMessage   `json:"pending_htlcs"`
	Private           bool
	Initiator         bool
	CommitmentType    string         `json:"commitment_type"`
	LocalConstraints  lndConstraints `json:"local_constraints"`
	RemoteConstraints lndConstraints `json:"remote_constraints"`
}

func (l *lnd) listChannels() []lndChannel {
	l.t.Helper()
	var list struct{ Channels []lndChannel }
	l.must(http.MethodGet, "/v1/channels", nil, &list)
	return list.Channels
}

// Channels implements Peer.
func (l *lnd) Channels() []Channel {
	l.t.Helper()
	var channels []Channel
	for _, c := range l.listChannels() {
		channels = append(channels, Channel{
			Point: c.ChannelPoint, Active: c.Active && l.routable(c.ChanID), Linked: c.Active, Capacity: c.Capacity, Local: c.LocalBalance, OfUs: c.RemoteBalance,
			CommitFee: c.CommitFee, Feerate: c.FeePerKw, Type: strings.ToLower(c.CommitmentType), Private: c.Private,
			Opener: c.Initiator, HTLCs: len(c.PendingHTLCs), Reserve: c.LocalConstraints.ChanReserveSat,
			OurReserve: c.RemoteConstraints.ChanReserveSat, DustLimit: c.LocalConstraints.DustLimitSat,
		})
	}
	return channels
}

// routable says whether lnd has a channel in its graph with the terms of both sides: it is active before
// that, but no payment goes through it.
func (l *lnd) routable(id string) bool {
	var edge struct {
		Node1 *struct{} `json:"node1_policy"`
		Node2 *struct{} `json:"node2_policy"`
	}
	err := l.try(http.MethodGet, "/v1/graph/edge/"+id, nil, &edge)
	return err == nil && edge.Node1 != nil && edge.Node2 != nil
}

// PaySmallest implements Peer.
func (l *lnd) PaySmallest(point string) {
	l.t.Helper()
	for _, c := range l.listChannels() {
		if c.ChannelPoint == point {
			l.SetTerms(point, Terms{Base: 1000, PPM: 1, Delta: 80, Min: 1, Max: c.Capacity.Msat()})
		}
	}
}

// Close implements Peer.
func (l *lnd) Close(point string, how Close) error {
	query := url.Values{}
	if how.SatPerByte != 0 {
		query.Set("sat_per_vbyte", fmt.Sprint(how.SatPerByte))
	}
	return l.closeBy(point, query)
}
