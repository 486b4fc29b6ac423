package store

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// ChannelHTLC is what the script of an HTLC's output depends on, and its amount. It is kept for every HTLC
// that a commitment of the peer ever had, long after it is gone: the peer may publish that commitment.
type ChannelHTLC struct {
	Offered     bool // by us
	ID          uint64
	PaymentHash [32]byte
	CLTVExpiry  block.Height
	Amount      amount.Msat
}

// AddChannelHTLCs stores HTLCs that are new in a commitment of the peer. One that is stored stays as it is.
func (t *Tx) AddChannelHTLCs(channel uint64, list []ChannelHTLC) error {
	if len(list) == 0 {
		return nil
	}
	last, err := t.advance("htlc_created_index", len(list))
	if err != nil {
		return err
	}
	for i := range list {
		h := &list[i]
		err := t.exec(`INSERT OR IGNORE INTO channel_htlcs (channel, offered, htlc_id, payment_hash, cltv_expiry, amount_msat, created_index)
			VALUES (?,?,?,?,?,?,?)`,
			channel, h.Offered, h.ID, h.PaymentHash[:], h.CLTVExpiry, h.Amount, last-uint64(len(list)-1-i))
		if err != nil {
			return fmt.Errorf("store htlc %d of channel %d: %w", h.ID, channel, err)
		}
	}
	return nil
}

// HTLCName names an HTLC within its channel.
type HTLCName struct {
	Offered bool // by us
	ID      uint64
}

// EndChannelHTLCs counts that HTLCs have an outcome. One that is not stored, or had one before, is left.
func (t *Tx) EndChannelHTLCs(channel uint64, list []HTLCName) error {
	if len(list) == 0 {
		return nil
	}
	last, err := t.advance("htlc_updated_index", len(list))
	if err != nil {
		return err
	}
	for i, h := range list {
		err := t.exec("UPDATE channel_htlcs SET updated_index = ? WHERE channel = ? AND offered = ? AND htlc_id = ? AND updated_index = 0",
			last-uint64(len(list)-1-i), channel, h.Offered, h.ID)
		if err != nil {
			return fmt.Errorf("end htlc %d of channel %d: %w", h.ID, channel, err)
		}
	}
	return nil
}

const channelHTLCColumns = "offered, htlc_id, payment_hash, cltv_expiry, amount_msat"

// into is where channelHTLCColumns are scanned into; hash still has to be copied.
func (h *ChannelHTLC) into(hash *[]byte) []any {
	return []any{&h.Offered, &h.ID, hash, &h.CLTVExpiry, &h.Amount}
}

// ChannelHTLCs reads a channel's in order: the peer's first, each side's by their ids. It begins with the
// side and id given, and stops after most of them.
func (d *DB) ChannelHTLCs(channel uint64, offered bool, from uint64, most int) ([]ChannelHTLC, error) {
	var list []ChannelHTLC
	err := d.query("SELECT "+channelHTLCColumns+` FROM channel_htlcs
		WHERE channel = ? AND (offered, htlc_id) >= (?, ?) ORDER BY offered, htlc_id LIMIT ?`,
		[]any{channel, offered, from, most}, func(r scanner) error {
			var h ChannelHTLC
			var hash []byte
			if err := r.Scan(h.into(&hash)...); err != nil {
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

// ListedHTLC is a row of channel_htlcs.
type ListedHTLC struct {
	CreatedIndex uint64 // counts HTLCs from 1
	UpdatedIndex uint64 // counts their outcomes from 1; 0 when there is none
	Channel      uint64
	ChannelHTLC
}

// ListHTLCs lists HTLCs in the order of an index: those of a channel, or with 0 all.
func (d *DB) ListHTLCs(channel uint64, p Page) ([]ListedHTLC, error) {
	where, args := p.where(), p.args()
	if channel != 0 {
		where, args = "channel = ? AND "+where, append([]any{channel}, args...)
	}
	var list []ListedHTLC
	err := d.query("SELECT created_index, updated_index, channel, "+channelHTLCColumns+" FROM channel_htlcs WHERE "+where+p.order(), args,
		func(r scanner) error {
			var h ListedHTLC
			var hash []byte
			if err := r.Scan(append([]any{&h.CreatedIndex, &h.UpdatedIndex, &h.Channel}, h.into(&hash)...)...); err != nil {
				return err
			}
			list = append(list, h)
			return fill(list[len(list)-1].PaymentHash[:], hash, "payment_hash")
		})
	if err != nil {
		return nil, fmt.Errorf("list htlcs: %w", err)
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
