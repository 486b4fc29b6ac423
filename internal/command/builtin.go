package command

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

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
			if e, ok := t.helpOther(*p.Command); err != nil && ok {
				return &helpResult{Help: []helpEntry{e}, FormatHint: "simple"}, nil
			}
			if err != nil {
				return nil, err
			}
			return &helpResult{Help: []helpEntry{c.help(c.Text())}, FormatHint: "simple"}, nil
		}
		r := &helpResult{}
		for _, name := range t.Names() {
			r.Help = append(r.Help, t.commands[name].help(""))
		}
		if t.others != nil {
			for _, o := range t.others.Commands() {
				r.Help = append(r.Help, o.help())
			}
		}
		slices.SortStableFunc(r.Help, func(a, b helpEntry) int { return strings.Compare(a.Command, b.Command) })
		return r, nil
	})
}

// helpOther explains a command that is not in the table.
func (t *Table) helpOther(name string) (helpEntry, bool) {
	if t.others == nil {
		return helpEntry{}, false
	}
	all := t.others.Commands()
	i := slices.IndexFunc(all, func(o Other) bool { return o.Name == name })
	if i < 0 {
		return helpEntry{}, false
	}
	e := all[i].help()
	if e.Verbose = all[i].Verbose; e.Verbose == "" {
		e.Verbose = e.Command + "\n\n" + e.Description + "\n"
	}
	return e, true
}

func (o Other) help() helpEntry {
	e := helpEntry{Command: strings.TrimSpace(o.Name + " " + o.Usage), Category: o.Category, Description: o.Description}
	if e.Category == "" {
		e.Category = Plugins
	}
	return e
}

func (c *Command) help(verbose string) helpEntry {
	return helpEntry{Command: c.Usage(), Category: c.Category, Description: c.Short, Verbose: verbose}
}

type checkParams struct {
	Command string `param:"command_to_check" doc:"The command. Its parameters follow, by position or by name."`

	all     json.RawMessage
	unknown error // the command is not in the table
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
	}, func(ctx context.Context, p *checkParams) (*checkResult, error) {
		if p.unknown == nil {
			return &checkResult{p.Command}, nil
		}
		if t.others != nil {
			if known, err := t.others.Check(ctx, p.Command, p.all); known {
				return &checkResult{p.Command}, err
			}
		}
		return nil, p.unknown
	})
	c.parse = func(raw json.RawMessage) (any, error) {
		name, params, err := splitCheck(raw)
		if err != nil {
			return nil, err
		}
		checked, err := t.Lookup(name)
		if err != nil {
			return &checkParams{Command: name, all: raw, unknown: err}, nil
		}
		_, err = checked.parse(params)
		return &checkParams{Command: name}, err
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
		if s := rpc.FromContext(ctx).Session; s != nil { // none, if a peer asks: it gets none
			s.SetNotifications(p.Enable)
		}
		return struct{}{}, nil
	})
}
