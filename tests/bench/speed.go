package main

import (
	"slices"
	"time"

	"fulmen/internal/amount"
)

type speedRow struct {
	Bench     string  `json:"bench"`
	N         int     `json:"n"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
	InFlight  int     `json:"in_flight"`
}

// manyAtOnce finds how many payments at once are fastest, each number with payments of its own.
func manyAtOnce(amt amount.Msat, oneWay time.Duration) func(*run) {
	return func(r *run) {
		p := r.newPair(1, oneWay)
		var best paid
		for _, inFlight := range r.inFlight {
			if m := p.payAll(r.n, inFlight, amt); best.each == nil || m.elapsed < best.elapsed {
				best = m
			}
		}
		r.row(newSpeedRow(r.name, r.n, best.inFlight, best.elapsed))
		r.row(best.costRow(r.name))
	}
}

func newSpeedRow(name string, n, inFlight int, elapsed time.Duration) speedRow {
	seconds := elapsed.Seconds()
	return speedRow{name, n, round(seconds, 3), round(float64(n)/seconds, 1), inFlight}
}

type latencyRow struct {
	Bench string  `json:"bench"`
	N     int     `json:"n"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
}

// oneAtATime pays n times, each payment once the one before is complete.
func oneAtATime(amt amount.Msat, n int, oneWay time.Duration) func(*run) {
	return func(r *run) {
		p := r.newPair(1, oneWay)
		m := p.payAll(n, 1, amt)
		r.row(latencyRow{r.name, n, milliseconds(percentile(m.each, 50)), milliseconds(percentile(m.each, 99))})
		r.row(m.costRow(r.name))
	}
}

// percentile is the smallest duration that p of 100 do not exceed.
func percentile(list []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[(len(sorted)*p+99)/100-1]
}

// createInvoices measures one connection that asks for a hundred at once.
func createInvoices(r *run) {
	p := r.newPair(1, 0)
	start := time.Now()
	p.invoices(r.n, 1000)
	r.row(newSpeedRow(r.name, r.n, 100, time.Since(start)))
}
