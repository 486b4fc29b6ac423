package main

import (
	"runtime"
	"sync"
	"sync/atomic"

	"fulmen/internal/gossip"
)

// verifyTurn is how many signatures a goroutine takes at once.
const verifyTurn = 8

// verify checks signatures on all cores.
func verify(checks []gossip.Check) []bool {
	good := make([]bool, len(checks))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(checks)+verifyTurn-1)/verifyTurn) {
		wg.Go(func() {
			for {
				end := int(next.Add(verifyTurn))
				begin := end - verifyTurn
				if begin >= len(checks) {
					return
				}
				for i := begin; i < min(end, len(checks)); i++ {
					good[i] = checks[i].Good()
				}
			}
		})
	}
	wg.Wait()
	return good
}
