package main

import (
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// confineRounds is how often each mode is measured, in turns. The best of each counts: what the machine
// does besides can only add, and the difference that is looked for is smaller.
const confineRounds = 10

type confineRow struct {
	Bench     string  `json:"bench"`
	Confine   string  `json:"confine"`
	Rounds    int     `json:"rounds"`
	PerSecond float64 `json:"per_second"`
	StartMS   float64 `json:"start_ms"`
}

type confineCostRow struct {
	Bench    string  `json:"bench"`
	Payments float64 `json:"payments_slower_percent"`
	StartMS  float64 `json:"start_longer_ms"`
}

// confined is one mode's figures.
type confined struct {
	mode     string
	pair     *pair
	alone    *harness.Node   // of which only the start is measured
	payments []time.Duration // for n payments
	starts   []time.Duration // of the whole node, with three daemons
}

// confine compares payments and starts with --confine=on and off.
func confine(r *run) {
	modes := []*confined{{mode: "off"}, {mode: "on"}}
	for _, c := range modes {
		option := "--confine=" + c.mode
		c.pair = r.newPair(1, 0, option)
		c.alone = harness.NewNode(r, c.pair.chain, "confine-"+c.mode, "--log-level=info", option)
		r.start(c.alone) // which makes its folder and keys
		c.alone.Stop()
	}
	depth := slices.Max(r.inFlight)
	for round := range confineRounds {
		for _, c := range modes {
			c.starts = append(c.starts, r.start(c.alone))
			c.alone.Stop()
			c.payments = append(c.payments, c.pair.payAll(r.n, depth, amount.Msat(1000)).elapsed)
		}
		slices.Reverse(modes) // neither always comes first
		r.Logf("round %d of %d", round+1, confineRounds)
	}
	slices.SortFunc(modes, func(a, b *confined) int { return len(b.mode) - len(a.mode) })
	off, on := modes[0], modes[1]
	for _, c := range modes {
		r.row(confineRow{r.name, c.mode, confineRounds, c.perSecond(r.n), c.startMS()})
	}
	slower := (1 - on.perSecond(r.n)/off.perSecond(r.n)) * 100
	r.row(confineCostRow{r.name + "_cost", round(slower, 2), round(on.startMS()-off.startMS(), 2)})
}

func (c *confined) perSecond(n int) float64 {
	return round(float64(n)/slices.Min(c.payments).Seconds(), 1)
}

func (c *confined) startMS() float64 { return milliseconds(slices.Min(c.starts)) }
