package main

import (
	"strings"
	"time"

	"fulmen/internal/amount"
)

type queryRow struct {
	Bench string  `json:"bench"`
	Case  string  `json:"case"`
	N     int     `json:"n"`
	P50   float64 `json:"p50_ms"`
}

// asked is how often each query is asked; the median counts.
const asked = 50

// queries asks the plugin sql about many invoices: for the first query it reads them all, later ones ask for what has
// come since. Then about the channel, whose list is read each time.
func queries(r *run) {
	p := r.newPair(1, 0)
	n := 10 * r.n
	p.invoices(n, 1000)
	node := p.payee
	ask := func(query string) time.Duration {
		begun := time.Now()
		node.Call("sql", []string{query}, nil)
		return time.Since(begun)
	}
	median := func(query string, before func()) float64 {
		var each []time.Duration
		for range asked {
			before()
			each = append(each, ask(query))
		}
		return milliseconds(percentile(each, 50))
	}
	const count = "SELECT status, count(*) FROM invoices GROUP BY status"
	r.row(queryRow{r.name, "first", n, milliseconds(ask(count))})
	r.row(queryRow{r.name, "again", n, median(count, func() {})})
	r.row(queryRow{r.name, "one_more", n, median(count, func() { node.Invoice(amount.Msat(1000), "one more") })})
	r.row(queryRow{r.name, "channel", 1, median("SELECT state, to_us_msat FROM peerchannels", func() {})})
	for _, process := range r.processes(node) {
		if pss, err := process.PSS(); strings.HasPrefix(process.Title, "sql") && err == nil {
			r.row(memoryRow{r.name, "after", process.Title, megabytes(pss)})
		}
	}
}
