package main

import (
	"fulmen/internal/invoices"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
)

// paySelf pays an invoice of our own: nothing has to be sent, the invoice is paid and the payment complete in one
// unit of work. It waits for the disk within the loop, so that no HTLC can arrive for the invoice meanwhile.
func (n *node) paySelf(o *payOrder) (*payResult, error) {
	if o.ours != o.total {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "partial_msat: Self-payment in part is not supported")
	}
	var result *payResult
	err := n.onLoop(func() error {
		parts, err := n.partsOf(o.inv.PaymentHash)
		if err != nil {
			return err
		}
		if result, err = o.paidBefore(parts); result != nil || err != nil {
			return err
		}
		inv, err := n.payable(o)
		if err != nil {
			return err
		}
		part := o.newPart(nextGroup(parts), 1, o.total, n.now())
		part.Sent = o.total
		take := invoices.Take{Invoice: inv, Received: o.total}
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
		n.tellPaid(inv, take.Received)
		n.tellPart(part)
		result = showPaid([]*payments.Part{part})
		return nil
	})
	return result, err
}

// payable finds our own invoice, if it can be paid now.
func (n *node) payable(o *payOrder) (*invoices.Invoice, error) {
	inv, err := n.db.InvoiceByHash(o.inv.PaymentHash)
	if err != nil {
		return nil, err
	}
	switch {
	case inv == nil || inv.PaymentSecret != o.inv.PaymentSecret:
		return nil, rpc.Errorf(rpc.CodePayDestinationFail, "Self-payment: this node has no such invoice")
	case inv.StatusAt(n.now()) == invoices.Expired:
		return nil, expiredError(o.inv, n.now())
	case inv.Status != invoices.Unpaid || n.invoices.Holds(inv.PaymentHash):
		return nil, rpc.Errorf(rpc.CodePayDestinationFail, "Self-payment: the invoice is paid already, or being paid")
	case inv.Amount != 0 && inv.Amount != o.total:
		return nil, rpc.Errorf(rpc.CodePayDestinationFail, "Self-payment: the invoice asks for %s", inv.Amount)
	}
	return inv, nil
}
