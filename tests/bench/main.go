// Command bench measures real nodes: two on this machine with a channel between them, or three in
// a line, on a btcd of their own. It prints one JSON line a figure, and on stderr what it is doing. docs/bench.md says what
// each figure means.
//
//	go run ./tests/bench [-only NAME] [-n 2000] [-in-flight 100,240,400,483]
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"fulmen/internal/amount"
)

// bench is what -only names, and the first column of its rows.
type bench struct {
	name string
	run  func(*run)
}

// oneWay is the delay of each direction where a name ends in _rtt70.
const oneWay = 35 * time.Millisecond

var benches = []bench{
	{"machine", machine},
	{"one_channel_1sat", manyAtOnce(1000, 0)},
	{"one_channel_1000sat", manyAtOnce(1_000_000, 0)},
	{"single_1000sat", oneAtATime(1_000_000, 500, 0)},
	{"one_channel_1sat_rtt70", manyAtOnce(1000, oneWay)},
	{"one_channel_1000sat_rtt70", manyAtOnce(1_000_000, oneWay)},
	{"single_1000sat_rtt70", oneAtATime(1_000_000, 100, oneWay)},
	{"forward", forward},
	{"invoices", createInvoices},
	{"sql", queries},
	{"start_ready", startReady},
	{"pss", memory},
	{"confine", confine},
	{"graph", graphs},
	{"gossip_verify", gossipVerify},
}

func main() {
	only := flag.String("only", "all", "name of the bench to run")
	n := flag.Int("n", 2000, "payments of a row with many at once")
	inFlight := flag.String("in-flight", "100,240,400,483", "how many at once; the best is reported")
	flag.Parse()
	if err := runBenches(*only, *n, *inFlight); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func runBenches(only string, n int, inFlight string) error {
	var depths []int
	for _, text := range strings.Split(inFlight, ",") {
		depth, err := strconv.Atoi(text)
		if err != nil || depth < 1 {
			return fmt.Errorf("-in-flight: %q is not a number of payments", text)
		}
		depths = append(depths, depth)
	}
	if n < 1 {
		return fmt.Errorf("-n: %d payments", n)
	}
	var names []string
	found := false
	for _, b := range benches {
		names = append(names, b.name)
		if only != "all" && only != b.name {
			continue
		}
		found = true
		if err := (&run{name: b.name, n: n, inFlight: depths}).do(b.run); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("-only: there is no %q, but all, %s", only, strings.Join(names, ", "))
	}
	return nil
}

// round keeps so many digits after the point.
func round(x float64, digits int) float64 {
	unit := math.Pow10(digits)
	return math.Round(x*unit) / unit
}

func milliseconds(d time.Duration) float64 { return round(float64(d)/float64(time.Millisecond), 2) }

func megabytes(n int64) float64 { return round(float64(n)/(1<<20), 2) }

// funding is enough for every payment of a bench.
const funding amount.Sat = 16_000_000
