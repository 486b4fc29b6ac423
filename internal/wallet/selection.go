package wallet

import (
	"cmp"
	"slices"

	"fulmen/internal/amount"
)

// candidate is a coin that may be chosen.
type candidate struct {
	coin      *Coin
	weight    int
	effective amount.Sat // its amount less the fee for spending it
}

// maxTries bounds the search for a set that needs no change; beyond it the search has no chance
// worth its time.
const maxTries = 20_000

// choose picks candidates whose effective values cover target, nil if all together do not.
//
// First it looks for a set that exceeds target by no more than slack, what a change output would
// cost to make and spend: such a transaction has no change, is cheaper, and tells less. Otherwise
// it takes the smallest coin that covers target and change alone, or else the largest coins until
// they do: few inputs, and a large coin is not broken for a small payment.
func choose(candidates []candidate, target, change, slack amount.Sat) []candidate {
	list := slices.Clone(candidates)
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.effective, a.effective), compareOutpoints(a.coin.Outpoint, b.coin.Outpoint))
	})
	if exact := chooseExact(list, target, slack); exact != nil {
		return exact
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].effective >= target+change {
			return list[i : i+1]
		}
	}
	var sum amount.Sat
	for i := range list {
		sum += list[i].effective
		if sum >= target+change {
			return list[:i+1]
		}
	}
	if sum >= target { // enough, if there is no change
		return list
	}
	return nil
}

// chooseExact searches depth first, larger coins first, for a set with a sum from target to
// target+slack; of sets that it finds, the one closest to target.
func chooseExact(list []candidate, target, slack amount.Sat) []candidate {
	s := exactSearch{list: list, target: target, best: slack + 1, left: make([]amount.Sat, len(list)+1)}
	for i := len(list) - 1; i >= 0; i-- {
		s.left[i] = s.left[i+1] + list[i].effective
	}
	s.search(0, 0)
	if s.found == nil {
		return nil
	}
	chosen := make([]candidate, len(s.found))
	for i, at := range s.found {
		chosen[i] = list[at]
	}
	return chosen
}

type exactSearch struct {
	list   []candidate
	left   []amount.Sat // the sum of list from an index on
	target amount.Sat
	best   amount.Sat // excess to beat
	found  []int
	taken  []int
	tries  int
}

func (s *exactSearch) search(i int, sum amount.Sat) {
	s.tries++
	switch {
	case sum >= s.target:
		if excess := sum - s.target; excess < s.best {
			s.best, s.found = excess, slices.Clone(s.taken)
		}
		return
	case s.tries > maxTries, s.best == 0, sum+s.left[i] < s.target:
		return
	}
	s.taken = append(s.taken, i)
	s.search(i+1, sum+s.list[i].effective)
	s.taken = s.taken[:len(s.taken)-1]
	s.search(i+1, sum)
}
