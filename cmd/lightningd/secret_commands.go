package main

import (
	"context"
	"encoding/base64"

	"fulmen/internal/command"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/rpc"
	"fulmen/internal/wallet"
)

type makeSecretParams struct {
	Hex    *[]byte `param:"hex" doc:"What the secret is for, as hex digits."`
	String *string `param:"string" doc:"What the secret is for, as a string."`
}

// Validate implements the check after parsing.
func (p *makeSecretParams) Validate() error {
	switch {
	case (p.Hex == nil) == (p.String == nil):
		return command.BadParam("hex", "one of hex and string must be given, and not both")
	case len(p.info()) > hsmdmsg.MaxInfo:
		return command.BadParam("hex", "has %d bytes, at most %d", len(p.info()), hsmdmsg.MaxInfo)
	}
	return nil
}

func (p *makeSecretParams) info() []byte {
	if p.Hex != nil {
		return *p.Hex
	}
	return []byte(*p.String)
}

type makeSecretResult struct {
	Secret command.Hex `json:"secret" doc:"32 bytes."`
}

func (n *node) makeSecretCommand() *command.Command {
	return command.New(command.Doc{
		Name: "makesecret", Category: command.Utility,
		Short: "Derive a secret from hsm_secret.",
		Long: "The same parameter gives the same secret, on this node and on one with the same hsm_secret. Nothing about hsm_secret or any key can be " +
			"told from it. Whoever may call this can also derive the secret that runes are made with.",
	}, func(ctx context.Context, p *makeSecretParams) (*makeSecretResult, error) {
		var reply hsmdmsg.DeriveSecretReply
		if err := n.hsm.request(ctx, &hsmdmsg.DeriveSecret{Info: p.info()}, &reply); err != nil {
			return nil, err
		}
		return &makeSecretResult{reply.Secret[:]}, nil
	})
}

type signMessageWithKeyParams struct {
	Message string `param:"message" doc:"What to sign, less than 65536 bytes."`
	Address string `param:"address" doc:"A segwit version 0 address of the wallet, from newaddr."`
}

type signMessageWithKeyResult struct {
	Address   string      `json:"address" doc:"The parameter."`
	PubKey    string      `json:"pubkey" doc:"The address's key."`
	Signature command.Hex `json:"signature" doc:"65 bytes as BIP 137 has them."`
	Base64    string      `json:"base64" doc:"The same as it is usually shown."`
}

func (n *node) signMessageWithKeyCommand() *command.Command {
	return command.New(command.Doc{
		Name: "signmessagewithkey", Category: command.Utility,
		Short:   "Sign a message with the key of an address.",
		Long:    "As BIP 137 has it: it proves that this node has the key of the address.",
		Errors:  []command.Failure{{Code: rpc.CodeFailed, When: "The address is not one of the wallet's."}},
		SeeAlso: []string{"signmessage", "newaddr"},
	}, n.signMessageWithKey)
}

// firstP2WPKHHeader is what BIP 137 adds to the recovery id of a signature for a segwit address.
const firstP2WPKHHeader = 39

func (n *node) signMessageWithKey(ctx context.Context, p *signMessageWithKeyParams) (*signMessageWithKeyResult, error) {
	if len(p.Message) > hsmdmsg.MaxMessage {
		return nil, command.BadParam("message", "has %d bytes, at most %d", len(p.Message), hsmdmsg.MaxMessage)
	}
	script, err := n.decodeAddress("address", p.Address)
	if err != nil {
		return nil, err
	}
	var key wallet.KeyPath
	var ours bool
	if err := n.onLoop(func() error { key, ours = n.wallet.Owns(script); return nil }); err != nil {
		return nil, err
	}
	switch {
	case !ours:
		return nil, rpc.Errorf(rpc.CodeFailed, "address: %s is not one of this wallet", p.Address)
	case key.Kind != wallet.P2WPKH:
		return nil, command.BadParam("address", "only segwit version 0 addresses have signatures of messages")
	}
	var reply hsmdmsg.SignWalletMessageReply
	if err := n.hsm.request(ctx, &hsmdmsg.SignWalletMessage{Message: []byte(p.Message), Change: key.Change, KeyIndex: key.Index}, &reply); err != nil {
		return nil, err
	}
	sig := append([]byte{firstP2WPKHHeader + reply.Signature[64]}, reply.Signature[:64]...)
	return &signMessageWithKeyResult{p.Address, reply.PubKey.String(), sig, base64.StdEncoding.EncodeToString(sig)}, nil
}
