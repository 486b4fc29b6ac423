package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

// run is one bench under way. To the harness it is a test: what it starts ends with it.
type run struct {
	name     string
	n        int   // payments of a row with many at once
	inFlight []int // how many at once, to find the best

	mu       sync.Mutex
	cleanups []func()
	failure  string
}

// do carries a bench out, and ends what it started, also when we are interrupted.
func (r *run) do(bench func(*run)) error {
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		bench(r)
	}()
	select {
	case <-done:
	case <-interrupted.Done():
		r.fail("interrupted")
	}
	r.mu.Lock()
	cleanups := r.cleanups
	r.mu.Unlock()
	for i := len(cleanups) - 1; i >= 0; i-- {
		cleanups[i]()
	}
	if r.Failed() {
		return fmt.Errorf("%s: %s", r.name, r.failure)
	}
	return nil
}

// row prints one figure.
func (r *run) row(figure any) {
	r.Helper()
	line, err := json.Marshal(figure)
	if err != nil {
		r.Fatalf("encode %+v: %v", figure, err)
	}
	fmt.Printf("%s\n", line)
}

func (r *run) fail(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == "" {
		r.failure = why
	}
}

// The rest makes a run a harness.TB.

// Helper has no use here: no line is reported.
func (r *run) Helper() {}

// Logf tells on stderr what is going on.
func (r *run) Logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, r.name+": "+format+"\n", args...)
}

// Errorf has the bench fail when it ends.
func (r *run) Errorf(format string, args ...any) { r.fail(fmt.Sprintf(format, args...)) }

// Fatalf ends the bench; like a test's, it is called by the goroutine that runs it.
func (r *run) Fatalf(format string, args ...any) {
	r.fail(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Cleanup is called at the end, the last one first.
func (r *run) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// TempDir is a new folder, which goes at the end.
func (r *run) TempDir() string {
	dir, err := os.MkdirTemp("", "fulmen-bench-")
	if err != nil {
		r.Fatalf("%v", err)
	}
	r.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Failed reports whether the bench did.
func (r *run) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure != ""
}

// Context is never cancelled: a bench ends with the program.
func (r *run) Context() context.Context { return context.Background() }
