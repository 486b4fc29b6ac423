package main

import (
	"time"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// Blocks and fee that the node in the middle asks for, on regtest.
const (
	hopDelta = 6
	hopFee   = 1000 + 1_000_000*10/1_000_000 // of a payment of 1,000 sat
)

type hopRow struct {
	Bench string  `json:"bench"`
	N     int     `json:"n"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Added float64 `json:"added_p50_ms"` // by the node in the middle
}

// forward measures payments through a third node, beside those through a channel of the same two nodes.
func forward(r *run) {
	const amt, alone = amount.Msat(1_000_000), 300
	p := r.newPair(1, 0)
	middle := harness.StartNode(r, p.chain, "middle", "--log-level=info")
	first := p.open(p.payer, middle)
	second := p.open(middle, p.payee)

	direct := p.payAll(alone, 1, amt)
	p.hops = func(inv invoice, amt amount.Msat) []hop {
		last := p.directRoute(inv, amt)[0]
		return []hop{{middle.ID(), first, last.Delay + hopDelta, amt + hopFee}, {p.payee.ID(), second, last.Delay, amt}}
	}
	through := p.payAll(alone, 1, amt)
	p50 := percentile(through.each, 50)
	r.row(hopRow{r.name + "_single", alone, milliseconds(p50), milliseconds(percentile(through.each, 99)), milliseconds(p50 - percentile(direct.each, 50))})

	var best time.Duration
	var at int
	for _, inFlight := range r.inFlight {
		if m := p.payAll(r.n, inFlight, amt); best == 0 || m.elapsed < best {
			best, at = m.elapsed, inFlight
		}
	}
	r.row(newSpeedRow(r.name, r.n, at, best))
}

// open has one node open a channel to another, and returns its short_channel_id.
func (p *pair) open(from, to *harness.Node) string {
	p.Helper()
	from.FundWallet(2 * funding)
	from.Connect(to)
	from.OpenChannel(to, funding)
	for _, c := range from.Channels() {
		if c.PeerID == to.ID() {
			return c.SCID
		}
	}
	p.Fatalf("%s has no channel with %s", from.Name, to.Name)
	return ""
}
