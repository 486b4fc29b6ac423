package main

import (
	"context"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
)

// signedText has hsmd sign an invoice, and returns it as people hand it on.
func (n *node) signedText(ctx context.Context, inv *invoice.Invoice) (string, error) {
	text, err := inv.Encode(func(hrp string, data []byte) ([65]byte, error) {
		var reply hsmdmsg.SignInvoiceReply
		err := n.hsm.request(ctx, &hsmdmsg.SignInvoice{HRP: hrp, Data: data}, &reply)
		return reply.Signature, err
	})
	if err != nil {
		return "", fmt.Errorf("sign invoice: %w", err)
	}
	return text, nil
}

// composed reads an invoice that somebody composed for this node to sign.
func (n *node) composed(text string) (*invoice.Invoice, error) {
	inv, err := invoice.DecodeUnsigned(text)
	if err != nil {
		return nil, command.BadParam("invstring", "%w", err)
	}
	if inv.Network != n.network.Invoice {
		return nil, command.BadParam("invstring", "is for another network, this node is on %s", n.network.Name)
	}
	return inv, nil
}

type signInvoiceParams struct {
	Invstring string `param:"invstring" doc:"The BOLT 11 invoice; its signature is ignored."`
}

type signInvoiceResult struct {
	Bolt11 string `json:"bolt11" doc:"The invoice with our signature."`
}

func (n *node) signInvoiceCommand() *command.Command {
	return command.New(command.Doc{
		Name: "signinvoice", Category: command.Payment,
		Short:   "Sign an invoice without storing it.",
		Long:    "What pays it is refused, unless a plugin takes it: createinvoice is for invoices that this node knows the preimage of.",
		SeeAlso: []string{"createinvoice", "invoice"},
	}, func(ctx context.Context, p *signInvoiceParams) (*signInvoiceResult, error) {
		inv, err := n.composed(p.Invstring)
		if err != nil {
			return nil, err
		}
		text, err := n.signedText(ctx, inv)
		return &signInvoiceResult{text}, err
	})
}

type preapproveInvoiceParams struct {
	Bolt11 string `param:"bolt11" doc:"The invoice."`
}

// preapproveInvoiceCommand is for clients that ask a signer before they pay. Ours has no say in payments, and
// approves of all that can be read.
func (n *node) preapproveInvoiceCommand() *command.Command {
	return command.New(command.Doc{
		Name: "preapproveinvoice", Category: command.Payment,
		Short:   "Ask the signer whether an invoice may be paid.",
		Long:    "It approves of every invoice of this network.",
		SeeAlso: []string{"preapprovekeysend", "pay"},
	}, func(_ context.Context, p *preapproveInvoiceParams) (*emptyResult, error) {
		inv, err := invoice.Decode(p.Bolt11)
		if err == nil {
			err = inv.CheckNetwork(n.network.Invoice)
		}
		if err != nil {
			return nil, command.BadParam("bolt11", "%w", err)
		}
		return new(emptyResult), nil
	})
}

type preapproveKeysendParams struct {
	Destination keys.PubKey `param:"destination" doc:"Whom the payment is for."`
	PaymentHash [32]byte    `param:"payment_hash" doc:"Its payment_hash."`
	Amount      amount.Msat `param:"amount_msat" doc:"How much it is."`
}

func preapproveKeysendCommand() *command.Command {
	return command.New(command.Doc{
		Name: "preapprovekeysend", Category: command.Payment,
		Short:   "Ask the signer whether a payment without invoice may be made.",
		Long:    "It approves of every payment.",
		SeeAlso: []string{"preapproveinvoice", "keysend"},
	}, func(context.Context, *preapproveKeysendParams) (*emptyResult, error) { return new(emptyResult), nil })
}
