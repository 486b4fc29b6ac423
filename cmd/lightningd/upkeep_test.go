package main

import (
	"testing"

	"fulmen/internal/amount"
)

func TestFeeratesAreLeftAloneUntilTheyDifferEnough(t *testing.T) {
	for _, c := range []struct {
		have, want amount.FeeratePerKw
		outside    bool
	}{
		{1000, 1000, false}, {1000, 1250, false}, {1000, 1251, true}, {1000, 834, false}, {1000, 833, true}, {253, 253, false},
	} {
		if got := outside(c.have, c.want); got != c.outside {
			t.Errorf("have %s, want %s: outside %v", c.have, c.want, got)
		}
	}
}
