package main

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var list []time.Duration
	for i := range 200 {
		list = append(list, time.Duration(200-i)) // 1 to 200, not sorted
	}
	for p, want := range map[int]time.Duration{50: 100, 99: 198, 100: 200} {
		if got := percentile(list, p); got != want {
			t.Errorf("p%d of 1 to 200 is %d, want %d", p, got, want)
		}
	}
	if got := percentile([]time.Duration{7}, 50); got != 7 {
		t.Errorf("p50 of 7 alone is %d", got)
	}
}

func TestInParallelCallsEachOnce(t *testing.T) {
	called := make([]atomic.Int32, 100)
	if err := inParallel(len(called), 7, func(i int) error { called[i].Add(1); return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range called {
		if n := called[i].Load(); n != 1 {
			t.Errorf("%d was called %d times", i, n)
		}
	}
}

func TestInParallelStopsAtAnError(t *testing.T) {
	wrong := errors.New("wrong")
	var calls []int
	err := inParallel(100, 1, func(i int) error {
		calls = append(calls, i)
		if i == 2 {
			return wrong
		}
		return nil
	})
	if !errors.Is(err, wrong) || !slices.Equal(calls, []int{0, 1, 2}) {
		t.Errorf("called with %v, got %v", calls, err)
	}
}

func TestRunBenchesRefuses(t *testing.T) {
	for _, c := range []struct {
		only     string
		n        int
		inFlight string
	}{{"no_such_bench", 1, "1"}, {"all", 0, "1"}, {"all", 1, "1,x"}, {"all", 1, "0"}} {
		if err := runBenches(c.only, c.n, c.inFlight); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}
