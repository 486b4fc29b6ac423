// Package builtin lets the plugins that come with the node declare their commands as lightningd does, in package
// command's tables: parameters, help and man pages have one source there too.
package builtin

import (
	"context"
	"encoding/json"
	"errors"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/plugins/plugin"
)

// Add declares commands; before p.Run.
func Add(p *plugin.Plugin, commands ...*command.Command) {
	table := command.NewTable()
	table.Add(commands...)
	for _, c := range commands {
		p.AddMethod(plugin.Method{
			Name: c.Name, Params: params(c), Category: string(c.Category), Description: c.Short, Verbose: c.Text(),
			Run: func(ctx context.Context, args plugin.Args) (any, error) { return run(ctx, table, c.Name, args) },
		})
	}
}

func params(c *command.Command) []string {
	var list []string
	for _, p := range c.Params {
		if p.Required {
			list = append(list, p.Name)
		} else {
			list = append(list, "["+p.Name+"]")
		}
	}
	return list
}

func run(ctx context.Context, table *command.Table, name string, args plugin.Args) (any, error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	result, err := table.Run(ctx, name, raw)
	var failed *rpc.Error
	if errors.As(err, &failed) {
		return nil, &plugin.Error{Code: int(failed.Code), Message: failed.Message, Data: failed.Data}
	}
	return result, err
}
