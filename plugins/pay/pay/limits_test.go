package pay

import (
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
)

// TestFeeLimit: maxfee stands alone; a percentage never falls below exemptfee.
func TestFeeLimit(t *testing.T) {
	maxFee := amount.Msat(7)
	for _, c := range []struct {
		amt     amount.Msat
		maxFee  *amount.Msat
		percent command.Millionths
		exempt  amount.Msat
		want    amount.Msat
	}{
		{1e9, &maxFee, 500_000, 5000, 7},
		{1e9, nil, 500_000, 5000, 5_000_000},
		{1e5, nil, 500_000, 5000, 5000},
		{1e5, nil, 0, 0, 0},
		{amount.MaxMsat, nil, 1 << 62, 0, amount.MaxMsat},
	} {
		if got := feeLimit(c.amt, c.maxFee, c.percent, c.exempt); got != c.want {
			t.Errorf("%+v: %s, want %s", c, got, c.want)
		}
	}
}

// TestShadow: the delay on top differs from payment to payment, and leaves most of maxdelay to the route.
func TestShadow(t *testing.T) {
	next := uint64(0)
	p := New(Config{Random: func() uint64 { next += 0x9e3779b97f4a7c15; return next }})
	seen := map[block.Delta]bool{}
	for range 200 {
		d := p.shadow(2016, 21)
		if d+21 > 2016/4 {
			t.Fatalf("%d blocks on top", d)
		}
		seen[d] = true
	}
	if len(seen) < 5 || !seen[0] {
		t.Errorf("only these: %v", seen)
	}
	if d := p.shadow(100, 21); d != 0 {
		t.Errorf("%d blocks, though no more than 100 are allowed", d)
	}
}

// TestLearnedAges: what is older than an hour is forgotten, and topology is asked for that now and then.
func TestLearnedAges(t *testing.T) {
	n := newNode(t)
	now := start
	p := New(Config{Node: n, Now: func() time.Time { return now }, Random: func() uint64 { return 4 }})
	for _, wait := range []time.Duration{0, ageEvery - time.Second, time.Second} {
		now = now.Add(wait)
		if err := p.layers.prepare(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if made := n.called("askrene-create-layer"); len(made) != 1 {
		t.Errorf("layers made %v", made)
	}
	if aged := n.called("askrene-age"); len(aged) != 2 || aged[1] != `askrene-age {"cutoff":1699997000,"layer":"xpay"}` {
		t.Errorf("aged %v", aged)
	}
}
