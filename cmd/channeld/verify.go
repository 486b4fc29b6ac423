package main

import (
	"runtime"
	"sync"
	"sync/atomic"

	"fulmen/internal/channel"
)

// worthSpreading is how many signatures make up for starting goroutines.
const worthSpreading = 3

// verify checks signatures, many of them on all cores, and returns the first error.
func verify(checks []channel.SignatureCheck) error {
	workers := min(runtime.GOMAXPROCS(0), len(checks)/worthSpreading)
	if workers < 2 {
		for i := range checks {
			if err := checks[i].Check(); err != nil {
				return err
			}
		}
		return nil
	}
	var (
		next   atomic.Int64
		group  sync.WaitGroup
		once   sync.Once
		failed error
	)
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(checks)); i = next.Add(1) - 1 {
				if err := checks[i].Check(); err != nil {
					once.Do(func() { failed = err })
					next.Store(int64(len(checks)))
				}
			}
		})
	}
	group.Wait()
	return failed
}
