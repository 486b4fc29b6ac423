package route

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/graph"
)

// PartsQuery asks for parts that deliver an amount together.
type PartsQuery struct {
	Query
	MaxFee   amount.Msat // of all parts together
	MaxParts int
}

// Why there are no parts; also ErrNoPath and ErrTooLong.
var (
	ErrTooDear = errors.New("every way found costs more than is allowed")
	ErrSource  = errors.New("the source's channels cannot carry the amount, all together")
	ErrDest    = errors.New("the channels to the destination cannot carry the amount, all together")
)

const (
	// pieces is into how many an amount is split to see where each goes best; those with the same path
	// become one part.
	pieces = 10
	// likely is the probability, in millionths, from which on one part is not split.
	likely = 950_000
)

// FindParts looks for paths that deliver an amount together. It does not claim to find the best: one path is taken if
// it is likely to succeed. Otherwise the amount is cut into ten pieces, and each goes the way that is cheapest after
// those before it have taken their room; a channel that has carried one is less likely to carry the next, so they
// spread. A piece that finds no way is halved. What one piece has taken is not taken back for a later one, so a split that uses the
// network's last capacity may be missed. If that finds too many parts or none, each path is filled as far as it goes.
// Of what was found the cheapest by the cost of package route is taken, if its fee is allowed, else the one of
// least fee.
func (f *Finder) FindParts(v *View, q *PartsQuery) ([]Path, error) {
	err := v.bottleneck(q)
	if err != nil {
		return nil, err
	}
	for _, by := range []order{byCost, byFee} {
		var found [][]Path
		if found, err = f.attempts(v, q, by); err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(found, func(parts []Path) bool { return Fee(parts) > q.MaxFee })
		if len(found) > 0 {
			return slices.MinFunc(found, func(a, b []Path) int {
				return cmp.Compare(v.partsCost(a, &q.Query), v.partsCost(b, &q.Query))
			}), nil
		}
	}
	return nil, ErrTooDear
}

// attempts are what was found one way or the other; at least one, or an error.
func (f *Finder) attempts(v *View, q *PartsQuery, by order) (found [][]Path, err error) {
	var path Path
	if by == byFee {
		path, err = f.FindCheapest(v, &q.Query)
	} else {
		path, err = f.Find(v, &q.Query)
	}
	if err == nil {
		found = [][]Path{{path}}
		if v.Probability(path) >= likely {
			return found, nil
		}
	}
	if q.MaxParts < 2 {
		return found, err
	}
	s := split{f: f, v: v, q: q, by: by, rest: q.Amount}
	if s.spread() {
		found = append(found, s.take())
	} else if len(found) == 0 {
		s.undo()
		if s.fill() {
			found = append(found, s.take())
		}
	}
	s.undo()
	if len(found) > 0 {
		return found, nil
	}
	return nil, err
}

// split is parts in the making: their amounts are in flight in the view.
type split struct {
	f     *Finder
	v     *View
	q     *PartsQuery
	by    order
	rest  amount.Msat // not placed yet
	parts []Path
}

// spread places pieces one by one.
func (s *split) spread() bool {
	n := amount.Msat(min(s.q.MaxParts, pieces))
	piece := (s.rest + n - 1) / n
	for least := max(piece/16, 1); s.rest > 0; {
		amt := min(piece, s.rest)
		path, ok := s.find(amt)
		if ok && !s.place(path) {
			return false
		}
		if !ok {
			if piece/2 < least {
				return false
			}
			piece /= 2
		}
	}
	return true
}

// fill gives each path as much as it can carry.
func (s *split) fill() bool {
	amt := s.rest
	for least := max(s.rest/amount.Msat(s.q.MaxParts)/16, 1); s.rest > 0; {
		amt = min(amt, s.rest)
		path, ok := s.find(amt)
		switch {
		case ok && !s.place(s.most(path)):
			return false
		case !ok && amt/2 < least:
			return false
		case !ok:
			amt /= 2
		}
	}
	return true
}

func (s *split) find(amt amount.Msat) (Path, bool) {
	q := s.q.Query
	q.Amount = amt
	path, _ := s.f.search(s.v, &q, s.by)
	return path, path != nil
}

// most is the path with the most that it can carry, of what is left to place.
func (s *split) most(path Path) Path {
	lower, upper := path.Amount(), s.rest
	for lower < upper {
		middle := upper - (upper-lower)/2
		if more, ok := s.rebuild(path, middle, nil); ok {
			path, lower = more, middle
		} else {
			upper = middle - 1
		}
	}
	return path
}

// place adds a path's amount to the part over the same channels, or makes it a part.
func (s *split) place(path Path) bool {
	s.rest -= path.Amount()
	for i, part := range s.parts {
		if !sameChannels(part, path) {
			continue
		}
		if both, ok := s.rebuild(part, part.Amount()+path.Amount(), part); ok {
			s.fly(part, -1)
			s.fly(both, 1)
			s.parts[i] = both
			return true
		}
	}
	if len(s.parts) == s.q.MaxParts {
		return false
	}
	s.fly(path, 1)
	s.parts = append(s.parts, path)
	return true
}

// rebuild is the path with another amount, if its channels take that in place of what part has in flight.
func (s *split) rebuild(path Path, amt amount.Msat, part Path) (Path, bool) {
	again := slices.Clone(path)
	for i := len(again) - 1; i >= 0; i-- {
		h := &again[i]
		e := s.v.Edge(h.Half)
		if part != nil {
			e.InFlight -= part[i].AmountOut
		}
		if _, most := e.room(); amt > min(most, e.HTLCMax) || amt < e.HTLCMin && !s.q.IgnoreMin {
			return nil, false
		}
		if s.q.SourceFree && i == 0 {
			e.FeeBase, e.FeePPM = 0, 0
		}
		fee, ok := e.Fee(amt)
		if !ok || amt+fee > amount.MaxMsat {
			return nil, false
		}
		h.AmountIn, h.AmountOut = amt+fee, amt
		amt += fee
	}
	return again, true
}

// fly adds or takes off what a path has in flight.
func (s *split) fly(path Path, sign int) {
	for i := range path {
		e := s.v.Edit(path[i].Half)
		if sign > 0 {
			e.InFlight += path[i].AmountOut
		} else {
			e.InFlight -= path[i].AmountOut
		}
	}
}

// undo leaves the view as it was.
func (s *split) undo() {
	for _, part := range s.parts {
		s.fly(part, -1)
	}
	s.parts, s.rest = nil, s.q.Amount
}

// take is what was found, with the view as it was.
func (s *split) take() []Path {
	parts := s.parts
	s.undo()
	return parts
}

func sameChannels(a, b Path) bool {
	return slices.EqualFunc(a, b, func(a, b Hop) bool { return a.Half == b.Half })
}

// Fee is what the source pays more than arrives by all parts.
func Fee(parts []Path) (sum amount.Msat) {
	for _, p := range parts {
		sum += p.Fee()
	}
	return sum
}

// flows is what parts carry together over each channel's direction.
func flows(parts []Path) map[graph.Half]amount.Msat {
	sums := map[graph.Half]amount.Msat{}
	for _, p := range parts {
		for i := range p {
			sums[p[i].Half] += p[i].AmountOut
		}
	}
	return sums
}

// JointProbability is that of all parts succeeding, in millionths.
func (v *View) JointProbability(parts []Path) uint64 {
	chance := uint64(1) << 32
	for h, amt := range flows(parts) {
		e := v.Edge(h)
		chance = e.probability(chance, amt)
	}
	return chance * 1_000_000 >> 32
}

// partsCost is the cost of parts together: fees and risks of each, and the chance that all arrive.
func (v *View) partsCost(parts []Path, q *Query) uint64 {
	whole := q.Weights.prices(q.Amount)
	cost, unlikely := uint64(Fee(parts)), uint64(0)
	for _, p := range parts {
		price := q.Weights.prices(p.Amount())
		cost += price.block * uint64(p.Delay()-q.FinalCLTV) >> priceShift
		unlikely += uint64(len(p)) << (logShift - 6)
	}
	for h, amt := range flows(parts) {
		e := v.Edge(h)
		unlikely += e.improbability(uint64(amt))
	}
	hi, lo := bits.Mul64(whole.bit, unlikely)
	return cost + hi<<(64-logShift) + lo>>logShift
}

// bottleneck finds that the ends' channels cannot carry the amount, whatever the way between them.
func (v *View) bottleneck(q *PartsQuery) error {
	var out, in amount.Msat
	for _, h := range v.Away(q.Source) {
		out = min(out+v.usable(h), amount.MaxMsat)
	}
	for _, h := range v.Away(q.Dest) {
		in = min(in+v.usable(h.Reverse()), amount.MaxMsat)
	}
	switch {
	case out < q.Amount && len(v.Away(q.Source)) > 0:
		return fmt.Errorf("%w: %v at most", ErrSource, out)
	case in < q.Amount && in > 0:
		return fmt.Errorf("%w: %v at most", ErrDest, in)
	}
	return nil
}

// usable is what a direction may be able to carry, in all.
func (v *View) usable(h graph.Half) amount.Msat {
	e := v.Edge(h)
	if !e.Enabled {
		return 0
	}
	_, most := e.room()
	return min(most, amount.MaxMsat)
}
