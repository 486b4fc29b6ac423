package sql

import (
	"context"
	"encoding/json"
	"slices"

	"fulmen/internal/rpc"
)

// refreshHTLCs reads the HTLCs that may have changed: all that are not gone from both commitments, and those that came
// later. Past ones stay as they are until the node forgets their channel, or names it otherwise; then all are read.
func (s *SQL) refreshHTLCs(ctx context.Context, t *Table, st *state) error {
	known, err := s.knowsChannels(ctx, t)
	if err != nil {
		return err
	}
	start := int64(1)
	if st.loaded && known {
		if start, err = s.firstUnfinished(); err != nil {
			return err
		}
	} else if err := s.db.update(func() error { return s.db.empty(t) }); err != nil {
		return err
	}
	if err := s.readFrom(ctx, t, "created", uint64(start)); err != nil {
		return err
	}
	st.loaded = true
	return nil
}

// firstUnfinished is the created_index from which on something may have changed.
func (s *SQL) firstUnfinished() (int64, error) {
	first, err := s.db.values(`SELECT coalesce(
		(SELECT min(created_index) FROM htlcs WHERE state NOT IN ('RCVD_REMOVE_ACK_REVOCATION', 'SENT_REMOVE_ACK_REVOCATION')),
		(SELECT max(created_index) + 1 FROM htlcs), 1)`)
	if err != nil {
		return 0, err
	}
	return first[0].(int64), nil
}

// knowsChannels reports whether all channels that the table has HTLCs of are there, by the names that they have now.
func (s *SQL) knowsChannels(ctx context.Context, t *Table) (bool, error) {
	raw, err := s.config.Node.Do(ctx, rpc.Call{Method: "listpeerchannels", Params: object{}})
	if err != nil {
		return false, err
	}
	names := map[string]bool{}
	if err := eachEntry(raw, "channels", func(entry json.RawMessage) error {
		var c struct {
			ShortChannelID string `json:"short_channel_id"`
			Alias          struct {
				Local string `json:"local"`
			} `json:"alias"`
		}
		err := json.Unmarshal(entry, &c)
		if c.ShortChannelID == "" {
			c.ShortChannelID = c.Alias.Local
		}
		names[c.ShortChannelID] = true
		return err
	}); err != nil {
		return false, err
	}
	have, err := s.db.names("SELECT DISTINCT short_channel_id FROM " + quote(t.Name))
	return !slices.ContainsFunc(have, func(name string) bool { return !names[name] }), err
}
