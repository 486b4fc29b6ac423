package command

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"fulmen/internal/rpc"
)

type helpParams struct {
	Command *string `param:"command" doc:"The command to explain. Without it, all are listed."`
}

type helpEntry struct {
	Command     string   `json:"command" doc:"The command and its parameters, optional ones in brackets."`
	Category    Category `json:"category" doc:"The group it belongs to."`
	Description string   `json:"description" doc:"What it does, in one line."`
	Verbose     string   `json:"verbose,omitempty" doc:"The whole explanation, if one command is asked for."`
}

type helpResult struct {
	Help       []helpEntry `json:"help" doc:"One entry a command, by name."`
	FormatHint string      `json:"format-hint,omitempty" doc:"How lightning-cli prints it."`
}

func newHelp(t *Table) *Command {
	return New(Doc{
		Name: "help", Category: Utility,
		Short: "List all commands, or explain one.",
		Long:  "The usage string has the parameters in their positional order; every one can also be given by name.",
	}, func(_ context.Context, p *helpParams) (*helpResult, error) {
		if p.Command != nil {
			c, err := t.Lookup(*p.Command)
			if err != nil {
				return nil, err
			}
			return &helpResult{Help: []helpEntry{c.help(c.Text())}, FormatHint: "simple"}, nil
		}
		r := &helpResult{}
		for _, name := range t.Names() {
			r.Help = append(r.Help, t.commands[name].help(""))
		}
		return r, nil
	})
}

func (c *Command) help(verbose string) helpEntry {
	return helpEntry{Command: c.Usage(), Category: c.Category, Description: c.Short, Verbose: verbose}
}

type checkParams struct {
	Command string `param:"command_to_check" doc:"The command. Its parameters follow, by position or by name."`
}

type checkResult struct {
	Command string `json:"command_to_check" doc:"The command that was checked."`
}

func newCheck(t *Table) *Command {
	c := New(Doc{
		Name: "check", Category: Utility,
		Short: "Check the parameters of a command without running it.",
		Long: "Parses the parameters as the command would, and returns the error that it would return for them. " +
			"Nothing is changed, so success does not mean that the command would succeed.",
	}, func(_ context.Context, p *checkParams) (*checkResult, error) {
		return &checkResult{p.Command}, nil
	})
	c.parse = func(raw json.RawMessage) (any, error) {
		name, params, err := splitCheck(raw)
		if err != nil {
			return nil, err
		}
		checked, err := t.Lookup(name)
		if err == nil {
			_, err = checked.parse(params)
		}
		return &checkParams{name}, err
	}
	return c
}

// splitCheck parts the name of the command from the parameters that are for it.
func splitCheck(raw json.RawMessage) (name string, params json.RawMessage, err error) {
	const key = "command_to_check"
	missing := rpc.Errorf(rpc.CodeInvalidParams, "missing required parameter: %s", key)
	var value json.RawMessage
	switch {
	case len(raw) > 0 && raw[0] == '[':
		var array []json.RawMessage
		if err := json.Unmarshal(raw, &array); err != nil || len(array) == 0 {
			return "", nil, missing
		}
		value, params = array[0], joinArray(array[1:])
	case len(raw) > 0:
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			return "", nil, rpc.Errorf(rpc.CodeInvalidParams, "params: %w", err)
		}
		value = object[key]
		delete(object, key)
		if params, err = json.Marshal(object); err != nil {
			return "", nil, err
		}
	}
	if len(value) == 0 || value[0] != '"' {
		return "", nil, missing
	}
	return name, params, json.Unmarshal(value, &name)
}

func joinArray(elements []json.RawMessage) json.RawMessage {
	parts := make([][]byte, len(elements))
	for i, e := range elements {
		parts[i] = e
	}
	return slices.Concat([]byte("["), bytes.Join(parts, []byte(",")), []byte("]"))
}

type notificationsParams struct {
	Enable bool `param:"enable" doc:"Whether this connection gets notifications."`
}

func newNotifications() *Command {
	return New(Doc{
		Name: "notifications", Category: Utility,
		Short: "Turn notifications on or off for this connection.",
		Long:  "While a command runs, `message` and `progress` notifications with its id tell how far it is.",
	}, func(ctx context.Context, p *notificationsParams) (struct{}, error) {
		rpc.FromContext(ctx).Session.SetNotifications(p.Enable)
		return struct{}{}, nil
	})
}
