package main

import (
	"context"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
)

type connectionParams struct {
	Enable bool `param:"enable" doc:"Whether to turn it on."`
}

// batchingCommand is for clients that speed up many commands by it: here all that wait at the same time are
// committed together anyway, and no command returns before its changes are on disk.
func batchingCommand() *command.Command {
	return command.New(command.Doc{
		Name: "batching", Category: command.Utility,
		Short: "Has no effect: changes that wait together are always committed together.",
		Long:  "It is there for clients that call it. To be faster, send requests without waiting for the replies before.",
	}, func(context.Context, *connectionParams) (*emptyResult, error) { return new(emptyResult), nil })
}

// deprecationsCommand is for clients that make sure that they rely on nothing old.
func deprecationsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "deprecations", Category: command.Utility,
		Short: "Turn deprecated commands of plugins on or off for this connection.",
		Long: "It counts in place of the option allow-deprecated-apis, for the requests that follow on the same connection. Plugins " +
			"whose commands are called hear of it (deprecated_oneshot); this node's own commands have nothing deprecated.",
		SeeAlso: []string{"notifications", "plugin"},
	}, func(ctx context.Context, p *connectionParams) (*emptyResult, error) {
		if r := rpc.FromContext(ctx); r != nil && r.Session != nil {
			r.Session.SetDeprecations(p.Enable)
		}
		return new(emptyResult), nil
	})
}
