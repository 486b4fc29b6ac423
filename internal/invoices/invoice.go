// Package invoices decides about HTLCs that end at this node: it finds the invoice, checks what
// BOLT 4 asks of a final node, gathers the parts of a multi-part payment, and says whether to
// take or to fail them. It is pure: storage is read through an interface, time and height come in
// with each call, and what must be done goes out as actions.
package invoices

import (
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// Status is an invoice's state, by its name in the RPC.
type Status string

// The states of an invoice.
const (
	Unpaid  Status = "unpaid"
	Paid    Status = "paid"
	Expired Status = "expired"
)

// Hash is a payment_hash, 32 bytes.
type Hash [32]byte

// Invoice is what this node has asked to be paid.
type Invoice struct {
	CreatedIndex  uint64 // counts invoices from 1
	UpdatedIndex  uint64 // counts changes of invoices from 1; 0 when never changed
	Label         string // unique, chosen by the caller
	Bolt11        string
	Description   string
	PaymentHash   Hash
	Preimage      [32]byte
	PaymentSecret [32]byte
	Amount        amount.Msat // 0: any amount
	MinFinalCLTV  block.Delta // BOLT 11, `min_final_cltv_expiry_delta`
	ExpiresAt     time.Time
	Status        Status

	// Set when the invoice is paid.
	PayIndex uint64 // counts paid invoices from 1
	Received amount.Msat
	PaidAt   time.Time
}

// StatusAt is the state at a time: an unpaid invoice expires by itself.
func (i *Invoice) StatusAt(now time.Time) Status {
	if i.Status == Unpaid && now.After(i.ExpiresAt) {
		return Expired
	}
	return i.Status
}
