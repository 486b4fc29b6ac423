package store

import (
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
)

// RevokedCommitment is a commitment that a peer may not publish any more, and the output of it that pays the peer.
type RevokedCommitment struct {
	ID      uint64 // counts them, in the order in which they were revoked
	Channel uint64
	Number  keys.CommitmentNumber
	Secret  keys.Secret // the peer's per_commitment_secret
	Txid    [32]byte    // internal byte order
	Output  uint16
	Amount  amount.Sat
}

// AddRevoked stores commitments that somebody is to be told of.
func (t *Tx) AddRevoked(list []RevokedCommitment) error {
	for i := range list {
		r := &list[i]
		err := t.exec("INSERT INTO revoked_commitments (channel, number, secret, txid, output, amount_sat) VALUES (?,?,?,?,?,?)",
			r.Channel, int64(r.Number), r.Secret[:], r.Txid[:], r.Output, r.Amount)
		if err != nil {
			return fmt.Errorf("store revoked commitment %d of channel %d: %w", r.Number, r.Channel, err)
		}
	}
	return nil
}

// RevokedCommitments reads the first of those that are stored after an ID, at most so many.
func (d *DB) RevokedCommitments(after uint64, most int) ([]RevokedCommitment, error) {
	var list []RevokedCommitment
	err := d.query("SELECT id, channel, number, secret, txid, output, amount_sat FROM revoked_commitments WHERE id > ? ORDER BY id LIMIT ?", []any{after, most},
		func(row scanner) error {
			var r RevokedCommitment
			var secret, txid []byte
			if err := row.Scan(&r.ID, &r.Channel, &r.Number, &secret, &txid, &r.Output, &r.Amount); err != nil {
				return err
			}
			err := errors.Join(fill(r.Secret[:], secret, "secret"), fill(r.Txid[:], txid, "txid"))
			list = append(list, r)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("load revoked commitments: %w", err)
	}
	return list, nil
}

// ForgetRevoked removes those with these IDs, which were told.
func (t *Tx) ForgetRevoked(ids []uint64) error {
	for _, id := range ids {
		if err := t.exec("DELETE FROM revoked_commitments WHERE id = ?", id); err != nil {
			return err
		}
	}
	return nil
}
