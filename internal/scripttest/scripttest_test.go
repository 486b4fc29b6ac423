package scripttest

import (
	"fmt"
	"testing"
)

// adder adds up what it is told.
type adder struct{ sum uint64 }

func (a *adder) Do(c *Command) []string {
	a.sum += c.Uint("n", 1)
	c.Done()
	return []string{fmt.Sprintf("%s %d", c.Word(0), a.sum)}
}

func TestRun(t *testing.T) {
	Run(t, "testdata/*.txtar", func(*testing.T) Env { return &adder{} })
}

func TestBlocks(t *testing.T) {
	got := blocks("a\nb\n----\nc\n\n\nd\n----\n")
	if len(got) != 2 || got[0] != (block{"a\nb\n", "c\n"}) || got[1] != (block{"d\n", ""}) {
		t.Errorf("got %q", got)
	}
}
