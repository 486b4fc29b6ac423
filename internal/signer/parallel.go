package signer

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// parallelFrom is the batch size from which it pays to wake other cores: a goroutine costs about
// a microsecond, a signature 35.
const parallelFrom = 4

// forEach calls f for 0 to n-1, on all cores if there are many, and returns when all are done.
func forEach(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if n < parallelFrom || workers == 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			f(int(i))
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
