package main

import "time"

// A peer may send budgetBurst messages that cost us work outside of its channels at once, and
// budgetRate a second in the long run: pings, openings, errors, messages unknown to us.
const (
	budgetBurst = 200
	budgetRate  = 20
)

// budget is what is left of that.
type budget struct {
	left float64
	at   time.Time
}

func newBudget(now time.Time) budget { return budget{left: budgetBurst, at: now} }

// take reports whether one more message is within the budget.
func (b *budget) take(now time.Time) bool {
	b.left = min(budgetBurst, b.left+now.Sub(b.at).Seconds()*budgetRate)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
