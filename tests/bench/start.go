package main

import (
	"fmt"
	"time"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// starts is how often each start is measured; the median counts.
const starts = 5

type startRow struct {
	Bench string  `json:"bench"`
	Case  string  `json:"case"`
	Runs  int     `json:"runs"`
	MS    float64 `json:"ms"`
}

// startReady measures from exec until the RPC answers getinfo: of a new node, and of one that has a
// channel.
func startReady(r *run) {
	p := r.newPair(1, 0)
	var again []time.Duration
	for range starts {
		p.payer.Stop()
		again = append(again, r.start(p.payer))
	}
	var first []time.Duration
	for i := range starts {
		empty := harness.NewNode(r, p.chain, fmt.Sprintf("new-%d", i), "--log-level=info")
		first = append(first, r.start(empty))
		empty.Stop()
	}
	r.row(startRow{r.name, "new", starts, milliseconds(percentile(first, 50))})
	r.row(startRow{r.name, "restart_with_channel", starts, milliseconds(percentile(again, 50))})
}

// start starts a node that does not run. Nothing tells when a socket can be connected to but trying.
func (r *run) start(n *harness.Node) time.Duration {
	r.Helper()
	begun := time.Now()
	n.Launch()
	try := time.NewTicker(time.Millisecond)
	defer try.Stop()
	for time.Since(begun) < harness.Patience {
		if client, err := rpc.Dial(n.RPCFile()); err == nil {
			err = client.Call(r.Context(), "getinfo", nil, nil)
			took := time.Since(begun)
			client.Close()
			if err == nil {
				return took
			}
		}
		<-try.C
	}
	r.Fatalf("%s does not answer after %s", n.Name, harness.Patience)
	return 0
}
