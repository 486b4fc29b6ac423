package store

import (
	"errors"
	"fmt"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/invoices"
)

const invoiceColumns = `created_index, updated_index, label, bolt11, description, payment_hash, preimage,
	payment_secret, amount_msat, min_final_cltv, expires_at, status, pay_index, received_msat, paid_at`

func scanInvoice(row scanner) (*invoices.Invoice, error) {
	var i invoices.Invoice
	var hash, preimage, secret []byte
	var expires int64
	var payIndex, received, paidAt *int64
	err := row.Scan(&i.CreatedIndex, &i.UpdatedIndex, &i.Label, &i.Bolt11, &i.Description, &hash, &preimage,
		&secret, &i.Amount, &i.MinFinalCLTV, &expires, &i.Status, &payIndex, &received, &paidAt)
	if err != nil {
		return nil, notFound(err)
	}
	if err := errors.Join(fill(i.PaymentHash[:], hash, "payment_hash"), fill(i.Preimage[:], preimage, "preimage"),
		fill(i.PaymentSecret[:], secret, "payment_secret")); err != nil {
		return nil, fmt.Errorf("invoice %d: %w", i.CreatedIndex, err)
	}
	i.ExpiresAt = time.Unix(expires, 0)
	if payIndex != nil && received != nil && paidAt != nil {
		i.PayIndex, i.Received, i.PaidAt = uint64(*payIndex), amount.Msat(*received), time.Unix(*paidAt, 0)
	}
	return &i, nil
}

// fill copies a column into an array of exactly its size.
func fill(dst, column []byte, name string) error {
	if len(column) != len(dst) {
		return fmt.Errorf("column %s has %d bytes, want %d", name, len(column), len(dst))
	}
	copy(dst, column)
	return nil
}

func (d *DB) invoice(where string, args ...any) (*invoices.Invoice, error) {
	s, err := d.stmt("SELECT " + invoiceColumns + " FROM invoices WHERE " + where)
	if err != nil {
		return nil, err
	}
	i, err := scanInvoice(s.QueryRow(args...))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return i, err
}

// InvoiceByHash returns the invoice with a payment_hash; nil where there is none.
func (d *DB) InvoiceByHash(h invoices.Hash) (*invoices.Invoice, error) {
	return d.invoice("payment_hash = ?", h[:])
}

// InvoiceByLabel returns the invoice with a label; nil where there is none.
func (d *DB) InvoiceByLabel(label string) (*invoices.Invoice, error) {
	return d.invoice("label = ?", label)
}

// NextPaidInvoice returns the first invoice with a pay_index above after; nil where there is none.
func (d *DB) NextPaidInvoice(after uint64) (*invoices.Invoice, error) {
	return d.invoice("pay_index > ? ORDER BY pay_index LIMIT 1", after)
}

// Invoices lists invoices in the order of an index.
func (d *DB) Invoices(p Page) ([]*invoices.Invoice, error) {
	var list []*invoices.Invoice
	err := d.query("SELECT "+invoiceColumns+" FROM invoices WHERE "+p.where()+p.order(), p.args(), func(r scanner) error {
		i, err := scanInvoice(r)
		list = append(list, i)
		return err
	})
	return list, err
}

// CreateInvoice stores a new invoice and sets its CreatedIndex.
func (t *Tx) CreateInvoice(i *invoices.Invoice) error {
	id, err := t.insert(`INSERT INTO invoices (label, bolt11, description, payment_hash, preimage, payment_secret,
		amount_msat, min_final_cltv, expires_at, status) VALUES (?,?,?,?,?,?,?,?,?,?)`,
		i.Label, i.Bolt11, i.Description, i.PaymentHash[:], i.Preimage[:], i.PaymentSecret[:],
		i.Amount, i.MinFinalCLTV, i.ExpiresAt.Unix(), i.Status)
	if err != nil {
		return fmt.Errorf("create invoice: %w", err)
	}
	i.CreatedIndex = uint64(id)
	return nil
}

// PayInvoice makes an invoice paid, gives it the next pay_index, and stores that its parts were taken. An
// invoice that is not stored yet is created. One that expired since its first part came is paid all the same.
func (t *Tx) PayInvoice(take invoices.Take, at time.Time) error {
	i := take.Invoice
	var err error
	if i.CreatedIndex == 0 {
		if err := t.CreateInvoice(i); err != nil {
			return err
		}
	}
	if i.PayIndex, err = t.next("invoice_pay_index"); err != nil {
		return err
	}
	if i.UpdatedIndex, err = t.next("invoice_updated_index"); err != nil {
		return err
	}
	i.Status, i.Received, i.PaidAt = invoices.Paid, take.Received, at
	err = t.change(`UPDATE invoices SET status = 'paid', pay_index = ?, received_msat = ?, paid_at = ?,
		updated_index = ? WHERE created_index = ? AND status <> 'paid'`,
		i.PayIndex, i.Received, at.Unix(), i.UpdatedIndex, i.CreatedIndex)
	if err != nil {
		return fmt.Errorf("pay invoice %d: %w", i.CreatedIndex, err)
	}
	for _, p := range take.Parts {
		err := t.exec("INSERT INTO htlcs_taken (channel, htlc_id, invoice, amount_msat, preimage) VALUES (?,?,?,?,?)",
			p.Channel, p.HTLC, i.CreatedIndex, p.Amount, i.Preimage[:])
		if err != nil {
			return fmt.Errorf("take HTLC %d of channel %d: %w", p.HTLC, p.Channel, err)
		}
	}
	return nil
}

// TakeHTLC stores that a plugin gave the preimage of an incoming HTLC, for no invoice of ours. To store it
// again changes nothing.
func (t *Tx) TakeHTLC(k invoices.Key, sum amount.Msat, preimage [32]byte) error {
	return t.exec("INSERT INTO htlcs_taken (channel, htlc_id, invoice, amount_msat, preimage) VALUES (?,?,0,?,?) ON CONFLICT DO NOTHING",
		k.Channel, k.HTLC, sum, preimage[:])
}

// ResolvedBelow is above all ids of a channel's HTLCs that TakeHTLC was called for.
func (d *DB) ResolvedBelow(channel uint64) (next uint64, err error) {
	err = d.queryRow("SELECT coalesce(max(htlc_id) + 1, 0) FROM htlcs_taken WHERE channel = ? AND invoice = 0", []any{channel}, &next)
	return next, err
}

// HTLCTaken returns the preimage with which an incoming HTLC was taken; ErrNotFound where it was not.
func (d *DB) HTLCTaken(k invoices.Key) (preimage [32]byte, err error) {
	var b []byte
	if err := d.queryRow("SELECT preimage FROM htlcs_taken WHERE channel = ? AND htlc_id = ?", []any{k.Channel, k.HTLC}, &b); err != nil {
		return preimage, err
	}
	return preimage, fill(preimage[:], b, "preimage")
}

// ExpireInvoices marks the unpaid invoices whose time is over as expired, and returns how many.
func (t *Tx) ExpireInvoices(now time.Time) (int, error) {
	n := 0
	for {
		var id int64
		err := t.queryRow("SELECT created_index FROM invoices WHERE status = 'unpaid' AND expires_at < ? LIMIT 1", []any{now.Unix()}, &id)
		if errors.Is(err, ErrNotFound) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		index, err := t.next("invoice_updated_index")
		if err != nil {
			return n, err
		}
		if err := t.change("UPDATE invoices SET status = 'expired', updated_index = ? WHERE created_index = ?", index, id); err != nil {
			return n, err
		}
		n++
	}
}

// NextExpiry is when the next unpaid invoice expires; ErrNotFound where none will.
func (d *DB) NextExpiry() (time.Time, error) {
	var at int64
	err := d.queryRow("SELECT expires_at FROM invoices WHERE status = 'unpaid' ORDER BY expires_at LIMIT 1", nil, &at)
	return time.Unix(at, 0), err
}

// DeleteInvoice deletes an invoice.
func (t *Tx) DeleteInvoice(createdIndex uint64) error {
	return t.removeSome(Invoices, "DELETE FROM invoices WHERE created_index = ?", createdIndex)
}

// ClearInvoiceDescription removes the description of an invoice, and returns its new UpdatedIndex.
func (t *Tx) ClearInvoiceDescription(createdIndex uint64) (uint64, error) {
	index, err := t.next("invoice_updated_index")
	if err != nil {
		return 0, err
	}
	return index, t.change("UPDATE invoices SET description = '', updated_index = ? WHERE created_index = ?", index, createdIndex)
}
