package wallet

import (
	"math/rand/v2"
	"testing"

	"fulmen/internal/amount"
)

func candidates(values ...amount.Sat) []candidate {
	list := make([]candidate, len(values))
	for i, v := range values {
		c := &Coin{Amount: v}
		c.Outpoint.Index = uint32(i)
		list[i] = candidate{coin: c, effective: v}
	}
	return list
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name   string
		coins  []amount.Sat
		target amount.Sat
		want   []amount.Sat // nil: impossible
	}{
		{"exactly one", []amount.Sat{100, 200, 300}, 200, []amount.Sat{200}},
		{"exactly two", []amount.Sat{100, 200, 350}, 300, []amount.Sat{200, 100}},
		{"the closest without change", []amount.Sat{109, 104, 300}, 100, []amount.Sat{104}},
		{"smallest that suffices alone", []amount.Sat{500, 150, 1000}, 400, []amount.Sat{500}},
		{"largest first", []amount.Sat{500, 400, 300}, 730, []amount.Sat{500, 400}},
		{"all, just enough", []amount.Sat{500, 400, 300}, 1180, []amount.Sat{500, 400, 300}},
		{"not enough", []amount.Sat{500, 400}, 901, nil},
		{"nothing there", nil, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := choose(candidates(c.coins...), c.target, 50, 10)
			if len(got) != len(c.want) {
				t.Fatalf("%d coins, want %v", len(got), c.want)
			}
			for i := range got {
				if got[i].effective != c.want[i] {
					t.Errorf("coin %d is %s, want %s", i, got[i].effective, c.want[i])
				}
			}
		})
	}
}

// A choice covers its target from the candidates, each once, and there is one whenever all
// together suffice; it ends soon, however many coins there are.
func TestChooseProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		values := make([]amount.Sat, r.IntN(200))
		var total amount.Sat
		for i := range values {
			values[i] = amount.Sat(1 + r.IntN(1_000_000))
			total += values[i]
		}
		target := amount.Sat(1 + r.Int64N(int64(total)+1000))
		got := choose(candidates(values...), target, 500, amount.Sat(r.IntN(300)))
		if (got == nil) != (total < target) {
			t.Fatalf("%s of %s: %d coins", target, total, len(got))
		}
		seen := map[uint32]bool{}
		var have amount.Sat
		for _, c := range got {
			if seen[c.coin.Outpoint.Index] {
				t.Fatalf("coin %d twice", c.coin.Outpoint.Index)
			}
			seen[c.coin.Outpoint.Index] = true
			have += c.effective
		}
		if got != nil && have < target {
			t.Fatalf("%s of %s", have, target)
		}
	}
}
