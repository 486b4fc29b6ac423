package plugin

import "time"

// A plugin may send budgetBurst messages that nobody asked for at once, and budgetRate a second in the long
// run: log lines and notifications. One that sends more would fill the disk with its log, or keep the
// node from all else.
const (
	budgetBurst = 20_000
	budgetRate  = 2_000
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
