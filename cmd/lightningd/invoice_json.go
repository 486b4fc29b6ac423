package main

import (
	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/invoices"
)

// invoiceResult is an invoice as the RPC shows it.
type invoiceResult struct {
	Label              string       `json:"label" doc:"The name given to it."`
	Bolt11             string       `json:"bolt11,omitempty" doc:"The invoice as its payer gets it."`
	PaymentHash        command.Hex  `json:"payment_hash" doc:"SHA256 of the preimage."`
	Amount             *amount.Msat `json:"amount_msat,omitempty" doc:"What it asks for; absent for any amount."`
	Status             string       `json:"status" doc:"unpaid, paid or expired."`
	PayIndex           uint64       `json:"pay_index,omitempty" doc:"Counts paid invoices."`
	AmountReceivedMsat *amount.Msat `json:"amount_received_msat,omitempty" doc:"What was paid."`
	PaidAt             int64        `json:"paid_at,omitempty" doc:"When it was paid, unix seconds."`
	PaymentPreimage    command.Hex  `json:"payment_preimage,omitempty" doc:"The proof of payment."`
	Description        *string      `json:"description,omitempty" doc:"What it is for."`
	ExpiresAt          int64        `json:"expires_at" doc:"When it can no longer be paid, unix seconds."`
	CreatedIndex       uint64       `json:"created_index" doc:"Counts invoices in the order of creation."`
	UpdatedIndex       uint64       `json:"updated_index,omitempty" doc:"Counts changes of invoices."`
}

// showInvoice makes the result for an invoice as it is now.
func (n *node) showInvoice(i *invoices.Invoice) *invoiceResult {
	r := &invoiceResult{
		Label: i.Label, Bolt11: i.Bolt11, PaymentHash: i.PaymentHash[:], Status: string(i.StatusAt(n.now())),
		ExpiresAt: i.ExpiresAt.Unix(), CreatedIndex: i.CreatedIndex, UpdatedIndex: i.UpdatedIndex,
	}
	if i.Description != "" {
		r.Description = &i.Description
	}
	if i.Amount != 0 {
		r.Amount = &i.Amount
	}
	if i.Status == invoices.Paid {
		r.PayIndex, r.AmountReceivedMsat, r.PaidAt = i.PayIndex, &i.Received, i.PaidAt.Unix()
		r.PaymentPreimage = i.Preimage[:]
	}
	return r
}
