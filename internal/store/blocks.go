package store

import (
	"errors"
	"fmt"
	"slices"

	"fulmen/internal/block"
	"fulmen/internal/chain"
)

// RecentBlocks lists the newest blocks that were processed, at most n of them, lowest first.
func (d *DB) RecentBlocks(n int) ([]chain.BlockID, error) {
	var list []chain.BlockID
	err := d.query("SELECT height, hash FROM blocks ORDER BY height DESC LIMIT ?", []any{n}, func(r scanner) error {
		var id chain.BlockID
		var hash []byte
		if err := r.Scan(&id.Height, &hash); err != nil {
			return err
		}
		list = append(list, id)
		return fill(list[len(list)-1].Hash[:], hash, "hash")
	})
	slices.Reverse(list)
	return list, err
}

// ConnectBlock stores that a block was processed, and forgets the one that is too old to be taken back.
func (t *Tx) ConnectBlock(id chain.BlockID) error {
	if err := t.exec("INSERT INTO blocks (height, hash) VALUES (?, ?)", id.Height, id.Hash[:]); err != nil {
		return fmt.Errorf("store block %d: %w", id.Height, err)
	}
	if id.Height <= chain.Keep {
		return nil
	}
	return t.exec("DELETE FROM blocks WHERE height = ?", id.Height-block.Height(chain.Keep))
}

// DisconnectBlock stores that a block is no longer in the chain.
func (t *Tx) DisconnectBlock(id chain.BlockID) error {
	err := t.change("DELETE FROM blocks WHERE height = ? AND hash = ?", id.Height, id.Hash[:])
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("take back block %d: it is not stored", id.Height)
	}
	return err
}
