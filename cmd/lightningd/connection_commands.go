package main

import (
	"context"

	"fulmen/internal/command"
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
		Short: "Has no effect: this node has nothing deprecated.",
		Long:  "It is there for clients that turn off what is deprecated, for the connection that they use.",
	}, func(context.Context, *connectionParams) (*emptyResult, error) { return new(emptyResult), nil })
}
