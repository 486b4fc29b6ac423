package wallet

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fulmen/internal/amount"
)

// FallbackFeerate is what every estimate is on regtest, whose backend has none: 10 sat/vB.
const FallbackFeerate amount.FeeratePerKw = 2500

// The targets in blocks behind the names.
const (
	urgentBlocks = 6
	normalBlocks = 12
	slowBlocks   = 100
)

// The multiples that bound what peers may ask for.
const (
	maxMultiple = 10 // of the fastest estimate
	minDivisor  = 2  // of the slowest
)

// ErrNoEstimate means that the backend has not given a fee rate for this.
var ErrNoEstimate = errors.New("no fee estimate")

// Estimate is a fee rate to be mined within so many blocks.
type Estimate struct {
	Blocks   uint32
	Feerate  amount.FeeratePerKw
	Smoothed amount.FeeratePerKw // over time, so that two nodes that ask at different times agree
}

// Feerates is what the node uses; 0 where there is no estimate.
type Feerates struct {
	Floor                 amount.FeeratePerKw // what relays
	Estimates             []Estimate          // ascending in Blocks
	Opening               amount.FeeratePerKw
	MutualClose           amount.FeeratePerKw
	UnilateralClose       amount.FeeratePerKw
	UnilateralAnchorClose amount.FeeratePerKw // raised by its anchor, should it not do
	Penalty               amount.FeeratePerKw
	MinAcceptable         amount.FeeratePerKw
	MaxAcceptable         amount.FeeratePerKw
}

// feeTable keeps the estimates.
type feeTable struct {
	fallback  amount.FeeratePerKw // 0: none
	floor     amount.FeeratePerKw
	estimates []Estimate
}

func newFeeTable(network string) feeTable {
	t := feeTable{floor: amount.FeerateFloor}
	if network == "regtest" {
		t.fallback = FallbackFeerate
	}
	return t
}

// SetEstimates takes what the backend says, in any order. When it says nothing, what it said before
// goes on.
func (w *Wallet) SetEstimates(floor amount.FeeratePerKw, estimates []Estimate) {
	t := &w.fees
	t.floor = max(floor, amount.FeerateFloor)
	if len(estimates) == 0 {
		return
	}
	fresh := slices.Clone(estimates)
	slices.SortFunc(fresh, func(a, b Estimate) int { return int(int64(a.Blocks) - int64(b.Blocks)) })
	for i := range fresh {
		e := &fresh[i]
		e.Smoothed = e.Feerate
		at := slices.IndexFunc(t.estimates, func(old Estimate) bool { return old.Blocks == e.Blocks })
		if at >= 0 {
			e.Smoothed = smooth(t.estimates[at].Smoothed, e.Feerate)
		}
	}
	t.estimates = fresh
}

// smooth moves a quarter of the way, at least by one, so that it arrives.
func smooth(old, latest amount.FeeratePerKw) amount.FeeratePerKw {
	switch {
	case latest > old:
		return old + (latest-old+3)/4
	default:
		return old - (old-latest+3)/4
	}
}

// within is the fee rate to be mined within so many blocks, between two estimates in proportion.
func (t *feeTable) within(blocks uint32, of func(Estimate) amount.FeeratePerKw) amount.FeeratePerKw {
	list := t.estimates
	if len(list) == 0 {
		return t.fallback
	}
	i := slices.IndexFunc(list, func(e Estimate) bool { return e.Blocks >= blocks })
	switch {
	case i < 0: // later than the slowest estimate
		return max(of(list[len(list)-1]), t.floor)
	case i == 0 || list[i].Blocks == blocks:
		return max(of(list[i]), t.floor)
	}
	a, b := list[i-1], list[i]
	rise := (int64(of(b)) - int64(of(a))) * int64(blocks-a.Blocks) / int64(b.Blocks-a.Blocks)
	return max(amount.FeeratePerKw(int64(of(a))+rise), t.floor)
}

func latest(e Estimate) amount.FeeratePerKw   { return e.Feerate }
func smoothed(e Estimate) amount.FeeratePerKw { return e.Smoothed }

// Feerates are those for the node's own transactions, and the bounds for those of peers.
func (w *Wallet) Feerates() Feerates {
	t := &w.fees
	f := Feerates{
		Floor:                 t.floor,
		Estimates:             slices.Clone(t.estimates),
		Opening:               t.within(normalBlocks, latest),
		MutualClose:           t.within(slowBlocks, smoothed),
		UnilateralClose:       t.within(urgentBlocks, smoothed),
		UnilateralAnchorClose: t.within(slowBlocks, smoothed),
		Penalty:               t.within(normalBlocks, latest),
	}
	// Without an estimate anything is accepted that relays.
	f.MinAcceptable = max(t.floor, t.within(slowBlocks, latest)/minDivisor)
	f.MaxAcceptable = ^amount.FeeratePerKw(0)
	if fastest := t.within(1, latest); fastest > 0 && fastest < f.MaxAcceptable/maxMultiple {
		f.MaxAcceptable = fastest * maxMultiple
	}
	return f
}

// FeerateWithin is the fee rate to be mined within so many blocks; 0 where there is no estimate.
func (w *Wallet) FeerateWithin(blocks uint32) amount.FeeratePerKw {
	return w.fees.within(blocks, latest)
}

// OnchainFees is what typical transactions cost.
type OnchainFees struct {
	OpeningChannel, MutualClose, UnilateralClose, UnilateralCloseNonAnchor, HTLCTimeout, HTLCSuccess amount.Sat
}

// OnchainFees is for the feerates command: an opening with one input, change and a funding output,
// and otherwise BOLT 3's expected weights (Fee Calculation; Appendix A).
func (f *Feerates) OnchainFees() OnchainFees {
	opening := TxWeight(nil) + inputWeight + p2trWitness + 2*changeWeight
	const mutual, unilateral, unilateralAnchor, timeout, success = 672, 724, 1124, 663, 703
	return OnchainFees{
		OpeningChannel:           f.Opening.Fee(opening),
		MutualClose:              f.MutualClose.Fee(mutual),
		UnilateralClose:          f.UnilateralAnchorClose.Fee(unilateralAnchor),
		UnilateralCloseNonAnchor: f.UnilateralClose.Fee(unilateral),
		HTLCTimeout:              f.UnilateralClose.Fee(timeout),
		HTLCSuccess:              f.UnilateralClose.Fee(success),
	}
}

// ParseFeerate understands what a feerate parameter may be: a name, `Nblocks`, `Nperkw`, `Nperkb`,
// or N, which is perkb.
func (w *Wallet) ParseFeerate(text string) (amount.FeeratePerKw, error) {
	f, t := w.Feerates(), &w.fees
	named := map[string]amount.FeeratePerKw{
		"slow": t.within(slowBlocks, latest), "normal": t.within(normalBlocks, latest), "urgent": t.within(urgentBlocks, latest),
		"minimum": f.Floor, "opening": f.Opening, "mutual_close": f.MutualClose, "unilateral_close": f.UnilateralClose,
		"unilateral_anchor_close": f.UnilateralAnchorClose, "penalty": f.Penalty,
		"min_acceptable": f.MinAcceptable, "max_acceptable": f.MaxAcceptable,
	}
	if rate, ok := named[text]; ok {
		return known(text, rate)
	}
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q: want a number, Nperkw, Nperkb, Nblocks or one of slow, normal, urgent, minimum", text)
	}
	switch suffix := text[len(digits):]; suffix {
	case "perkw":
		return checkFeerate(text, n)
	case "perkb", "":
		return checkFeerate(text, (n+3)/4)
	case "blocks":
		return known(text, t.within(uint32(n), latest))
	default:
		return 0, fmt.Errorf("%q: unknown unit %q: want perkw, perkb or blocks", text, suffix)
	}
}

func known(text string, rate amount.FeeratePerKw) (amount.FeeratePerKw, error) {
	if rate == 0 {
		return 0, fmt.Errorf("%q: %w: give a number, such as 1000perkw", text, ErrNoEstimate)
	}
	return rate, nil
}

func checkFeerate(text string, perKw uint64) (amount.FeeratePerKw, error) {
	if perKw == 0 || perKw > maxFeerate {
		return 0, fmt.Errorf("%q: %w: 1perkw to %dperkw", text, ErrFeerate, maxFeerate)
	}
	// What is a little too low through rounding of units is lifted to what relays.
	if perKw >= 250 && perKw < uint64(amount.FeerateFloor) {
		perKw = uint64(amount.FeerateFloor)
	}
	return amount.FeeratePerKw(perKw), nil
}
