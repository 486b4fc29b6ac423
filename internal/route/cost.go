package route

import (
	"math"
	"math/bits"

	"fulmen/internal/amount"
)

// Weights say what is worth how much.
type Weights struct {
	// RiskFactor is the yearly cost of locked money, in millionths of a percent.
	RiskFactor uint64
	// AttemptBase and AttemptPPM (of the amount) are what a halving of the chance of success is worth.
	AttemptBase amount.Msat
	AttemptPPM  uint64
}

// DefaultWeights are for payments: money that is locked costs 10% a year; one sat and 0.05% of the amount are paid
// rather than a second attempt.
var DefaultWeights = Weights{RiskFactor: 10_000_000, AttemptBase: 1000, AttemptPPM: 500}

// blocksPerYear is as many as the published formula of riskfactor has.
const blocksPerYear = 52_596

// limitCost is above every cost that is of use, and far from overflow.
const limitCost = 1 << 61

// mulDiv is a*b/c, rounded down, or ok is false where that is no cost.
func mulDiv(a, b, c uint64) (q uint64, ok bool) {
	hi, lo := bits.Mul64(a, b)
	if hi == 0 {
		return lo / c, lo/c < limitCost
	}
	if hi >= c {
		return 0, false
	}
	q, _ = bits.Div64(hi, lo, c)
	return q, q < limitCost
}

// Fee is what a node takes to forward amt over an edge (BOLT 7, HTLC Fees); ok is false beyond all money.
func (e *Edge) Fee(amt amount.Msat) (fee amount.Msat, ok bool) {
	share, ok := millionths(uint64(amt), e.FeePPM)
	return amount.Msat(share + uint64(e.FeeBase)), ok
}

func millionths(x uint64, ppm uint32) (uint64, bool) {
	hi, lo := bits.Mul64(x, uint64(ppm))
	if hi == 0 {
		return lo / 1_000_000, lo/1_000_000 < limitCost
	}
	return mulDiv(x, uint64(ppm), 1_000_000)
}

// prices are Weights for one amount.
type prices struct {
	amt   uint64
	block uint64 // what a block of delay costs, in msat << 20
	bit   uint64 // what a halving of the chance costs, in msat
}

const priceShift = 20

func (w Weights) prices(amt amount.Msat) prices {
	p := prices{amt: uint64(amt)}
	perYear, ok1 := mulDiv(uint64(amt)<<2, w.RiskFactor<<8, 100_000_000*blocksPerYear>>10)
	share, ok2 := mulDiv(uint64(amt), w.AttemptPPM, 1_000_000)
	if !ok1 || !ok2 {
		perYear, share = limitCost, limitCost // no such amount is found a route
	}
	p.block, p.bit = min(perYear, limitCost>>16), min(uint64(w.AttemptBase)+share, limitCost>>16)
	return p
}

// logShift is the fixed point of logarithms.
const logShift = 20

// logTable has log2 of 1 to 2, in 256 steps.
var logTable = func() (t [257]uint64) {
	for i := range t {
		t[i] = uint64(math.Round(math.Log2(1+float64(i)/256) * (1 << logShift)))
	}
	return t
}()

// log2 is the logarithm of x > 0, << logShift.
func log2(x uint64) uint64 {
	whole := uint64(bits.Len64(x) - 1)
	rest := x << (63 - whole) << 1 // what follows the leading 1
	i, between := rest>>56, rest>>40&0xffff
	return whole<<logShift + logTable[i] + (logTable[i+1]-logTable[i])*between>>16
}

// improbability is -log2 of the probability that the edge can carry amt, << logShift. The amount must fit.
func (e *Edge) improbability(amt uint64) uint64 {
	least, most := e.room()
	if amt <= uint64(least) {
		return 0
	}
	all, left := log2(uint64(most-least)+1), log2(uint64(most)-amt+1)
	return max(all, left) - left // a table's last digit must not make it negative
}

// probability multiplies p, which is << 32, by that of carrying amt.
func (e *Edge) probability(p uint64, amt amount.Msat) uint64 {
	least, most := e.room()
	switch {
	case amt > most:
		return 0
	case amt <= least:
		return p
	}
	hi, lo := bits.Mul64(p, uint64(most-amt)+1)
	q, _ := bits.Div64(hi, lo, uint64(most-least)+1) // p is at most 1<<32, and the factor at most 1
	return q
}

// biasTable has 2^(i/10) << 10.
var biasTable = func() (t [10]uint64) {
	for i := range t {
		t[i] = uint64(math.Round(math.Exp2(float64(i)/10) * 1024))
	}
	return t
}()

// biased is x times 2^(-bias/10).
func biased(x uint64, bias int) uint64 {
	bias = min(max(bias, -100), 100)
	up := 100 - bias // 2^(up/10) / 2^10
	hi, lo := bits.Mul64(x, biasTable[up%10]<<(up/10))
	if hi >= 1<<17 {
		return limitCost
	}
	return hi<<44 | lo>>20
}

// hopCost is what an edge adds to the cost for itself, beside its fee: risk and chance.
func (p *prices) hopCost(e *Edge) uint64 {
	risk := p.block * uint64(e.Delta) >> priceShift
	hi, lo := bits.Mul64(p.bit, e.improbability(p.amt)+1<<(logShift-6))
	return risk + hi<<(64-logShift) + lo>>logShift
}
