package txwatch

import (
	"math"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// The numbers of the package comment.
const (
	hurry = 12 // blocks

	sweepShare   = 50 // percent
	penaltyShare = 90
	stakeShare   = 25
	stageShare   = 25
	balanceShare = 10

	replacePercent      = 125
	replaceHurryPercent = 110
	refusedPercent      = 150

	// incremental is the relay fee that a replacement adds for its own size (BIP 125, rule 4).
	incremental amount.FeeratePerKw = 250
)

// feeOf is the fee for weight units, rounded up so that the rate is met.
func feeOf(rate amount.FeeratePerKw, weight int) amount.Sat {
	return amount.Sat((uint64(rate)*uint64(weight) + 999) / 1000)
}

// rateOf is the rate of a fee, rounded down.
func rateOf(fee amount.Sat, weight int) amount.FeeratePerKw {
	return asRate(uint64(fee) * 1000 / uint64(weight))
}

// afterRefusal is what the next try pays at least, where this rate was too low.
func afterRefusal(rate amount.FeeratePerKw) amount.FeeratePerKw {
	return asRate(uint64(rate) * refusedPercent / 100)
}

// asRate is the largest rate there is, for one beyond it: shares of large claims go that far near a deadline.
func asRate(perKw uint64) amount.FeeratePerKw {
	return amount.FeeratePerKw(min(perKw, math.MaxUint32))
}

// percent is a share of a value.
func percent(value amount.Sat, p int) amount.Sat {
	return value/100*amount.Sat(p) + value%100*amount.Sat(p)/100
}

// blocksLeft is how many blocks in time can still come: the last is the one before the deadline.
func blocksLeft(deadline, height block.Height) int { return int(deadline) - 1 - int(height) }

// target is the rate that a claim with a deadline should have, up to ceiling.
func (f *Fees) target(deadline, height block.Height, ceiling amount.FeeratePerKw) amount.FeeratePerKw {
	if deadline == 0 {
		return f.Slow
	}
	left := blocksLeft(deadline, height)
	base := f.within(left / 2)
	if left >= hurry || ceiling <= base {
		return min(base, max(ceiling, f.Floor))
	}
	gone := uint64(hurry - max(left, 1))
	const all = hurry - 1
	return base + amount.FeeratePerKw(uint64(ceiling-base)*gone*gone*gone/(all*all*all))
}

// within is the estimate to be mined in so many blocks.
func (f *Fees) within(blocks int) amount.FeeratePerKw {
	switch {
	case blocks >= 100:
		return f.Slow
	case blocks >= 12:
		return f.Normal
	case blocks >= 6:
		return f.Soon
	}
	return f.Urgent
}

// hurried reports whether a deadline is close.
func hurried(deadline, height block.Height) bool {
	return deadline != 0 && blocksLeft(deadline, height) < hurry
}
