package interop

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"fulmen/internal/amount"
	"fulmen/internal/wire"
)

// SetTerms implements Router.
func (l *lnd) SetTerms(point string, t Terms) {
	l.t.Helper()
	txid, index, _ := strings.Cut(point, ":")
	var reply struct {
		FailedUpdates []json.RawMessage `json:"failed_updates"`
	}
	l.must(http.MethodPost, "/v1/chanpolicy", map[string]any{
		"chan_point":    map[string]string{"funding_txid_str": txid, "output_index": index},
		"base_fee_msat": uint64(t.Base), "fee_rate_ppm": t.PPM, "time_lock_delta": t.Delta,
		"min_htlc_msat": uint64(t.Min), "min_htlc_msat_specified": true, "max_htlc_msat": uint64(t.Max),
	}, &reply)
	if len(reply.FailedUpdates) != 0 {
		l.t.Fatalf("lnd: new terms of %s: %s", point, reply.FailedUpdates)
	}
}

// PayRoute implements Router.
func (l *lnd) PayRoute(bolt11s []string, hops []Hop) []Payment {
	l.t.Helper()
	outcomes := make([]Payment, len(bolt11s))
	var all sync.WaitGroup
	for i, bolt11 := range bolt11s {
		all.Go(func() { outcomes[i] = l.payRoute(bolt11, hops) })
	}
	all.Wait()
	return outcomes
}

func (l *lnd) payRoute(bolt11 string, hops []Hop) Payment {
	l.t.Helper()
	inv := l.decode(bolt11)
	height := l.info().BlockHeight
	var list []any
	for i, hop := range hops {
		id, err := wire.ParseShortChannelID(hop.SCID)
		if err != nil {
			l.t.Fatalf("%v", err)
		}
		// lnd's hop has what its node passes on; the last one passes on all that it gets.
		next := hops[min(i+1, len(hops)-1)]
		h := map[string]any{
			"chan_id": strconv.FormatUint(uint64(id), 10), "pub_key": hop.To, "tlv_payload": true,
			"amt_to_forward_msat": fmt.Sprint(uint64(next.Amount)), "fee_msat": fmt.Sprint(uint64(hop.Amount - next.Amount)),
			"expiry": height + next.Delay,
		}
		if i == len(hops)-1 {
			h["mpp_record"] = map[string]any{"payment_addr": inv.secret(l.t), "total_amt_msat": fmt.Sprint(uint64(hop.Amount))}
		}
		list = append(list, h)
	}
	attempt, err := l.sendRoute(l.t.Context(), hexBytes(inv.PaymentHash), height+hops[0].Delay, hops[0].Amount, list)
	if err != nil {
		return Payment{Failure: lost}
	}
	return attempt
}

// Graph implements Gossiper.
func (l *lnd) Graph() Graph {
	l.t.Helper()
	type policy struct {
		Delta    int         `json:"time_lock_delta"`
		Min      amount.Msat `json:"min_htlc,string"`
		Max      amount.Msat `json:"max_htlc_msat,string"`
		Base     amount.Msat `json:"fee_base_msat,string"`
		PPM      uint32      `json:"fee_rate_milli_msat,string"`
		Disabled bool
	}
	var shown struct {
		Nodes []struct {
			LastUpdate int    `json:"last_update"`
			PubKey     string `json:"pub_key"`
			Alias      string
		}
		Edges []struct {
			ChannelID uint64  `json:"channel_id,string"`
			Node1     string  `json:"node1_pub"`
			Node2     string  `json:"node2_pub"`
			Policy1   *policy `json:"node1_policy"`
			Policy2   *policy `json:"node2_policy"`
		}
	}
	l.must(http.MethodGet, "/v1/graph", nil, &shown)
	g := Graph{Aliases: map[string]string{}, Channels: map[string]map[string]Terms{}}
	for _, n := range shown.Nodes {
		if n.LastUpdate != 0 { // or it is only the end of a channel
			g.Aliases[n.PubKey] = n.Alias
		}
	}
	for _, e := range shown.Edges {
		sides := map[string]Terms{}
		for id, p := range map[string]*policy{e.Node1: e.Policy1, e.Node2: e.Policy2} {
			if p != nil {
				sides[id] = Terms{Base: p.Base, PPM: p.PPM, Delta: p.Delta, Min: p.Min, Max: p.Max, Disabled: p.Disabled}
			}
		}
		g.Channels[wire.ShortChannelID(e.ChannelID).String()] = sides
	}
	return g
}

// keysendRecord is the TLV record in which a payment without an invoice brings its preimage.
const keysendRecord = "5482373484"

// Keysend implements Keysender.
func (l *lnd) Keysend(to string, msat amount.Msat) (Payment, error) {
	var preimage [32]byte
	rand.Read(preimage[:])
	hash := sha256.Sum256(preimage[:])
	return l.sendPayment(map[string]any{
		"dest": hexBytes(to), "amt_msat": uint64(msat), "payment_hash": hash[:], "final_cltv_delta": 40,
		"dest_custom_records": map[string][]byte{keysendRecord: preimage[:]},
	})
}

// ForceClose implements Closer.
func (l *lnd) ForceClose(point string) error {
	return l.closeBy(point, url.Values{"force": {"true"}})
}

// Resolved implements Closer.
func (l *lnd) Resolved(point string) bool {
	l.t.Helper()
	type pending struct {
		Channel struct {
			Point string `json:"channel_point"`
		}
	}
	var list struct {
		Forced  []pending `json:"pending_force_closing_channels"`
		Waiting []pending `json:"waiting_close_channels"`
	}
	l.must(http.MethodGet, "/v1/channels/pending", nil, &list)
	for _, p := range append(list.Forced, list.Waiting...) {
		if p.Channel.Point == point {
			return false
		}
	}
	return true
}

// OnChain implements Closer.
func (l *lnd) OnChain() amount.Sat {
	l.t.Helper()
	var balance struct {
		Confirmed amount.Sat `json:"confirmed_balance,string"`
	}
	l.must(http.MethodGet, "/v1/balance/blockchain", nil, &balance)
	return balance.Confirmed
}

// Copy implements Copier.
func (l *lnd) Copy() (restore func()) {
	l.t.Helper()
	return copyFolder(l.t, l.dir)
}

// copyFolder copies a folder; restore puts the copy in its place.
func copyFolder(t interface {
	Helper()
	TempDir() string
	Fatalf(string, ...any)
}, folder string) (restore func()) {
	t.Helper()
	kept := t.TempDir() + "/copy"
	if err := os.CopyFS(kept, os.DirFS(folder)); err != nil {
		t.Fatalf("copy %s: %v", folder, err)
	}
	return func() {
		t.Helper()
		if err := os.RemoveAll(folder); err != nil {
			t.Fatalf("%v", err)
		}
		if err := os.CopyFS(folder, os.DirFS(kept)); err != nil {
			t.Fatalf("restore %s: %v", folder, err)
		}
	}
}

// closeBy begins a close, and returns once lnd says that it is under way.
func (l *lnd) closeBy(point string, query url.Values) error {
	txid, index, _ := strings.Cut(point, ":")
	ctx, cancel := context.WithTimeout(l.t.Context(), lndPatience)
	defer cancel()
	return l.stream(ctx, http.MethodDelete, "/v1/channels/"+txid+"/"+index+"?"+query.Encode(), nil,
		func(json.RawMessage) (bool, error) { return true, nil })
}
