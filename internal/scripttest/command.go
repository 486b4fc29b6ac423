package scripttest

import (
	"strconv"
	"strings"
	"testing"
)

// Command is one line: words, then arguments of the form name=value. An argument that nobody asks
// for, or one that does not parse, fails the test.
type Command struct {
	T     *testing.T
	Line  string
	Words []string
	args  map[string]string
}

func parse(t *testing.T, line string) *Command {
	c := &Command{T: t, Line: line, args: make(map[string]string)}
	for _, field := range strings.Fields(line) {
		if name, value, ok := strings.Cut(field, "="); ok {
			c.args[name] = value
		} else {
			c.Words = append(c.Words, field)
		}
	}
	return c
}

// Word is word i, or empty.
func (c *Command) Word(i int) string {
	if i < len(c.Words) {
		return c.Words[i]
	}
	return ""
}

// Has reports whether an argument is there.
func (c *Command) Has(name string) bool {
	_, ok := c.args[name]
	return ok
}

// String is an argument, or def.
func (c *Command) String(name, def string) string {
	if v, ok := c.args[name]; ok {
		delete(c.args, name)
		return v
	}
	return def
}

// Uint is a number, or def.
func (c *Command) Uint(name string, def uint64) uint64 {
	text := c.String(name, "")
	if text == "" {
		return def
	}
	v, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		c.T.Fatalf("%s: %s: %v", c.Line, name, err)
	}
	return v
}

// Bool is true or false, or def.
func (c *Command) Bool(name string, def bool) bool {
	text := c.String(name, "")
	if text == "" {
		return def
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		c.T.Fatalf("%s: %s: %v", c.Line, name, err)
	}
	return v
}

// Done fails the test if arguments are left over, so that a misspelt one does not go unnoticed.
func (c *Command) Done() {
	for name := range c.args {
		c.T.Fatalf("%s: unknown argument %s", c.Line, name)
	}
}
