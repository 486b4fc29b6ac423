package txwatch

import (
	"math"
	"testing"

	"fulmen/internal/amount"
)

// TestRateAfterRefusal: each is higher than the one that was refused, as long as there is a higher one.
func TestRateAfterRefusal(t *testing.T) {
	for rate, want := range map[amount.FeeratePerKw]amount.FeeratePerKw{
		253: 379, 28_633_116: 42_949_674, 2_863_311_530: math.MaxUint32, 4_000_000_000: math.MaxUint32, math.MaxUint32: math.MaxUint32,
	} {
		if got := afterRefusal(rate); got != want {
			t.Errorf("after %s: %s, want %s", rate, got, want)
		}
	}
}
