package wallet

import (
	"errors"
	"testing"

	"fulmen/internal/amount"
)

func TestFallbackOnRegtestOnly(t *testing.T) {
	w := newTestWallet(t)
	if rate, err := w.ParseFeerate("normal"); err != nil || rate != FallbackFeerate {
		t.Errorf("regtest: %s, %v", rate, err)
	}
	w.fees = newFeeTable("bitcoin")
	if _, err := w.ParseFeerate("normal"); !errors.Is(err, ErrNoEstimate) {
		t.Errorf("bitcoin: %v", err)
	}
	f := w.Feerates()
	if f.Opening != 0 || f.Floor != amount.FeerateFloor || f.MinAcceptable != amount.FeerateFloor || f.MaxAcceptable != ^amount.FeeratePerKw(0) {
		t.Errorf("%+v", f)
	}
}

func TestFeerates(t *testing.T) {
	w := newTestWallet(t)
	w.SetEstimates(300, []Estimate{
		{Blocks: 100, Feerate: 400}, {Blocks: 2, Feerate: 10_000}, {Blocks: 6, Feerate: 6000}, {Blocks: 12, Feerate: 3000},
	})
	for text, want := range map[string]amount.FeeratePerKw{
		"urgent": 6000, "normal": 3000, "slow": 400, "minimum": 300,
		"opening": 3000, "mutual_close": 400, "unilateral_close": 6000, "unilateral_anchor_close": 400, "penalty": 3000,
		"min_acceptable": 300, "max_acceptable": 100_000,
		"1blocks": 10_000, "4blocks": 8000, "9blocks": 4500, "1000blocks": 400,
		"1000perkw": 1000, "4000perkb": 1000, "4001": 1001, "1000": 253, "100": 25, "253perkw": 253,
	} {
		if got, err := w.ParseFeerate(text); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "fast", "1000perbyte", "-1", "0perkw", "3000000perkw", "99999999999", "1.5perkw", "perkw"} {
		if _, err := w.ParseFeerate(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestFeeratesAreSmoothed(t *testing.T) {
	w := newTestWallet(t)
	w.SetEstimates(253, []Estimate{{Blocks: 6, Feerate: 1000}})
	w.SetEstimates(253, []Estimate{{Blocks: 6, Feerate: 2000}})
	if e := w.Feerates().Estimates[0]; e.Feerate != 2000 || e.Smoothed != 1250 {
		t.Errorf("after a rise %+v", e)
	}
	w.SetEstimates(253, nil)
	for range 100 {
		w.SetEstimates(253, []Estimate{{Blocks: 6, Feerate: 500}})
	}
	if e := w.Feerates().Estimates[0]; e.Smoothed != 500 {
		t.Errorf("in the end %+v", e)
	}
}

// No estimate goes below what relays.
func TestFeerateFloor(t *testing.T) {
	w := newTestWallet(t)
	w.SetEstimates(1000, []Estimate{{Blocks: 6, Feerate: 500}, {Blocks: 100, Feerate: 10}})
	f := w.Feerates()
	if f.Opening != 1000 || f.MutualClose != 1000 || f.MinAcceptable != 1000 {
		t.Errorf("%+v", f)
	}
}

func TestOnchainFees(t *testing.T) {
	f := Feerates{Opening: 1000, MutualClose: 2000, UnilateralClose: 3000, UnilateralAnchorClose: 500}
	want := OnchainFees{
		OpeningChannel: 616, MutualClose: 1344, UnilateralClose: 562,
		UnilateralCloseNonAnchor: 2172, HTLCTimeout: 1989, HTLCSuccess: 2109,
	}
	if got := f.OnchainFees(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
