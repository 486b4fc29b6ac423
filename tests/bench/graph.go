package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/graph"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/route"
	"fulmen/tests/harness"
	"fulmen/tests/proc"
)

type graphRow struct {
	Bench    string  `json:"bench"`
	Nodes    int     `json:"nodes"`
	Channels int     `json:"channels"`
	LoadMS   float64 `json:"graph_load_ms"`
	MemoryMB float64 `json:"graph_memory_mb"`
}

type routesRow struct {
	Bench string  `json:"bench"`
	N     int     `json:"n"`
	Found int     `json:"found"`
	Parts float64 `json:"parts,omitempty"` // the mean
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
}

// graphs measures a generated network of the public one's size: reading its gossip_store, looking for routes, and the
// plugin that does both.
func graphs(r *run) {
	dir := r.TempDir()
	path := filepath.Join(dir, "gossip_store")
	r.Logf("signing a network: this takes a minute")
	r.writeStore(path)
	file := r.graphLoad(path)
	if err := file.View(func(g *graph.Graph) {
		r.getRoute(g)
		r.getRoutes(g)
	}); err != nil {
		r.Fatalf("%v", err)
	}
	r.topologyMemory("topology_empty", r.TempDir())
	r.topologyMemory("topology", dir)
}

func (r *run) writeStore(path string) {
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(graphtest.Generate(graphtest.Public()).WriteStore(f), f.Close())
	}
	if err != nil {
		r.Fatalf("write %s: %v", path, err)
	}
}

// graphLoad takes the median time of five loads, and what the last one left on the heap.
func (r *run) graphLoad(path string) *graph.File {
	var each []time.Duration
	var file *graph.File
	var before, after runtime.MemStats
	for range 5 {
		file = nil
		runtime.GC()
		runtime.ReadMemStats(&before)
		begin := time.Now()
		file = graph.Open(path)
		if err := file.View(func(*graph.Graph) {}); err != nil {
			r.Fatalf("%v", err)
		}
		each = append(each, time.Since(begin))
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	if err := file.View(func(g *graph.Graph) {
		r.row(graphRow{r.name, g.NumNodes(), g.NumChannels(), milliseconds(percentile(each, 50)), megabytes(int64(after.HeapAlloc - before.HeapAlloc))})
	}); err != nil {
		r.Fatalf("%v", err)
	}
	return file
}

// getRoute looks for routes between random pairs, 100,000 sat each.
func (r *run) getRoute(g *graph.Graph) {
	rng := rand.New(rand.NewPCG(1, 1))
	var f route.Finder
	var each []time.Duration
	row := routesRow{Bench: "getroute", N: r.n}
	for range r.n {
		q := randomQuery(rng, g)
		q.Amount = 100_000_000
		begin := time.Now()
		if _, err := f.Find(route.NewView(g), &q.Query); err == nil {
			row.Found++
		}
		each = append(each, time.Since(begin))
	}
	row.P50, row.P99 = milliseconds(percentile(each, 50)), milliseconds(percentile(each, 99))
	r.row(row)
}

// getRoutes asks for what no single channel of the two ends can carry, so that it takes several parts, at most ten.
func (r *run) getRoutes(g *graph.Graph) {
	rng := rand.New(rand.NewPCG(2, 2))
	var f route.Finder
	var each []time.Duration
	row := routesRow{Bench: "getroutes_10", N: r.n / 10}
	parts := 0
	for range row.N {
		q := randomQuery(rng, g)
		for len(g.Away(q.Source)) < 10 || len(g.Away(q.Dest)) < 10 {
			q = randomQuery(rng, g)
		}
		q.Amount = min(sumOf(g, q.Source), sumOf(g, q.Dest)) / 3
		begin := time.Now()
		list, err := f.FindParts(route.NewView(g), q)
		each = append(each, time.Since(begin))
		if err == nil {
			row.Found++
			parts += len(list)
		}
	}
	row.Parts = round(float64(parts)/float64(max(row.Found, 1)), 1)
	row.P50, row.P99 = milliseconds(percentile(each, 50)), milliseconds(percentile(each, 99))
	r.row(row)
}

func randomQuery(rng *rand.Rand, g *graph.Graph) *route.PartsQuery {
	q := &route.PartsQuery{MaxFee: amount.MaxMsat, MaxParts: 10, Query: route.Query{
		FinalCLTV: 18, MaxDelay: 2016, MaxHops: 20, SourceFree: true, Weights: route.DefaultWeights,
	}}
	for q.Source == q.Dest {
		q.Source, q.Dest = graph.Node(rng.IntN(g.NumNodes())), graph.Node(rng.IntN(g.NumNodes()))
	}
	return q
}

// sumOf is the capacity of all channels of a node.
func sumOf(g *graph.Graph, n graph.Node) (sum amount.Msat) {
	for _, h := range g.Away(n) {
		sum += g.Capacity(h.Channel()).Msat()
	}
	return sum
}

// topologyMemory starts the plugin as lightningd does, and measures it once it has read the store in dir.
func (r *run) topologyMemory(name, dir string) {
	bin, err := harness.Bin()
	if err != nil {
		r.Fatalf("%v", err)
	}
	cmd := exec.Command(filepath.Join(bin, "..", "libexec", "plugins", "topology"))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		r.Fatalf("start topology: %v", err)
	}
	defer cmd.Wait() //nolint:errcheck // it ends with its stdin
	defer in.Close()
	answers := bufio.NewReader(out)
	ask := func(method string, params any) {
		request, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": "bench", "method": method, "params": params})
		if err == nil {
			_, err = in.Write(append(request, "\n\n"...))
		}
		line, readErr := answers.ReadString('\n')
		for strings.TrimSpace(line) == "" && readErr == nil {
			line, readErr = answers.ReadString('\n')
		}
		if err := errors.Join(err, readErr); err != nil || strings.Contains(line, `"error"`) {
			r.Fatalf("topology: %s: %v %.200s", method, err, line)
		}
	}
	ask("getmanifest", struct{}{})
	ask("init", map[string]any{"options": struct{}{}, "configuration": map[string]any{"lightning-dir": dir, "rpc-file": "lightning-rpc", "network": "regtest"}})
	ask("listnodes", []string{"02" + strings.Repeat("11", 32)}) // waits until all is read
	r.row(memoryRow{r.name, name, "topology", megabytes(r.settledPSS(cmd.Process.Pid))})
}

// settledPSS measures until the figure falls no more: what loading took is given back a little later.
func (r *run) settledPSS(pid int) int64 {
	last := int64(1 << 62)
	for tick := time.NewTicker(200 * time.Millisecond); ; <-tick.C {
		pss, err := proc.Process{PID: pid}.PSS()
		if err != nil {
			r.Fatalf("%v", err)
		}
		if pss >= last {
			return last
		}
		last = pss
	}
}
