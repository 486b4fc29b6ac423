package route

import (
	"errors"
	"math/rand/v2"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/graph"
	"fulmen/internal/wire"
)

// checkParts holds parts to their query: each path is valid, and no channel carries more than it can in all.
func checkParts(t *testing.T, v *View, q *PartsQuery, parts []Path) {
	t.Helper()
	var sum amount.Msat
	for _, p := range parts {
		one := q.Query
		one.Amount = p.Amount()
		checkPath(t, v, &one, p)
		sum += p.Amount()
	}
	if sum != q.Amount || len(parts) > q.MaxParts || Fee(parts) > q.MaxFee {
		t.Fatalf("%d parts deliver %s for %s, want %s for at most %s in %d", len(parts), sum, Fee(parts), q.Amount, q.MaxFee, q.MaxParts)
	}
	for h, amt := range flows(parts) {
		e := v.Edge(h)
		if _, most := e.room(); amt > most {
			t.Fatalf("channel %s is to carry %s, at most %s", v.ShortChannelID(h.Channel()), amt, most)
		}
	}
}

// TestParts splits over small random graphs.
func TestParts(t *testing.T) {
	const nodes = 8
	var f Finder
	split, failed := 0, 0
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 3))
		v := randomView(rng, randomGraph(rng, nodes, 30, tight))
		for range 5 {
			q := &PartsQuery{Query: *randomQuery(rng, nodes), MaxFee: amount.Msat(rng.IntN(200_000)), MaxParts: 1 + rng.IntN(12)}
			q.Amount *= 3
			before := snapshot(v)
			parts, err := f.FindParts(v, q)
			if after := snapshot(v); after != before {
				t.Fatalf("seed %d: the view has %s in flight, before it were %s", seed, after, before)
			}
			if err != nil {
				failed++
				if _, single := f.Find(v, &q.Query); errors.Is(err, ErrNoPath) && single == nil {
					t.Fatalf("seed %d: %v, but one part can carry all", seed, err)
				}
				continue
			}
			checkParts(t, v, q, parts)
			if len(parts) > 1 {
				split++
			}
		}
	}
	if split < 50 || failed < 50 {
		t.Errorf("%d were split, %d failed: both are to be tested", split, failed)
	}
}

// snapshot is what all channels have in flight.
func snapshot(v *View) (sum amount.Msat) {
	for _, e := range v.edges {
		sum += e.InFlight
	}
	return sum
}

// TestSpreadsOverParallelChannels wants a large payment to be split as capacities ask, and a small one not at all.
func TestSpreadsOverParallelChannels(t *testing.T) {
	g := graph.New()
	for i := range 4 {
		for hop := range 2 {
			c := g.AddChannel(wire.NewShortChannelID(1, uint32(i), uint16(hop)), testID(hop*10), testID((hop+1)*10), 1)
			g.SetCapacity(c, 1_000_000)
			for direction := range uint8(2) {
				g.SetPolicy(c.Half(direction), graph.Policy{HTLCMaximum: 1_000_000_000, FeePPM: 100, LastUpdate: 1})
			}
		}
	}
	g.Settle()
	v := NewView(g)
	source, _ := g.Node(testID(0))
	dest, _ := g.Node(testID(20))
	q := &PartsQuery{MaxFee: 1_000_000_000, MaxParts: 100, Query: Query{
		Source: source, Dest: dest, Amount: 20_000_000, MaxDelay: 2016, MaxHops: 20, SourceFree: true, Weights: DefaultWeights,
	}}
	for _, test := range []struct {
		amt         amount.Msat
		least, most int // parts
		err         error
	}{{20_000_000, 1, 1, nil}, {900_000_000, 2, 10, nil}, {3_990_000_000, 4, 100, nil}, {4_000_000_001, 0, 0, ErrSource}} {
		q.Amount = test.amt
		parts, err := new(Finder).FindParts(v, q)
		if !errors.Is(err, test.err) || len(parts) < test.least || len(parts) > test.most {
			t.Errorf("%s: %d parts, %v; want %d to %d, %v", test.amt, len(parts), err, test.least, test.most, test.err)
		} else if err == nil {
			checkParts(t, v, q, parts)
		}
	}
	q.Amount, q.MaxFee = 20_000_000, 1999
	if _, err := new(Finder).FindParts(v, q); !errors.Is(err, ErrTooDear) {
		t.Errorf("too dear: %v", err)
	}
	q.MaxFee = 2000
	parts, err := new(Finder).FindParts(v, q)
	if err != nil {
		t.Fatal(err)
	}
	if p := v.JointProbability(parts); p < 960_000 || p > 961_000 { // (1 - 0.02) * (1 - 0.020002)
		t.Errorf("probability %d", p)
	}
}
