package store

import (
	"errors"
	"fmt"
	"math"

	"fulmen/internal/amount"
)

// ChannelLog is a channel's protocol state as its process stored it: a snapshot, and the records of
// each step since, oldest first.
type ChannelLog struct {
	Snapshot []byte
	Records  [][]byte
	Next     uint32 // number of the next entry
}

// Tally is a channel in numbers, stored with each entry of its log.
type Tally struct {
	LocalRevoked uint64 // how many of our commitments are revoked
	RemoteSigned uint64 // how many of the peer's we have signed
	ToUs         amount.Msat
	MinToUs      amount.Msat // the least that it ever was
	MaxToUs      amount.Msat
	NextIn       uint64 // id of the next HTLC from the peer that is not counted yet
	InOffered    Count
	InFulfilled  Count
	OutOffered   Count
	OutFulfilled Count
}

// Count is a number of HTLCs and their sum.
type Count struct {
	N   uint64
	Sum amount.Msat
}

// Add counts one more. The sum stops at what the database can hold, which honest channels never reach.
func (c *Count) Add(amt amount.Msat) {
	c.N++
	if c.Sum += amt; c.Sum < amt || c.Sum > math.MaxInt64 {
		c.Sum = math.MaxInt64
	}
}

const tallyColumns = `local_revoked, remote_signed, to_us_msat, min_to_us_msat, max_to_us_msat, next_in, in_offered, in_offered_msat,
	in_fulfilled, in_fulfilled_msat, out_offered, out_offered_msat, out_fulfilled, out_fulfilled_msat`

// values are the columns of t, in order.
func (t *Tally) values() []any {
	return []any{t.LocalRevoked, t.RemoteSigned, t.ToUs, t.MinToUs, t.MaxToUs, t.NextIn, t.InOffered.N, t.InOffered.Sum,
		t.InFulfilled.N, t.InFulfilled.Sum, t.OutOffered.N, t.OutOffered.Sum, t.OutFulfilled.N, t.OutFulfilled.Sum}
}

// fields are where the columns of t are scanned into, in order.
func (t *Tally) fields() []any {
	return []any{&t.LocalRevoked, &t.RemoteSigned, &t.ToUs, &t.MinToUs, &t.MaxToUs, &t.NextIn, &t.InOffered.N, &t.InOffered.Sum,
		&t.InFulfilled.N, &t.InFulfilled.Sum, &t.OutOffered.N, &t.OutOffered.Sum, &t.OutFulfilled.N, &t.OutFulfilled.Sum}
}

// logKey is the row of entry number n: a channel's entries lie side by side, in order.
func logKey(channel uint64, n uint32) int64 { return int64(channel<<32 | uint64(n)) }

// LoadChannelLog reads a channel's state.
func (d *DB) LoadChannelLog(channel uint64) (*ChannelLog, error) {
	log := &ChannelLog{}
	first, last := logKey(channel, 0), logKey(channel, ^uint32(0))
	err := d.query("SELECT id, is_snapshot, data FROM channel_log WHERE id BETWEEN ? AND ? ORDER BY id", []any{first, last}, func(r scanner) error {
		var id int64
		var snapshot bool
		var data []byte
		if err := r.Scan(&id, &snapshot, &data); err != nil {
			return err
		}
		log.Next = uint32(id) + 1
		if snapshot {
			log.Snapshot, log.Records = data, nil
		} else {
			log.Records = append(log.Records, data)
		}
		return nil
	})
	if err == nil && log.Snapshot == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("load state of channel %d: %w", channel, err)
	}
	return log, nil
}

// LoadTally reads a channel's numbers as of its newest entry.
func (d *DB) LoadTally(channel uint64) (*Tally, error) {
	t := &Tally{}
	err := d.queryRow("SELECT "+tallyColumns+" FROM channel_log WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
		[]any{logKey(channel, 0), logKey(channel, ^uint32(0))}, t.fields()...)
	if err != nil {
		return nil, fmt.Errorf("load numbers of channel %d: %w", channel, err)
	}
	return t, nil
}

// AppendChannelLog stores entry number n of a channel's state. A snapshot replaces all before it.
func (t *Tx) AppendChannelLog(channel uint64, n uint32, snapshot bool, data []byte, tally *Tally) error {
	var err error
	if snapshot && n > 0 {
		err = t.exec("DELETE FROM channel_log WHERE id BETWEEN ? AND ?", logKey(channel, 0), logKey(channel, n-1))
	}
	values := append([]any{logKey(channel, n), snapshot, data}, tally.values()...)
	err = errors.Join(err, t.exec("INSERT INTO channel_log (id, is_snapshot, data, "+tallyColumns+`)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`, values...))
	if err != nil {
		return fmt.Errorf("store entry %d of channel %d: %w", n, channel, err)
	}
	return nil
}
