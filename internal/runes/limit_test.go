package runes

import (
	"errors"
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	u, now := Uses{}, time.Unix(1000, 0)
	rate := Alternative{"rate", '=', "2"}
	for i, want := range []bool{true, true, false} {
		if err := u.CheckRate(rate, "1", now); errors.Is(err, ErrDecided) != want {
			t.Errorf("use %d: %v", i, err)
		}
		if want {
			u.Add("1", now)
		}
	}
	if err := u.CheckRate(rate, "2", now); !errors.Is(err, ErrDecided) {
		t.Errorf("another rune: %v", err)
	}
	if err := u.CheckRate(rate, "1", now.Add(time.Minute)); !errors.Is(err, ErrDecided) || len(u) != 0 {
		t.Errorf("a minute later: %v, %v are remembered", err, u)
	}
	for _, a := range []Alternative{{"rate", '=', "0"}, {"rate", '<', "2"}, {"rate", '=', "x"}} {
		if err := u.CheckRate(a, "1", now); err == nil || errors.Is(err, ErrDecided) {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestPer(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		value string
		rests time.Duration
	}{
		{"5", 5 * time.Second}, {"5sec", 5 * time.Second}, {"2min", 2 * time.Minute}, {"1hour", time.Hour}, {"1day", 24 * time.Hour},
		{"7msec", 7 * time.Millisecond}, {"7usec", 7 * time.Microsecond}, {"7nsec", 7},
	} {
		a := Alternative{"per", '=', c.value}
		if err := CheckPer(a, time.Time{}, now); !errors.Is(err, ErrDecided) {
			t.Errorf("%s, never used: %v", c.value, err)
		}
		if err := CheckPer(a, now.Add(-c.rests), now); !errors.Is(err, ErrDecided) {
			t.Errorf("%s, rested: %v", c.value, err)
		}
		if err := CheckPer(a, now.Add(-c.rests+1), now); err == nil || errors.Is(err, ErrDecided) {
			t.Errorf("%s, too early: %v", c.value, err)
		}
	}
	for _, a := range []Alternative{{"per", '=', ""}, {"per", '=', "0sec"}, {"per", '=', "9223372036854775807day"}, {"per", '=', "1week"}, {"per", '<', "1"}} {
		if err := CheckPer(a, time.Time{}, now); err == nil || errors.Is(err, ErrDecided) {
			t.Errorf("%s: %v", a, err)
		}
	}
}
