package main

import (
	"context"
	"crypto/sha256"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/invoices"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
)

type listInvoicesParams struct {
	Label       *command.Label `param:"label" doc:"Only the invoice with this label."`
	Invstring   *string        `param:"invstring" doc:"Only this invoice, by its string."`
	PaymentHash *[32]byte      `param:"payment_hash" doc:"Only the invoice with this hash."`
	OfferID     *string        `param:"offer_id" doc:"Only invoices of this offer; there are none yet."`
	Index       string         `param:"index" enum:"created,updated" default:"created" doc:"Which index orders the list."`
	Start       uint64         `param:"start" default:"0" doc:"The first index to list."`
	Limit       uint32         `param:"limit" default:"0" doc:"How many to list at most; 0 is no limit."`
}

// Validate implements the check after parsing.
func (p *listInvoicesParams) Validate() error {
	given := 0
	for _, is := range []bool{p.Label != nil, p.Invstring != nil, p.PaymentHash != nil, p.OfferID != nil} {
		if is {
			given++
		}
	}
	if given > 1 {
		return command.BadParam("label", "only one of label, invstring, payment_hash and offer_id may be given")
	}
	return nil
}

type listInvoicesResult struct {
	Invoices []*invoiceResult `json:"invoices" doc:"The invoices."`
}

func (n *node) listInvoicesCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listinvoices", Category: command.Payment,
		Short:   "List invoices, or find one.",
		Long:    "Without parameters it lists all. A long list is read in pages: index, start and limit.",
		SeeAlso: []string{"invoice", "waitinvoice", "delinvoice"},
	}, n.listInvoices)
}

func (n *node) listInvoices(_ context.Context, p *listInvoicesParams) (*listInvoicesResult, error) {
	var list []*invoices.Invoice
	var one *invoices.Invoice
	var err error
	switch {
	case p.Label != nil:
		one, err = n.db.InvoiceByLabel(string(*p.Label))
	case p.PaymentHash != nil:
		one, err = n.db.InvoiceByHash(*p.PaymentHash)
	case p.Invstring != nil:
		inv, decodeErr := invoice.Decode(*p.Invstring)
		if decodeErr != nil {
			return nil, command.BadParam("invstring", "%w", decodeErr)
		}
		one, err = n.db.InvoiceByHash(inv.PaymentHash)
	case p.OfferID != nil:
	default:
		list, err = n.db.Invoices(store.Page{Updated: p.Index == "updated", Start: p.Start, Limit: p.Limit})
	}
	if err != nil {
		return nil, err
	}
	if one != nil {
		list = append(list, one)
	}
	r := &listInvoicesResult{Invoices: make([]*invoiceResult, len(list))}
	for i := range list {
		r.Invoices[i] = n.showInvoice(list[i])
	}
	return r, nil
}

type delInvoiceParams struct {
	Label    command.Label `param:"label" doc:"The invoice's label."`
	Status   string        `param:"status" enum:"paid,expired,unpaid" doc:"What its status must be."`
	DescOnly bool          `param:"desconly" default:"false" doc:"Remove its description alone."`
}

type wrongStatus struct {
	Current  string `json:"current_status"`
	Expected string `json:"expected_status"`
}

func (n *node) delInvoiceCommand() *command.Command {
	return command.New(command.Doc{
		Name: "delinvoice", Category: command.Payment,
		Short: "Delete an invoice, or its description.",
		Long:  "The status must be given, so that an invoice that is paid at the same moment is not lost by accident.",
		Errors: []command.Failure{
			{Code: rpc.CodeInvoiceNotFound, When: "No invoice has that label."},
			{Code: rpc.CodeInvoiceStatusUnexpected, When: "Its status is another; data has current_status and expected_status."},
			{Code: rpc.CodeInvoiceNoDescription, When: "It has no description to remove."},
		},
		SeeAlso: []string{"listinvoices"},
	}, n.delInvoice)
}

func (n *node) delInvoice(_ context.Context, p *delInvoiceParams) (*invoiceResult, error) {
	var result *invoiceResult
	err := n.onLoop(func() error {
		inv, err := n.db.InvoiceByLabel(string(p.Label))
		if err != nil {
			return err
		}
		if inv == nil {
			return rpc.Errorf(rpc.CodeInvoiceNotFound, "label: no invoice has label %q", p.Label)
		}
		if now := string(inv.StatusAt(n.now())); now != p.Status || n.invoices.Holds(inv.PaymentHash) {
			e := rpc.Errorf(rpc.CodeInvoiceStatusUnexpected, "status: the invoice is %s", now)
			e.Data = wrongStatus{now, p.Status}
			return e
		}
		if p.DescOnly && inv.Description == "" {
			return rpc.Errorf(rpc.CodeInvoiceNoDescription, "desconly: the invoice has no description")
		}
		result = n.showInvoice(inv)
		return n.removeInvoice(inv, p.DescOnly, result)
	})
	return result, err
}

// removeInvoice waits for the disk within the loop: so no HTLC can arrive for the invoice meanwhile.
func (n *node) removeInvoice(inv *invoices.Invoice, descOnly bool, result *invoiceResult) error {
	if descOnly {
		result.Description = nil
		return n.db.Update(func(tx *storeTx) (err error) {
			result.UpdatedIndex, err = tx.ClearInvoiceDescription(inv.CreatedIndex)
			return err
		})
	}
	if err := n.db.Update(func(tx *storeTx) error { return tx.DeleteInvoice(inv.CreatedIndex) }); err != nil {
		return err
	}
	n.invoiceWaiters.tell(inv.Label, nil)
	return nil
}

type createInvoiceParams struct {
	Invstring string        `param:"invstring" doc:"The invoice; its signature is made anew."`
	Label     command.Label `param:"label" doc:"A name for it, unique, never shown to others."`
	Preimage  [32]byte      `param:"preimage" doc:"What its payment_hash is the SHA256 of."`
}

type createInvoiceResult struct {
	Label           string       `json:"label" doc:"Its label."`
	Bolt11          string       `json:"bolt11,omitempty" doc:"The invoice with our signature; none was made for a keysend."`
	PaymentHash     command.Hex  `json:"payment_hash" doc:"SHA256 of the preimage."`
	AmountMsat      *amount.Msat `json:"amount_msat,omitempty" doc:"What it asks for; absent for any amount."`
	Status          string       `json:"status" doc:"unpaid, or expired."`
	Description     string       `json:"description" doc:"What it is for."`
	ExpiresAt       int64        `json:"expires_at" doc:"When it can no longer be paid, unix seconds."`
	CreatedIndex    uint64       `json:"created_index" doc:"Counts invoices in the order of creation."`
	PaymentPreimage command.Hex  `json:"payment_preimage,omitempty" doc:"The preimage, once it is paid."`
}

func (n *node) createInvoiceCommand() *command.Command {
	return command.New(command.Doc{
		Name: "createinvoice", Category: command.Payment,
		Short: "Sign and store an invoice that somebody composed.",
		Long:  "Use invoice unless its fields do not suffice. The signature in invstring is ignored.",
		Errors: []command.Failure{
			{Code: rpc.CodeInvoiceLabelExists, When: "An invoice has that label."},
			{Code: rpc.CodeInvoicePreimageExists, When: "An invoice has that preimage."},
		},
		SeeAlso: []string{"invoice", "signinvoice"},
	}, n.createInvoice)
}

func (n *node) createInvoice(ctx context.Context, p *createInvoiceParams) (*createInvoiceResult, error) {
	inv, err := n.composed(p.Invstring)
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(p.Preimage[:]) != inv.PaymentHash {
		return nil, command.BadParam("preimage", "its SHA256 is not the payment_hash of invstring")
	}
	description := ""
	if inv.Description != nil {
		description = *inv.Description
	}
	stored, err := n.signAndStore(ctx, inv, string(p.Label), description, p.Preimage)
	if err != nil {
		return nil, err
	}
	shown := n.showInvoice(stored)
	return &createInvoiceResult{
		Label: shown.Label, Bolt11: shown.Bolt11, PaymentHash: shown.PaymentHash, AmountMsat: shown.Amount, Status: shown.Status,
		Description: description, ExpiresAt: shown.ExpiresAt, CreatedIndex: shown.CreatedIndex,
	}, nil
}
