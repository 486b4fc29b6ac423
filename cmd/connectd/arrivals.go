package main

import (
	"errors"
	"sync"
	"time"

	"fulmen/internal/budget"
	"fulmen/internal/keys"
)

// A peer may connect to us arrivalsBurst times at once, and arrivalsRate a second in the long run: with each time the
// processes of its channels are started anew.
const (
	arrivalsBurst = 100
	arrivalsRate  = 1
	// maxArrivals is of how many peers that is known.
	maxArrivals = 4096
)

var errTooOften = errors.New("it connects too often")

// arrivals counts how often peers connect to us.
type arrivals struct {
	mu sync.Mutex
	of map[keys.PubKey]*budget.Budget
}

func newArrivals() *arrivals { return &arrivals{of: make(map[keys.PubKey]*budget.Budget)} }

// may reports whether a peer may connect once more.
func (a *arrivals) may(id keys.PubKey, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.of[id]
	if b == nil {
		for old := range a.of {
			if len(a.of) < maxArrivals {
				break
			}
			delete(a.of, old) // any: to forget many takes many handshakes
		}
		b = new(budget.Budget)
		*b = budget.New(arrivalsBurst, arrivalsRate, now)
		a.of[id] = b
	}
	return b.Take(now)
}
