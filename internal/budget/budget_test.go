package budget

import (
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	now := time.Unix(1000, 0)
	b := New(200, 20, now)
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 200}, {0, 0}, {time.Second, 20}, {time.Hour, 200}, {50 * time.Millisecond, 1}} {
		now = now.Add(step.after)
		taken := 0
		for b.Take(now) {
			taken++
		}
		if taken != step.want {
			t.Errorf("%d after %s, want %d", taken, step.after, step.want)
		}
	}
}
