package main

import (
	"fmt"

	"fulmen/internal/invoices"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
)

// paySelf pays an invoice of our own, for a sendpay without a route: nothing has to be sent, the invoice is paid
// and the part complete in one unit of work. It waits for the disk within the loop, so that no HTLC can arrive
// for the invoice meanwhile.
func (n *node) paySelf(part *payments.Part, secret *[32]byte) (*payments.Part, error) {
	err := n.onLoop(func() error {
		existing, err := n.partsOf(part.PaymentHash)
		if err != nil {
			return err
		}
		same, err := payments.Check(existing, part)
		if same != nil || err != nil {
			part = same
			return sendError(err)
		}
		inv, err := n.payable(part, secret)
		if err != nil {
			return err
		}
		take := invoices.Take{Invoice: inv, Received: part.Total}
		if err := n.db.Update(func(tx *storeTx) error {
			if err := tx.PayInvoice(take, n.now()); err != nil {
				return err
			}
			if err := tx.CreatePart(part); err != nil {
				return err
			}
			part.Status, part.CompletedAt, part.Preimage = payments.Complete, n.now(), &inv.Preimage
			return tx.EndPart(part)
		}); err != nil {
			return err
		}
		n.tellPaid(inv, inv.Received)
		n.tellPart(part)
		return nil
	})
	return part, err
}

// payable finds our own invoice, if it can be paid now.
func (n *node) payable(part *payments.Part, secret *[32]byte) (*invoices.Invoice, error) {
	inv, err := n.db.InvoiceByHash(invoices.Hash(part.PaymentHash))
	if err != nil {
		return nil, err
	}
	refuse := func(format string, args ...any) error {
		return rpc.Errorf(rpc.CodePayDestinationFail, "Self-payment: %w", fmt.Errorf(format, args...))
	}
	switch {
	case inv == nil || secret == nil || inv.PaymentSecret != *secret:
		return nil, refuse("this node has no such invoice")
	case inv.StatusAt(n.now()) == invoices.Expired:
		return nil, rpc.Errorf(rpc.CodePayInvoiceExpired, "Self-payment: the invoice expired at %s", inv.ExpiresAt.UTC())
	case inv.Status != invoices.Unpaid || n.invoices.Holds(inv.PaymentHash):
		return nil, refuse("the invoice is paid already, or being paid")
	case inv.Amount != 0 && inv.Amount != part.Total:
		return nil, refuse("the invoice asks for %s", inv.Amount)
	}
	return inv, nil
}
