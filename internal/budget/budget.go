// Package budget bounds how many messages somebody else may send: so many at once, and so many a second in
// the long run. It is pure: the caller has the clock.
package budget

import "time"

// Budget is what is left of that.
type Budget struct {
	burst, rate, left float64
	at                time.Time
}

// New is a whole budget: burst messages at once, and rate a second.
func New(burst, rate int, now time.Time) Budget {
	return Budget{burst: float64(burst), rate: float64(rate), left: float64(burst), at: now}
}

// Take reports whether one more message is within the budget.
func (b *Budget) Take(now time.Time) bool {
	b.left = min(b.burst, b.left+now.Sub(b.at).Seconds()*b.rate)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
