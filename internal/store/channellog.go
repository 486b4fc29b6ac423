package store

import "fmt"

// ChannelLog is a channel's protocol state as its process stored it: a snapshot, and the records of
// each step since, oldest first.
type ChannelLog struct {
	Snapshot []byte
	Records  [][]byte
	Next     uint32 // number of the next entry
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
	if err != nil {
		return nil, fmt.Errorf("load state of channel %d: %w", channel, err)
	}
	if log.Snapshot == nil {
		return nil, fmt.Errorf("load state of channel %d: %w", channel, ErrNotFound)
	}
	return log, nil
}

// AppendChannelRecord stores entry number n of a channel's state.
func (t *Tx) AppendChannelRecord(channel uint64, n uint32, record []byte) error {
	if err := t.exec("INSERT INTO channel_log (id, is_snapshot, data) VALUES (?, 0, ?)", logKey(channel, n), record); err != nil {
		return fmt.Errorf("append record %d of channel %d: %w", n, channel, err)
	}
	return nil
}

// ReplaceChannelLog stores a snapshot as entry number n, and deletes all entries before it.
func (t *Tx) ReplaceChannelLog(channel uint64, n uint32, snapshot []byte) error {
	if err := t.exec("DELETE FROM channel_log WHERE id BETWEEN ? AND ?", logKey(channel, 0), logKey(channel, n)); err != nil {
		return err
	}
	if err := t.exec("INSERT INTO channel_log (id, is_snapshot, data) VALUES (?, 1, ?)", logKey(channel, n), snapshot); err != nil {
		return fmt.Errorf("store snapshot %d of channel %d: %w", n, channel, err)
	}
	return nil
}
