package route

import (
	"errors"
	"math/rand/v2"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/graph"
	"fulmen/internal/wire"
)

func testID(n int) (id graph.NodeID) {
	id[0] = 2
	id[8], id[9], id[32] = byte(n), byte(n>>8), byte(n)
	return id
}

// limit says how tight a random graph is.
type limit int

const (
	loose limit = iota // every channel has room for every fee
	tight
)

// randomGraph has few nodes, so that all paths can be listed.
func randomGraph(rng *rand.Rand, nodes, channels int, how limit) *graph.Graph {
	g := graph.New()
	for i := range channels {
		a, b := rng.IntN(nodes), rng.IntN(nodes)
		if a == b {
			continue
		}
		c := g.AddChannel(wire.NewShortChannelID(100, 1, uint16(i)), testID(min(a, b)), testID(max(a, b)), 1)
		capacity := amount.Sat(100_000 + rng.IntN(1_000_000))
		if how == tight {
			capacity = amount.Sat(1 + rng.IntN(3000))
		}
		g.SetCapacity(c, capacity)
		for direction := range uint8(2) {
			p := graph.Policy{
				FeeBase: uint32(rng.IntN(3000)), FeePPM: uint32(rng.IntN(20_000)), CLTVDelta: block.Delta(rng.IntN(200)),
				HTLCMaximum: capacity.Msat(), LastUpdate: 1, ChannelFlags: direction,
			}
			if how == tight {
				p.HTLCMaximum = capacity.Msat() - amount.Msat(rng.IntN(1000))
				p.HTLCMinimum = amount.Msat(rng.IntN(200_000))
			}
			if rng.IntN(8) == 0 {
				p.ChannelFlags |= wire.ChannelFlagDisable
			}
			g.SetPolicy(c.Half(direction), p)
		}
	}
	for n := range nodes {
		g.AddChannel(wire.NewShortChannelID(101, uint32(n), 0), testID(n), testID((n+1)%nodes), 1) // known to all, usable by none
	}
	g.Settle()
	return g
}

// randomView knows things beyond the graph.
func randomView(rng *rand.Rand, g *graph.Graph) *View {
	v := NewView(g)
	for c := range graph.Channel(g.ChannelLimit()) {
		e := v.Edit(c.Half(uint8(rng.IntN(2))))
		switch rng.IntN(6) {
		case 0:
			e.Bias = rng.IntN(201) - 100
		case 1:
			e.Least = e.Capacity / 2
		case 2:
			e.Most = e.Capacity / 2
		case 3:
			e.InFlight = e.Capacity / 3
		}
	}
	return v
}

// checkPath holds a path to the BOLTs, hop by hop: fees and expiries add up from the payee, and every channel takes
// its HTLC.
func checkPath(t *testing.T, v *View, q *Query, p Path) {
	t.Helper()
	if p[0].From != q.Source || p[len(p)-1].To != q.Dest || p.Amount() != q.Amount || len(p) > q.MaxHops || p.Delay() > q.MaxDelay {
		t.Fatalf("path %+v does not answer %+v", p, q)
	}
	seen := map[graph.Node]bool{q.Source: true}
	amt, cltv := q.Amount, q.FinalCLTV
	for i := len(p) - 1; i >= 0; i-- {
		h := p[i]
		from, to := v.Ends(h.Half)
		e := v.Edge(h.Half)
		if from != h.From || to != h.To || i > 0 && p[i-1].To != h.From || seen[h.To] {
			t.Fatalf("hop %d of %+v does not follow", i, p)
		}
		seen[h.To] = true
		if h.AmountOut != amt || h.CLTVOut != cltv {
			t.Fatalf("hop %d of %+v: %s and %d blocks arrive, want %s and %d", i, p, h.AmountOut, h.CLTVOut, amt, cltv)
		}
		if !e.Enabled || amt < e.HTLCMin || amt > e.HTLCMax || amt+e.InFlight > e.Capacity || amt+e.InFlight > e.Most {
			t.Fatalf("hop %d of %+v: %+v does not take %s", i, p, e, amt)
		}
		if !(q.SourceFree && i == 0) {
			// BOLT 7, HTLC Fees.
			amt += amount.Msat(e.FeeBase) + amt*amount.Msat(e.FeePPM)/1_000_000
			cltv += e.Delta
		}
		if h.AmountIn != amt || h.CLTVIn != cltv {
			t.Fatalf("hop %d of %+v: %s and %d blocks go in, want %s and %d", i, p, h.AmountIn, h.CLTVIn, amt, cltv)
		}
	}
}

// allPaths calls each with every simple path that carries the query, from the payee backwards.
func allPaths(v *View, q *Query, each func(Path)) {
	used := map[graph.Node]bool{q.Dest: true}
	var from func(n graph.Node, amt amount.Msat, cltv uint32, tail Path)
	from = func(n graph.Node, amt amount.Msat, cltv uint32, tail Path) {
		if n == q.Source {
			each(tail)
			return
		}
		for _, out := range v.Away(n) {
			h := out.Reverse()
			u, _ := v.Ends(h)
			e := v.Edge(h)
			_, most := e.room()
			if used[u] || !e.Enabled || amt < e.HTLCMin || amt > e.HTLCMax || amt > most || len(tail) == q.MaxHops {
				continue
			}
			if q.SourceFree && u == q.Source {
				e.FeeBase, e.FeePPM, e.Delta = 0, 0, 0
			}
			fee, ok := e.Fee(amt)
			if !ok || cltv+e.Delta > q.MaxDelay {
				continue
			}
			hop := Hop{Half: h, From: u, To: n, AmountIn: amt + fee, AmountOut: amt, CLTVIn: cltv + e.Delta, CLTVOut: cltv}
			used[u] = true
			from(u, amt+fee, hop.CLTVIn, append(Path{hop}, tail...))
			delete(used, u)
		}
	}
	from(q.Dest, q.Amount, q.FinalCLTV, nil)
}

func randomQuery(rng *rand.Rand, nodes int) *Query {
	q := &Query{
		Amount: amount.Msat(1 + rng.IntN(1_500_000)), FinalCLTV: uint32(rng.IntN(20)), MaxDelay: 2016, MaxHops: 20,
		SourceFree: rng.IntN(2) == 0, Weights: DefaultWeights,
	}
	for q.Source == q.Dest {
		q.Source, q.Dest = graph.Node(rng.IntN(nodes)), graph.Node(rng.IntN(nodes))
	}
	return q
}

// TestNoPathIsCheaper lists all paths of small graphs.
func TestNoPathIsCheaper(t *testing.T) {
	const nodes = 7
	var f Finder
	found := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		v := randomView(rng, randomGraph(rng, nodes, 14, loose))
		for range 10 {
			q := randomQuery(rng, nodes)
			least, fee := uint64(limitCost), amount.Msat(limitCost)
			allPaths(v, q, func(p Path) {
				least, fee = min(least, v.Cost(p, q.SourceFree, q.Weights)), min(fee, p.Fee())
			})
			path, err := f.Find(v, q)
			if err != nil {
				if least != limitCost {
					t.Fatalf("seed %d: %v, but there is a path of cost %d", seed, err, least)
				}
				continue
			}
			found++
			checkPath(t, v, q, path)
			if got := v.Cost(path, q.SourceFree, q.Weights); got != least {
				t.Fatalf("seed %d: found cost %d, least is %d", seed, got, least)
			}
			cheapest, err := f.FindCheapest(v, q)
			if err != nil {
				t.Fatal(err)
			}
			checkPath(t, v, q, cheapest)
			if cheapest.Fee() != fee {
				t.Fatalf("seed %d: found fee %s, least is %s", seed, cheapest.Fee(), fee)
			}
		}
	}
	if found < 2000 {
		t.Errorf("only %d paths were found", found)
	}
}

// TestTightPathsAreValid has limits in the way: what is found is valid, and something is found where there is a path that any
// order of search must find.
func TestTightPathsAreValid(t *testing.T) {
	const nodes = 7
	var f Finder
	found, missed := 0, 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 2))
		v := randomView(rng, randomGraph(rng, nodes, 20, tight))
		for range 10 {
			q := randomQuery(rng, nodes)
			q.MaxDelay, q.MaxHops = uint32(50+rng.IntN(600)), 1+rng.IntN(5)
			exists := false
			allPaths(v, q, func(Path) { exists = true })
			path, err := f.Find(v, q)
			switch {
			case err == nil && !exists:
				t.Fatalf("seed %d: a path that does not exist: %+v", seed, path)
			case err == nil:
				found++
				checkPath(t, v, q, path)
			case exists:
				missed++
			}
		}
	}
	t.Logf("%d found, %d missed", found, missed)
	if found < 500 || missed > found/100 {
		t.Errorf("%d found, %d missed: limits may cost a few, no more", found, missed)
	}
}

func line(t *testing.T, capacities ...amount.Sat) *graph.Graph {
	t.Helper()
	g := graph.New()
	for i, capacity := range capacities {
		c := g.AddChannel(wire.NewShortChannelID(1, uint32(i+1), 0), testID(i), testID(i+1), 1)
		g.SetCapacity(c, capacity)
		for direction := range uint8(2) {
			g.SetPolicy(c.Half(direction), graph.Policy{FeeBase: 1000, FeePPM: 10, CLTVDelta: 6, HTLCMaximum: capacity.Msat(), LastUpdate: 1})
		}
	}
	g.Settle()
	return g
}

// TestReasons wants the right reason where there is no path.
func TestReasons(t *testing.T) {
	v := NewView(line(t, 1000, 1000, 1000))
	q := Query{Dest: 3, Amount: 100_000, FinalCLTV: 9, MaxDelay: 2016, MaxHops: 20, SourceFree: true, Weights: DefaultWeights}
	var f Finder
	for name, test := range map[string]struct {
		change func(*View, *Query)
		want   error
	}{
		"fits":            {func(*View, *Query) {}, nil},
		"too large":       {func(_ *View, q *Query) { q.Amount = 2_000_000 }, ErrNoPath},
		"hops":            {func(_ *View, q *Query) { q.MaxHops = 2 }, ErrTooLong},
		"delay":           {func(_ *View, q *Query) { q.MaxDelay = 20 }, ErrTooLong},
		"delay fits":      {func(_ *View, q *Query) { q.MaxDelay = 21 }, nil},
		"disabled node":   {func(v *View, _ *Query) { v.DisableNode(testID(1)) }, ErrNoPath},
		"disabled source": {func(v *View, _ *Query) { v.DisableNode(testID(0)) }, ErrNoPath},
		"in flight":       {func(v *View, _ *Query) { v.Edit(2).InFlight = 990_000 }, ErrNoPath},
		"all money":       {func(_ *View, q *Query) { q.Amount = ^amount.Msat(0) }, ErrNoPath},
	} {
		v, q := *v, q
		v.edges, v.differs, v.off = nil, nil, nil
		test.change(&v, &q)
		if _, err := f.Find(&v, &q); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// TestAddedChannel goes over a channel and a node that the graph has not.
func TestAddedChannel(t *testing.T) {
	v := NewView(line(t, 1000, 1000))
	hidden := graph.NodeID{3, 9}
	c := v.AddChannel(42, testID(2), hidden, 500_000)
	var to graph.Half
	for direction := range uint8(2) {
		if _, end := v.Ends(c.Half(direction)); v.ID(end) == hidden {
			to = c.Half(direction)
		}
	}
	e := v.Edit(to)
	e.Enabled, e.HTLCMax, e.FeeBase, e.Delta = true, 500_000, 7, 8
	dest, ok := v.Node(hidden)
	if !ok {
		t.Fatal("the added node is not there")
	}
	q := &Query{Dest: dest, Amount: 100_000, MaxDelay: 2016, MaxHops: 20, SourceFree: true, Weights: DefaultWeights}
	path, err := new(Finder).Find(v, q)
	if err != nil {
		t.Fatal(err)
	}
	checkPath(t, v, q, path)
	if len(path) != 3 || path[2].Half != to || path.Fee() != 7+1001 || path.Delay() != 8+6 {
		t.Errorf("path %+v", path)
	}
	v.AddChannel(wire.NewShortChannelID(1, 1, 0), testID(0), testID(1), 50_000)
	if _, err := new(Finder).Find(v, q); !errors.Is(err, ErrNoPath) {
		t.Errorf("a channel that was made smaller: %v", err)
	}
}
