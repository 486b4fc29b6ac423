package runes

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Uses remembers when runes were used in the last minute, by their id: what the field rate needs.
type Uses map[string][]time.Time

// window is what the field rate counts over.
const window = time.Minute

// Add notes a use of a rune.
func (u Uses) Add(id string, now time.Time) { u[id] = append(u.recent(id, now), now) }

// recent drops what is too old to count.
func (u Uses) recent(id string, now time.Time) []time.Time {
	list := u[id]
	for len(list) > 0 && now.Sub(list[0]) >= window {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(u, id)
		return nil
	}
	u[id] = list
	return list
}

// CheckRate compares a condition on the field rate: how often in a minute a rune may be used.
func (u Uses) CheckRate(a Alternative, id string, now time.Time) error {
	limit, err := strconv.ParseUint(a.Value, 10, 31)
	switch {
	case a.Condition != '=':
		return errors.New("rate has another condition than =")
	case err != nil || limit == 0:
		return errors.New("rate is no number above 0")
	case uint64(len(u.recent(id, now))) >= limit:
		return fmt.Errorf("rate of %d per minute exceeded", limit)
	}
	return ErrDecided
}

// perUnits are what the field per may end with.
var perUnits = []struct {
	name string
	unit time.Duration
}{
	{"nsec", time.Nanosecond}, {"usec", time.Microsecond}, {"msec", time.Millisecond}, {"sec", time.Second},
	{"min", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}, {"", time.Second},
}

// CheckPer compares a condition on the field per: how long a rune must have rested. last is zero if it was
// never used.
func CheckPer(a Alternative, last, now time.Time) error {
	if a.Condition != '=' {
		return errors.New("per has another condition than =")
	}
	for _, u := range perUnits {
		text, ok := strings.CutSuffix(a.Value, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 63)
		rest := time.Duration(n) * u.unit
		switch {
		case err != nil || n == 0 || rest/u.unit != time.Duration(n) || rest < 0:
			return fmt.Errorf("per is no time: %s", a.Value)
		case !last.IsZero() && now.Sub(last) < rest:
			return fmt.Errorf("used less than %s ago", a.Value)
		}
		return ErrDecided
	}
	panic("runes: the last unit fits everything")
}
