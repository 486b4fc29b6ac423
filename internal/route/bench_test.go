package route_test

import (
	"math/rand/v2"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/graph"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/route"
)

// BenchmarkFind looks for routes between random pairs of a network of the public one's size.
func BenchmarkFind(b *testing.B) {
	g := graphtest.Generate(graphtest.Public()).Graph()
	v := route.NewView(g)
	rng := rand.New(rand.NewPCG(1, 1))
	var f route.Finder
	found := 0
	for b.Loop() {
		q := query(rng, g)
		q.Amount = 100_000_000
		if _, err := f.Find(v, &q.Query); err == nil {
			found++
		}
	}
	b.ReportMetric(float64(found)/float64(b.N), "found/op")
}

func query(rng *rand.Rand, g *graph.Graph) *route.PartsQuery {
	return &route.PartsQuery{MaxFee: amount.MaxMsat, MaxParts: 100, Query: route.Query{
		Source: graph.Node(rng.IntN(g.NumNodes())), Dest: graph.Node(rng.IntN(g.NumNodes())), FinalCLTV: 18, MaxDelay: 2016,
		MaxHops: 20, SourceFree: true, Weights: route.DefaultWeights,
	}}
}

// BenchmarkFindParts splits large payments between nodes with many channels.
func BenchmarkFindParts(b *testing.B) {
	g := graphtest.Generate(graphtest.Public()).Graph()
	v := route.NewView(g)
	rng := rand.New(rand.NewPCG(1, 1))
	var f route.Finder
	found, parts := 0, 0
	for b.Loop() {
		q := query(rng, g)
		for len(g.Away(q.Source)) < 10 || len(g.Away(q.Dest)) < 10 {
			q = query(rng, g)
		}
		q.Amount = 10_000_000_000
		if list, err := f.FindParts(v, q); err == nil {
			found++
			parts += len(list)
		}
	}
	b.ReportMetric(float64(found)/float64(b.N), "found/op")
	b.ReportMetric(float64(parts)/float64(max(found, 1)), "parts/found")
}
