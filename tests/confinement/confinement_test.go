// Package confinement attacks: each daemon, built with the tag hostile, is started as lightningd starts
// it, locks itself in, and then tries one thing of package hostile's list.
package confinement

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"fulmen/internal/sandbox/hostile"
)

// inParallel is how many attempts run at once.
const inParallel = 4

// row is what came of one attempt.
type row struct {
	attempt *hostile.Attempt
	seen    map[string]string // by daemon
	without string            // in a channeld that is not confined
}

// TestHostile tries everything in every daemon, and prints one table. Nothing may get through; and what
// the sandbox refuses must be possible without it, or the test would prove nothing.
func TestHostile(t *testing.T) {
	b := newBattlefield(t)
	rows := make([]row, len(hostile.Attempts))
	var all sync.WaitGroup
	next := make(chan int)
	for range inParallel {
		all.Go(func() {
			for i := range next {
				rows[i] = b.tryEverywhere(&hostile.Attempts[i])
			}
		})
	}
	for i := range rows {
		next <- i
	}
	close(next)
	all.Wait()

	attempts := 0
	for _, r := range rows {
		attempts += len(r.seen)
		r.check(t)
	}
	t.Logf("%d attempts:\n%s", attempts, table(rows))
}

// tryEverywhere tries one thing in each daemon that can.
func (b *battlefield) tryEverywhere(a *hostile.Attempt) row {
	r := row{attempt: a, seen: map[string]string{}}
	for _, daemon := range hostile.Daemons {
		if _, can := a.WantOf(daemon); can {
			r.seen[daemon] = b.try(a, daemon, "on")
		}
	}
	if !a.Always {
		r.without = b.try(a, hostile.Channeld, "off")
	}
	return r
}

func (r *row) check(t *testing.T) {
	for daemon, seen := range r.seen {
		if want, _ := r.attempt.WantOf(daemon); seen != want {
			t.Errorf("%s: %s: %s, want %s", daemon, r.attempt.Name, seen, want)
		}
	}
	// What another user than root may not do in any case shows nothing.
	if os.Geteuid() == 0 && r.without == r.attempt.Want {
		t.Errorf("%s: %s without confinement, too", r.attempt.Name, r.without)
	}
}

// expected is what the list wants, for a person to read.
func expected(a *hostile.Attempt) string {
	text := a.Want
	for _, daemon := range hostile.Daemons {
		if other, ok := a.But[daemon]; ok {
			text += fmt.Sprintf(", %s %s", daemon, other)
		}
	}
	return text
}

func table(rows []row) string {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "attempted\texpected\t%s\tunconfined\n", strings.Join(hostile.Daemons, "\t"))
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s", r.attempt.Name, expected(r.attempt))
		for _, daemon := range hostile.Daemons {
			fmt.Fprintf(w, "\t%s", orDash(r.seen[daemon]))
		}
		fmt.Fprintf(w, "\t%s\n", orDash(r.without))
	}
	w.Flush()
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// The programs that are installed have nothing of it.
func TestProductionHasNoAttempts(t *testing.T) {
	for _, c := range []struct {
		tags string
		want bool
	}{{"", false}, {"hostile", true}} {
		dir := build(t, c.tags)
		for _, daemon := range hostile.Daemons {
			program, err := os.ReadFile(filepath.Join(dir, daemon))
			if err != nil {
				t.Fatal(err)
			}
			if has := bytes.Contains(program, []byte("internal/sandbox/hostile")); has != c.want {
				t.Errorf("%s, tags %q: has attempts: %t", daemon, c.tags, has)
			}
		}
	}
}

// Names are how the list's attempts are chosen.
func TestAttemptsHaveNames(t *testing.T) {
	var names []string
	for _, a := range hostile.Attempts {
		if a.Name == "" || a.Want == "" || a.Do == nil || slices.Contains(names, a.Name) {
			t.Errorf("attempt %q", a.Name)
		}
		names = append(names, a.Name)
	}
}
