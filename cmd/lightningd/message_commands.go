package main

import (
	"context"
	"errors"

	"fulmen/internal/command"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/recoverable"
	"fulmen/internal/rpc"
	"fulmen/internal/signedmsg"
)

type signMessageParams struct {
	Message string `param:"message" doc:"What to sign, less than 65536 bytes."`
}

type signMessageResult struct {
	Signature command.Hex `json:"signature" doc:"The signature."`
	RecID     command.Hex `json:"recid" doc:"Its recovery id."`
	ZBase     string      `json:"zbase" doc:"Both in one, as checkmessage takes it."`
}

func (n *node) signMessageCommand() *command.Command {
	return command.New(command.Doc{
		Name: "signmessage", Category: command.Utility,
		Short:   "Sign a message with this node's key.",
		Long:    "What is signed begins with \"Lightning Signed Message:\", so it cannot be anything else.",
		SeeAlso: []string{"checkmessage"},
	}, func(ctx context.Context, p *signMessageParams) (*signMessageResult, error) {
		if len(p.Message) > hsmdmsg.MaxMessage {
			return nil, command.BadParam("message", "has %d bytes, at most %d", len(p.Message), hsmdmsg.MaxMessage)
		}
		var reply hsmdmsg.SignMessageReply
		if err := n.hsm.request(ctx, &hsmdmsg.SignMessage{Message: []byte(p.Message)}, &reply); err != nil {
			return nil, err
		}
		return &signMessageResult{
			Signature: reply.Signature[:64], RecID: reply.Signature[64:], ZBase: signedmsg.Encode(recoverable.Signature(reply.Signature)),
		}, nil
	})
}

type checkMessageParams struct {
	Message string       `param:"message" doc:"What was signed."`
	ZBase   string       `param:"zbase" doc:"The signature, from signmessage."`
	PubKey  *keys.PubKey `param:"pubkey" doc:"Who should have signed it."`
}

type checkMessageResult struct {
	Verified bool   `json:"verified" doc:"Always true: a wrong signature is an error."`
	PubKey   string `json:"pubkey" doc:"Who signed it."`
}

func (n *node) checkMessageCommand() *command.Command {
	return command.New(command.Doc{
		Name: "checkmessage", Category: command.Utility,
		Short: "Check who signed a message.",
		Long:  "Without pubkey the signer must be a node that we know of: otherwise anybody could have made the signature.",
		Errors: []command.Failure{
			{Code: rpc.CodeCheckMessageUnknownKey, When: "The signer is no node that we know of, and no pubkey was given."},
		},
		SeeAlso: []string{"signmessage"},
	}, n.checkMessage)
}

func (n *node) checkMessage(_ context.Context, p *checkMessageParams) (*checkMessageResult, error) {
	signer, err := signedmsg.Recover([]byte(p.Message), p.ZBase)
	if err != nil {
		return nil, command.BadParam("zbase", "%w", err)
	}
	if p.PubKey != nil {
		if signer != *p.PubKey {
			return nil, command.BadParam("zbase", "%w", errors.New("the signature is not by pubkey"))
		}
		return &checkMessageResult{true, signer.String()}, nil
	}
	known := signer == n.id
	if err := n.onLoop(func() error {
		known = known || n.peers[signer] != nil
		return nil
	}); err != nil {
		return nil, err
	}
	if !known {
		return nil, rpc.Errorf(rpc.CodeCheckMessageUnknownKey, "pubkey: not given, and the signer %s is no node that is known", signer).
			WithData(struct {
				Claimed string `json:"claimed_key"`
			}{signer.String()})
	}
	return &checkMessageResult{true, signer.String()}, nil
}
