package main

import (
	"sync"
	"testing"
)

func TestLoopRunsInOrderAndFlushesOnceABatch(t *testing.T) {
	var order []int
	flushes := 0
	l := newLoop(func() { flushes++ })
	// All are posted before the loop runs: one batch.
	for i := range 100 {
		l.post(func() { order = append(order, i) })
	}
	var done sync.WaitGroup
	done.Go(l.run)
	if !l.call(func() {}) {
		t.Fatal("call on an open loop returned false")
	}
	if len(order) != 100 || order[0] != 0 || order[99] != 99 {
		t.Fatalf("ran %v", order)
	}
	l.close()
	done.Wait()
	if flushes < 1 || flushes > 2 {
		t.Errorf("%d flushes for a batch of 100 and a call, want at most 2", flushes)
	}
	if l.call(func() { t.Error("ran after close") }) {
		t.Error("call on a closed loop returned true")
	}
}

func TestLoopRunsWhatWasPostedBeforeClose(t *testing.T) {
	l := newLoop(func() {})
	ran := false
	l.post(func() { ran = true })
	l.close()
	l.run()
	if !ran {
		t.Error("close dropped what was posted before")
	}
}

func TestWaiters(t *testing.T) {
	w := waiters[string, int]{}
	a, b, c := w.add("x"), w.add("x"), w.add("y")
	w.remove("x", b)
	w.tell("x", 7)
	if got := <-a; got != 7 {
		t.Errorf("got %d", got)
	}
	if len(b) != 0 || len(c) != 0 {
		t.Error("told one that gave up, or one that waits for another key")
	}
	w.tell("x", 8)
	if len(a) != 0 {
		t.Error("told twice")
	}
	w.remove("y", c)
	if len(w) != 0 {
		t.Errorf("%d keys are left", len(w))
	}
}
