package opening

import (
	"testing"

	"fulmen/internal/scripttest"
)

// TestScripts runs every testdata/*.txtar. All commands of a file share two machines, alice and bob.
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txtar", func(t *testing.T) scripttest.Env { return newPair(t) })
}

// Do implements scripttest.Env.
func (p *pair) Do(c *scripttest.Command) []string { return p.do(c.Line) }
