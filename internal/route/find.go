package route

import (
	"errors"

	"fulmen/internal/amount"
	"fulmen/internal/graph"
)

// Query asks for one path.
type Query struct {
	Source, Dest graph.Node
	Amount       amount.Msat // that Dest gets
	FinalCLTV    uint32      // blocks that Dest wants
	MaxDelay     uint32      // the most blocks in all, FinalCLTV among them
	MaxHops      int
	SourceFree   bool // the source's own channels cost nothing, as those of the payer do
	IgnoreMin    bool // channels take less than their htlc_minimum_msat
	Weights      Weights
}

// Hop is a channel of a path.
type Hop struct {
	Half      graph.Half
	From, To  graph.Node
	AmountIn  amount.Msat // that From sends, its own fee included where it asks for one
	AmountOut amount.Msat // that To gets
	CLTVIn    uint32      // blocks from now, at From
	CLTVOut   uint32      // at To
}

// Path leads from the source to the payee; it has at least one hop.
type Path []Hop

// Amount is what arrives.
func (p Path) Amount() amount.Msat { return p[len(p)-1].AmountOut }

// Fee is what the source pays more than arrives.
func (p Path) Fee() amount.Msat { return p[0].AmountIn - p.Amount() }

// Delay is the most blocks for which the payment can be held up.
func (p Path) Delay() uint32 { return p[0].CLTVIn }

// Why there is no path.
var (
	ErrNoPath  = errors.New("no path with enough capacity")
	ErrTooLong = errors.New("every path found is too long, or locks money up for too long")
)

// order is what a search makes least.
type order int

const (
	byCost order = iota
	byFee
	byDelay
	byHops
)

// label is the best way found so far from a node to the payee. 32 bytes, so that two share a cache line.
type label struct {
	cost   uint64
	amount uint64 // that the node sends on
	via    graph.Half
	at     uint32 // position in the heap + 1; 0: not seen; settled: done
	delay  uint32
	hops   uint32
}

const settled = graph.None

// Finder looks for paths. It keeps its memory for the next search, and is for one goroutine at a time.
type Finder struct {
	labels []label // by node
	heap   heap

	// Of the search under way.
	view   *View
	q      *Query
	order  order
	prices prices
	// What kept channels out, so that another order may find what this one does not.
	noRoom, tooSlow, tooFar bool
}

// Find looks for the cheapest path. An error is ErrNoPath or ErrTooLong.
func (f *Finder) Find(v *View, q *Query) (Path, error) {
	path, limits := f.search(v, q, byCost)
	if path != nil {
		return path, nil
	}
	// A label is the cheapest, not the one that sends least, or is shortest: with limits in the way, these are
	// looked for as such.
	tryFee, tryDelay, tryHops := limits.noRoom, limits.tooSlow, limits.tooFar
	for _, try := range []struct {
		needed bool
		order  order
	}{{tryFee, byFee}, {tryDelay, byDelay}, {tryHops, byHops}} {
		if !try.needed {
			continue
		}
		if path, limits = f.search(v, q, try.order); path != nil {
			return path, nil
		}
		tryDelay, tryHops = tryDelay || limits.tooSlow, tryHops || limits.tooFar
	}
	if tryDelay || tryHops {
		return nil, ErrTooLong
	}
	return nil, ErrNoPath
}

// FindCheapest looks for the path with the least fee, whatever its other merits.
func (f *Finder) FindCheapest(v *View, q *Query) (Path, error) {
	if path, _ := f.search(v, q, byFee); path != nil {
		return path, nil
	}
	return f.Find(v, q)
}

// limits are what kept channels out of a search.
type limits struct{ noRoom, tooSlow, tooFar bool }

// search is Dijkstra's, from the payee backwards.
func (f *Finder) search(v *View, q *Query, by order) (Path, limits) {
	f.view, f.q, f.order, f.prices = v, q, by, q.Weights.prices(q.Amount)
	f.noRoom, f.tooSlow, f.tooFar = false, false, false
	if cap(f.labels) < v.numNodes() {
		f.labels = make([]label, v.numNodes()+v.numNodes()/8)
	}
	f.labels = f.labels[:v.numNodes()]
	clear(f.labels)
	f.heap.reset(f.labels)
	if !v.canSend(q) || v.off.has(uint32(q.Source)) || v.off.has(uint32(q.Dest)) || q.Source == q.Dest || q.FinalCLTV > q.MaxDelay {
		return nil, limits{}
	}
	start := &f.labels[q.Dest]
	*start = label{amount: uint64(q.Amount), delay: q.FinalCLTV}
	if by == byCost || by == byFee {
		start.cost = uint64(q.Amount)
	}
	f.heap.push(q.Dest)
	for {
		n, ok := f.heap.pop()
		if !ok || n == q.Source {
			break
		}
		f.expand(n)
	}
	why := limits{f.noRoom, f.tooSlow, f.tooFar}
	if f.labels[q.Source].at == 0 {
		return nil, why
	}
	return f.path(), why
}

// canSend reports whether a channel of the source could carry the amount: a search begins at the other end, and would
// find out last.
func (v *View) canSend(q *Query) bool {
	for _, h := range v.Away(q.Source) {
		e := v.Edge(h)
		if _, most := e.room(); e.Enabled && q.Amount <= min(most, e.HTLCMax) {
			return true
		}
	}
	return false
}

// expand looks at every channel that leads to n.
func (f *Finder) expand(n graph.Node) {
	l := f.labels[n]
	if int(l.hops) >= f.q.MaxHops {
		f.tooFar = true
		return
	}
	v := f.view
	if int(n) < v.g.NumNodes() {
		links := v.g.Links(n)
		for i := range links {
			k := &links[i]
			if k.Leaf && k.From != f.q.Source && !v.hasAdded.has(uint32(k.From)) {
				continue // nothing leads on from there
			}
			switch {
			case !f.open(k.From):
			case v.differs.has(uint32(k.Half)):
				e := *v.edges[k.Half]
				f.relax(&l, k.From, k.Half, &e)
			case k.Enabled:
				e := edgeOf(k)
				f.relax(&l, k.From, k.Half, &e)
			}
		}
	}
	if v.hasAdded.has(uint32(n)) {
		for _, out := range v.away[n] {
			h := out.Reverse()
			if from, _ := v.Ends(h); f.open(from) {
				e := *v.edges[h]
				f.relax(&l, from, h, &e)
			}
		}
	}
}

// open reports whether a better way from a node may still be found.
func (f *Finder) open(n graph.Node) bool {
	return f.labels[n].at != settled && !f.view.off.has(uint32(n))
}

// relax offers node from a way that goes on from label l over edge e.
func (f *Finder) relax(l *label, from graph.Node, h graph.Half, e *Edge) {
	if !e.Enabled || e.HTLCMin > amount.Msat(l.amount) && !f.q.IgnoreMin {
		return
	}
	if _, most := e.room(); amount.Msat(l.amount) > min(most, e.HTLCMax) {
		f.noRoom = f.noRoom || f.q.Amount <= min(most, e.HTLCMax) // another way here may have taken less in fees
		return
	}
	if f.q.SourceFree && from == f.q.Source {
		e.FeeBase, e.FeePPM, e.Delta = 0, 0, 0
	}
	delay := l.delay + e.Delta
	if delay > f.q.MaxDelay {
		f.tooSlow = true
		return
	}
	cost, ok := f.cost(l, e)
	have, source := &f.labels[from], &f.labels[f.q.Source]
	if !ok || have.at != 0 && have.cost <= cost || source.at != 0 && source.cost <= cost {
		return
	}
	fee, ok := e.Fee(amount.Msat(l.amount))
	if !ok || amount.Msat(l.amount)+fee > amount.MaxMsat {
		return
	}
	have.cost, have.amount, have.via, have.delay, have.hops = cost, l.amount+uint64(fee), h, delay, l.hops+1
	if have.at == 0 {
		f.heap.push(from)
	} else {
		f.heap.up(from)
	}
}

// cost is what the search makes least, if it goes from label l over e.
func (f *Finder) cost(l *label, e *Edge) (uint64, bool) {
	switch f.order {
	case byDelay:
		return l.cost + uint64(e.Delta), true
	case byHops:
		return l.cost + 1, true
	}
	fee, ok := e.Fee(amount.Msat(l.cost))
	if !ok {
		return 0, false
	}
	more := uint64(fee)
	if f.order == byCost {
		more += f.prices.hopCost(e)
		if e.Bias != 0 {
			more = biased(more, e.Bias)
		}
	}
	return l.cost + more, l.cost+more < limitCost
}

// path reads the labels from the source to the payee.
func (f *Finder) path() Path {
	path := make(Path, 0, f.labels[f.q.Source].hops)
	for n := f.q.Source; n != f.q.Dest; {
		l := &f.labels[n]
		_, to := f.view.Ends(l.via)
		next := &f.labels[to]
		path = append(path, Hop{
			Half: l.via, From: n, To: to, AmountIn: amount.Msat(l.amount), AmountOut: amount.Msat(next.amount),
			CLTVIn: l.delay, CLTVOut: next.delay,
		})
		n = to
	}
	return path
}

// Cost is what a search by cost would count for a path that delivers its amount.
func (v *View) Cost(p Path, sourceFree bool, w Weights) uint64 {
	prices := w.prices(p.Amount())
	cost := uint64(p.Amount())
	for i := len(p) - 1; i >= 0; i-- {
		e := v.Edge(p[i].Half)
		if sourceFree && i == 0 {
			e.FeeBase, e.FeePPM, e.Delta = 0, 0, 0
		}
		fee, ok := e.Fee(amount.Msat(cost))
		if !ok {
			return limitCost
		}
		more := uint64(fee) + prices.hopCost(&e)
		if e.Bias != 0 {
			more = biased(more, e.Bias)
		}
		if cost += more; cost >= limitCost {
			return limitCost
		}
	}
	return cost
}

// Probability is that of a path succeeding, in millionths.
func (v *View) Probability(p Path) uint64 {
	chance := uint64(1) << 32
	for i := range p {
		e := v.Edge(p[i].Half)
		chance = e.probability(chance, p[i].AmountOut)
	}
	return chance * 1_000_000 >> 32
}
