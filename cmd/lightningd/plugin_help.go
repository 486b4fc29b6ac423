package main

import (
	"context"
	"encoding/json"

	"fulmen/internal/command"
	"fulmen/internal/plugin"
	"fulmen/internal/rpc"
)

// pluginCommands has help and check know of the plugins' commands. It implements command.Others.
type pluginCommands struct{ host *plugin.Host }

// Commands implements command.Others.
func (c pluginCommands) Commands() []command.Other {
	var list []command.Other
	for _, p := range c.host.Plugins() {
		for _, m := range p.Manifest().Methods {
			list = append(list, command.Other{
				Name: m.Name, Usage: m.Usage, Category: command.Category(m.Category), Description: m.Description, Verbose: m.Verbose,
			})
		}
	}
	return list
}

// Check implements command.Others. A plugin that cannot check takes whatever it is given.
func (c pluginCommands) Check(ctx context.Context, name string, params json.RawMessage) (bool, error) {
	p, ok := c.host.Method(name)
	if !ok || !p.Manifest().CanCheck {
		return ok, nil
	}
	r := &rpc.Request{Method: "check"}
	if caller := rpc.FromContext(ctx); caller != nil {
		r.ID, r.Session = caller.ID, caller.Session
	}
	_, err := passToPlugin(ctx, p, r, params)
	return true, err
}
