package network

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// mostSteps is more than the forward of one HTLC has.
const mostSteps = 100

// walk has bob's lightningd killed at each step of a forward, one after the other, until one is over
// before its turn. After each, all three agree about what became of the payment, and no msat is lost.
func walk(t *testing.T, make func(l *line) *payment) (l *line, succeeded int) {
	l = newLine(t)
	var paid, earned amount.Msat
	for step := 1; step <= mostSteps; step++ {
		l.bob.Stop()
		l.bob.Start("--developer", fmt.Sprintf("--dev-crash-at-step=%d", step))
		l.joined()
		p := make(l)
		if err := l.send(p); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		died := l.died()
		l.bob.Restart() // also where it is over: a late step must not end bob while he is asked
		l.joined()
		err := l.result(p)
		if err == nil {
			succeeded++
			paid, earned = paid+p.amt, earned+p.fee
		} else if f := failureOf(t, err); f.Index == 0 {
			t.Errorf("step %d: it did not leave alice: %v", step, err)
		}
		l.balanced(paid, earned)
		l.agree(step)
		if !died {
			t.Logf("a forward has %d steps; %d of %d payments succeeded", step-1, succeeded, step)
			if step < 8 {
				t.Error("that is too few to be true")
			}
			return l, succeeded
		}
	}
	t.Fatalf("a forward has more than %d steps", mostSteps)
	return nil, 0
}

// joined waits until the channels can be used again. It asks bob first, who was started again: the others may not have
// noticed yet that he was gone.
func (l *line) joined() {
	l.t.Helper()
	for _, n := range []*harness.Node{l.bob, l.alice, l.carol} {
		n.WaitChannel("", "CHANNELD_NORMAL")
	}
}

// died waits until bob's lightningd is dead, or all of the payment is over.
func (l *line) died() (dead bool) {
	l.t.Helper()
	harness.Eventually(l.t, "the payment is over, or bob is dead", func() error {
		if l.bob.Dead() {
			dead = true
			return nil
		}
		for _, n := range []*harness.Node{l.alice, l.carol} {
			for _, c := range n.Channels() {
				if len(c.HTLCs) > 0 {
					return fmt.Errorf("%s has HTLCs in channel %s", n.Name, c.SCID)
				}
			}
		}
		var list struct {
			Payments []struct {
				Status string `json:"status"`
			} `json:"payments"`
		}
		l.alice.Call("listsendpays", object{"status": "pending"}, &list)
		if len(list.Payments) > 0 {
			return fmt.Errorf("alice has a payment pending")
		}
		return nil
	})
	return dead
}

// agree checks bob's list: each forward has an end, and is there once.
func (l *line) agree(step int) {
	l.t.Helper()
	var seen []uint64
	for _, f := range forwards(l.bob, nil) {
		if f.Status == "offered" {
			l.t.Errorf("step %d: forward %d has no end", step, f.CreatedIndex)
		}
		if slices.Contains(seen, f.InID) {
			l.t.Errorf("step %d: HTLC %d was forwarded twice", step, f.InID)
		}
		seen = append(seen, f.InID)
	}
}

// TestForwardSurvivesSIGKILL walks through the steps of a payment that carol takes.
func TestForwardSurvivesSIGKILL(t *testing.T) {
	t.Parallel()
	_, succeeded := walk(t, func(l *line) *payment { return l.invoiced(1_000_000) })
	if succeeded == 0 {
		t.Error("no payment succeeded")
	}
}

// TestForwardFailureSurvivesSIGKILL walks through the steps of one that carol refuses.
func TestForwardFailureSurvivesSIGKILL(t *testing.T) {
	t.Parallel()
	n := 0
	_, succeeded := walk(t, func(l *line) *payment {
		n++
		p := l.invoiced(1_000_000)
		p.hash = strings.Repeat("00", 31) + fmt.Sprintf("%02x", n)
		return p
	})
	if succeeded != 0 {
		t.Errorf("%d payments without an invoice succeeded", succeeded)
	}
}
