package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// stage is where the demo plays. To the harness it is a test.
type stage struct {
	ctx   context.Context
	dir   string
	keep  bool
	nodes []*harness.Node

	mu       sync.Mutex
	folders  int
	steps    int
	failed   bool
	cleanups []func()
}

func newStage(keep bool) (*stage, error) {
	dir, err := os.MkdirTemp("", "fulmen-demo-")
	if err != nil {
		return nil, err
	}
	return &stage{ctx: context.Background(), dir: dir, keep: keep}, nil
}

// play runs the demo and ends the program with its outcome. On an interrupt all that was started
// ends too.
func (s *stage) play(show func()) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		show()
	}()
	select {
	case <-done:
	case <-interrupts:
		s.fail("interrupted")
	}
	s.clean()
	if s.Failed() {
		fmt.Println("demo: failed")
		os.Exit(1)
	}
	fmt.Println("\ndemo: ok")
}

// clean ends what was started, the last first. What a failed demo wrote stays for a look.
func (s *stage) clean() {
	s.mu.Lock()
	cleanups := s.cleanups
	s.mu.Unlock()
	for i := len(cleanups) - 1; i >= 0; i-- {
		cleanups[i]()
	}
	switch {
	case s.Failed():
		fmt.Printf("what the programs wrote is in %s\n", s.dir)
	case !s.keep:
		if err := os.RemoveAll(s.dir); err != nil {
			fmt.Fprintln(os.Stderr, "demo:", err)
		}
	}
}

func (s *stage) step(format string, args ...any) {
	s.steps++
	fmt.Printf("\n%d. %s\n", s.steps, fmt.Sprintf(format, args...))
}

func (s *stage) say(format string, args ...any) {
	fmt.Printf("   %s\n", fmt.Sprintf(format, args...))
}

// balances shows who has what, and where.
func (s *stage) balances() {
	fmt.Printf("\n   %-8s %20s %20s\n", "", "on the chain", "in the channel")
	for _, n := range s.nodes {
		f := n.Funds()
		fmt.Printf("   %-8s %16s sat %16s sat\n", n.Name, grouped(f.OnChain().Sat()), grouped(f.InChannels().Sat()))
	}
}

// grouped writes 1234567 as 1,234,567.
func grouped(s amount.Sat) string {
	digits := fmt.Sprintf("%d", uint64(s))
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

func (s *stage) fail(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = true
	fmt.Printf("\ndemo: %s\n", why)
}

// The rest makes a stage a harness.TB.

// Helper has no use here: no line is reported.
func (s *stage) Helper() {}

// Logf shows what the harness has to say.
func (s *stage) Logf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Errorf has the demo fail when it ends.
func (s *stage) Errorf(format string, args ...any) { s.fail(fmt.Sprintf(format, args...)) }

// Fatalf ends the demo; like a test's, it is called by the goroutine that plays.
func (s *stage) Fatalf(format string, args ...any) {
	s.fail(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Cleanup is called at the end, the last one first.
func (s *stage) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

// TempDir is a new folder in the demo's.
func (s *stage) TempDir() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folders++
	dir := filepath.Join(s.dir, fmt.Sprint(s.folders))
	if err := os.Mkdir(dir, 0o700); err != nil {
		panic(err) // in a folder that we just made
	}
	return dir
}

// Failed says whether the demo did.
func (s *stage) Failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// Keep makes it a harness.Keeper.
func (s *stage) Keep() bool { return s.keep }

// Context is the demo's.
func (s *stage) Context() context.Context { return s.ctx }
