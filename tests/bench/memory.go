package main

import (
	"time"

	"fulmen/tests/harness"
)

type memoryRow struct {
	Bench   string  `json:"bench"`
	Case    string  `json:"case"`
	Process string  `json:"process"`
	MB      float64 `json:"mb"`
}

// memory measures every process of the payer: idle with one channel, after some thousand payments,
// and with ten channels.
func memory(r *run) {
	p := r.newPair(1, 0)
	r.memoryRows("idle", p.payer)
	for range 3 {
		p.payAll(r.n, 240, 1000)
	}
	r.memoryRows("after_payments", p.payer)
	p.payer.Stop()
	p.payee.Stop()
	p = r.newPair(10, 0)
	r.memoryRows("ten_channels", p.payer)
}

// calm is how long a node is left alone before it is measured: its processes give memory back when they have had nothing
// to do for some seconds (internal/quiet).
const calm = 6 * time.Second

// memoryRows prints a row for each process, and their sum as "all".
func (r *run) memoryRows(when string, n *harness.Node) {
	r.Helper()
	time.Sleep(calm)
	var all int64
	for _, process := range r.processes(n) {
		pss, err := process.PSS()
		if err != nil {
			r.Fatalf("%s: %v", process.Title, err)
		}
		all += pss
		r.row(memoryRow{r.name, when, process.Title, megabytes(pss)})
	}
	r.row(memoryRow{r.name, when, "all", megabytes(all)})
}
