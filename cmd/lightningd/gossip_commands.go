package main

import (
	"context"
	"errors"

	"fulmen/internal/command"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/keys"
)

type addGossipParams struct {
	Message command.Hex `param:"message" doc:"The encoded message, its type first."`
}

func (n *node) addGossipCommand() *command.Command {
	return command.New(command.Doc{
		Name: "addgossip", Category: command.Network,
		Short: "Add a gossip message to our view of the network.",
		Long:  "It is checked like one that a peer sent, and stored if it is news. Only one that cannot be read is an error.",
	}, func(ctx context.Context, p *addGossipParams) (*emptyResult, error) {
		_, err := n.gossipd.child().Request(ctx, &gossipdmsg.AddGossip{Message: p.Message}, new(gossipdmsg.AddGossipReply))
		var fail *ipc.Fail
		if errors.As(err, &fail) {
			return nil, command.BadParam("message", "%w", err)
		}
		return new(emptyResult), err
	})
}

// gossipedAddresses are those that a node has announced, none if we have not heard of it.
func (n *node) gossipedAddresses(ctx context.Context, id keys.PubKey) ([]string, error) {
	var reply gossipdmsg.FindNodeReply
	_, err := n.gossipd.child().Request(ctx, &gossipdmsg.FindNode{ID: id}, &reply)
	return reply.Addresses, err
}
