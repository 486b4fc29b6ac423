package store

import (
	"fmt"

	"fulmen/internal/block"
)

// ChannelHTLC is what the script of an HTLC's output depends on. It is kept for every HTLC that a commitment
// of the peer ever had, long after it is gone: the peer may publish that commitment.
type ChannelHTLC struct {
	Offered     bool // by us
	ID          uint64
	PaymentHash [32]byte
	CLTVExpiry  block.Height
}

// AddChannelHTLC stores an HTLC that is new in a commitment of the peer. One that is stored stays as it is.
func (t *Tx) AddChannelHTLC(channel uint64, h *ChannelHTLC) error {
	err := t.exec("INSERT OR IGNORE INTO channel_htlcs (channel, offered, htlc_id, payment_hash, cltv_expiry) VALUES (?,?,?,?,?)",
		channel, h.Offered, h.ID, h.PaymentHash[:], h.CLTVExpiry)
	if err != nil {
		return fmt.Errorf("store htlc %d of channel %d: %w", h.ID, channel, err)
	}
	return nil
}

// ChannelHTLCs reads a channel's in order: the peer's first, each side's by their ids. It begins with the
// side and id given, and stops after most of them.
func (d *DB) ChannelHTLCs(channel uint64, offered bool, from uint64, most int) ([]ChannelHTLC, error) {
	var list []ChannelHTLC
	err := d.query(`SELECT offered, htlc_id, payment_hash, cltv_expiry FROM channel_htlcs
		WHERE channel = ? AND (offered, htlc_id) >= (?, ?) ORDER BY offered, htlc_id LIMIT ?`,
		[]any{channel, offered, from, most}, func(r scanner) error {
			var h ChannelHTLC
			var hash []byte
			if err := r.Scan(&h.Offered, &h.ID, &hash, &h.CLTVExpiry); err != nil {
				return err
			}
			list = append(list, h)
			return fill(list[len(list)-1].PaymentHash[:], hash, "payment_hash")
		})
	if err != nil {
		return nil, fmt.Errorf("load htlcs of channel %d: %w", channel, err)
	}
	return list, nil
}

// forgetChannelHTLCs ends their use: the channel is closed for good.
func (t *Tx) forgetChannelHTLCs(channel uint64) error {
	if err := t.exec("DELETE FROM channel_htlcs WHERE channel = ?", channel); err != nil {
		return fmt.Errorf("forget htlcs of channel %d: %w", channel, err)
	}
	return nil
}
