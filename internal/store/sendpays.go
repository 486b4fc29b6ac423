package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"fulmen/internal/keys"
	"fulmen/internal/payments"
)

const partColumns = `created_index, updated_index, payment_hash, groupid, partid, status, destination, amount_msat,
	sent_msat, total_msat, created_at, completed_at, label, bolt11, description, route, channel, htlc_id, preimage, failure, injected`

func scanPart(row scanner) (*payments.Part, error) {
	var p payments.Part
	var hash, destination, route, preimage, failure, injected []byte
	var created int64
	var completed, channel, htlc *int64
	var label, bolt11, description *string
	err := row.Scan(&p.CreatedIndex, &p.UpdatedIndex, &hash, &p.Group, &p.ID.Part, &p.Status, &destination, &p.Amount,
		&p.Sent, &p.Total, &created, &completed, &label, &bolt11, &description, &route, &channel, &htlc, &preimage, &failure, &injected)
	if err != nil {
		return nil, notFound(err)
	}
	p.CreatedAt = time.Unix(created, 0)
	p.Label, p.Bolt11, p.Description = text(label), text(bolt11), text(description)
	err = errors.Join(fill(p.PaymentHash[:], hash, "payment_hash"), fill(p.Destination[:], destination, "destination"))
	if completed != nil {
		p.CompletedAt = time.Unix(*completed, 0)
	}
	if channel != nil && htlc != nil {
		p.Channel, p.HTLC = uint64(*channel), uint64(*htlc)
	}
	if preimage != nil {
		p.Preimage = new([32]byte)
		err = errors.Join(err, fill(p.Preimage[:], preimage, "preimage"))
	}
	if injected != nil {
		p.Injected = new(keys.Secret)
		err = errors.Join(err, fill(p.Injected[:], injected, "injected"))
	}
	if failure != nil {
		p.Failure = new(payments.Failure)
		err = errors.Join(err, msgpack.Unmarshal(failure, p.Failure))
	}
	err = errors.Join(err, msgpack.Unmarshal(route, &p.Route))
	if err != nil {
		return nil, fmt.Errorf("payment part %d: %w", p.CreatedIndex, err)
	}
	return &p, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// orNull stores "" as NULL.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (d *DB) parts(where string, args ...any) ([]*payments.Part, error) {
	var list []*payments.Part
	err := d.query("SELECT "+partColumns+" FROM sendpays WHERE "+where, args, func(r scanner) error {
		p, err := scanPart(r)
		list = append(list, p)
		return err
	})
	return list, err
}

// PartsByHash lists the parts of all payments of a payment_hash, oldest first.
func (d *DB) PartsByHash(h payments.Hash) ([]*payments.Part, error) {
	return d.parts("payment_hash = ? ORDER BY created_index", h[:])
}

// Parts lists parts in the order of an index.
func (d *DB) Parts(p Page) ([]*payments.Part, error) {
	return d.parts(p.where()+p.order(), p.args()...)
}

// PendingParts lists the parts without an outcome, oldest first.
func (d *DB) PendingParts() ([]*payments.Part, error) {
	return d.parts("status = 'pending' ORDER BY created_index")
}

// CreatePart stores a new part and sets its CreatedIndex. A failed part of the same ID is replaced.
func (t *Tx) CreatePart(p *payments.Part) error {
	route, err := msgpack.Marshal(p.Route)
	if err != nil {
		return err
	}
	_, err = t.remove(SendPays, "DELETE FROM sendpays WHERE payment_hash = ? AND groupid = ? AND partid = ? AND status = 'failed'",
		p.PaymentHash[:], p.Group, p.ID.Part)
	if err != nil {
		return err
	}
	var injected any
	if p.Injected != nil {
		injected = p.Injected[:]
	}
	id, err := t.insert(`INSERT INTO sendpays (payment_hash, groupid, partid, status, destination, amount_msat, sent_msat,
		total_msat, created_at, label, bolt11, description, route, injected) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		p.PaymentHash[:], p.Group, p.ID.Part, p.Status, p.Destination[:], p.Amount, p.Sent,
		p.Total, p.CreatedAt.Unix(), orNull(p.Label), orNull(p.Bolt11), orNull(p.Description), route, injected)
	if err != nil {
		return fmt.Errorf("create payment part: %w", err)
	}
	p.CreatedIndex = uint64(id)
	return nil
}

// CommitPart stores which HTLC carries a part.
func (t *Tx) CommitPart(createdIndex, channel, htlc uint64) error {
	err := t.change("UPDATE sendpays SET channel = ?, htlc_id = ? WHERE created_index = ?", channel, htlc, createdIndex)
	if err != nil {
		return fmt.Errorf("commit payment part %d: %w", createdIndex, err)
	}
	return nil
}

// EndPart stores the outcome of a part: its Status, CompletedAt, and Preimage or Failure.
func (t *Tx) EndPart(p *payments.Part) error {
	var err error
	if p.UpdatedIndex, err = t.next("sendpay_updated_index"); err != nil {
		return err
	}
	var failure, preimage any
	if p.Failure != nil {
		if failure, err = msgpack.Marshal(p.Failure); err != nil {
			return err
		}
	}
	if p.Preimage != nil {
		preimage = p.Preimage[:]
	}
	err = t.change(`UPDATE sendpays SET status = ?, completed_at = ?, preimage = ?, failure = ?, updated_index = ?
		WHERE created_index = ?`, p.Status, p.CompletedAt.Unix(), preimage, failure, p.UpdatedIndex, p.CreatedIndex)
	if err != nil {
		return fmt.Errorf("end payment part %d: %w", p.CreatedIndex, err)
	}
	return nil
}

// DeletePart deletes a part.
func (t *Tx) DeletePart(createdIndex uint64) error {
	return t.removeSome(SendPays, "DELETE FROM sendpays WHERE created_index = ?", createdIndex)
}
