package command

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"fulmen/internal/rpc"
)

// Table is all commands by name. It is filled before it serves and does not change after.
type Table struct {
	commands map[string]*Command
	others   Others // may be nil
}

// Others are the commands that are not in the table because they come and go: those of plugins.
type Others interface {
	// Commands lists them.
	Commands() []Other
	// Check checks the parameters of one, with those of check itself; false: there is no such command.
	Check(ctx context.Context, name string, params json.RawMessage) (bool, error)
}

// Other is what help says of one of them.
type Other struct {
	Name        string
	Usage       string // its parameters
	Category    Category
	Description string
	Verbose     string // the whole explanation; empty: made of the rest
}

// SetOthers has help and check know of commands that are not in the table.
func (t *Table) SetOthers(o Others) { t.others = o }

// NewTable has the commands that are about the table and the connection: help, check and notifications.
func NewTable() *Table {
	t := &Table{commands: make(map[string]*Command)}
	t.Add(newHelp(t), newCheck(t), newNotifications())
	return t
}

// Add adds commands; a name that is there already is a panic.
func (t *Table) Add(commands ...*Command) {
	for _, c := range commands {
		if t.commands[c.Name] != nil {
			panic(fmt.Sprintf("command %s twice", c.Name))
		}
		t.commands[c.Name] = c
	}
}

// Names are the commands, sorted.
func (t *Table) Names() []string { return slices.Sorted(maps.Keys(t.commands)) }

// Lookup returns the command of that name, or an error for the caller.
func (t *Table) Lookup(name string) (*Command, error) {
	if c := t.commands[name]; c != nil {
		return c, nil
	}
	return nil, rpc.Errorf(rpc.CodeUnknownMethod, "unknown command '%.100s'", name)
}

// Dispatch parses and runs one request; it is what rpc.Options.Dispatch takes.
func (t *Table) Dispatch(ctx context.Context, r *rpc.Request) (any, error) {
	return t.Run(ctx, r.Method, r.Params)
}

// Run parses params and runs the command name.
func (t *Table) Run(ctx context.Context, name string, params json.RawMessage) (any, error) {
	c, err := t.Lookup(name)
	if err != nil {
		return nil, err
	}
	p, err := c.parse(params)
	if err != nil {
		return nil, err
	}
	return c.run(ctx, p)
}
