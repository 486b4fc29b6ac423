package hostile

import (
	"runtime"
	"strings"
	"testing"
)

// keep allocates what stays in use until the caller is done with it.
func keep() []byte {
	b := make([]byte, growthHeap+1<<20)
	b[len(b)-1] = 1
	return b
}

// TestGrowth: both kinds of growth are found, and the error says what they came from.
func TestGrowth(t *testing.T) {
	var g Growth
	look := func(want ...string) {
		t.Helper()
		err := g.look()
		if len(want) == 0 && err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Fatalf("%v, want %q", err, w)
			}
		}
	}
	look()
	look()
	kept := keep()
	look("MiB of memory are in use", "hostile.keep")
	runtime.KeepAlive(kept)
	kept = nil
	end := make(chan struct{})
	for range growthTasks + 1 {
		go func() { <-end }()
	}
	look("goroutines", "hostile.TestGrowth")
	close(end)
	look()
}

// TestHeldExcept: what the fuzzer itself allocates is not what the inputs leave behind.
func TestHeldExcept(t *testing.T) {
	before := held("no function")
	kept := keep()
	if now := held("no function"); now < before+growthHeap {
		t.Errorf("%d bytes are held, %d before", now, before)
	}
	if now := held("fulmen/tests/hostile.keep"); now > before+growthHeap/2 {
		t.Errorf("%d bytes are held but for what keep allocated, %d before", now, before)
	}
	runtime.KeepAlive(kept)
}
