package sql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"fulmen/internal/rpc"
)

// pageSize is how many entries are asked for at once.
const pageSize = 1000

// state is how far a table is.
type state struct {
	loaded bool
	at     indexes // what `wait` said before the list was read
}

// indexes are how often entries of a list were created, changed and deleted.
type indexes struct{ created, updated, deleted uint64 }

// object is parameters of a command.
type object map[string]any

// counted are the tables whose lists `wait` counts.
var counted = []string{"chainmoves", "channelmoves", "forwards", "invoices", "sendpays"}

// refresh brings tables up to date.
func (s *SQL) refresh(ctx context.Context, reads []*Table) error {
	for _, t := range reads {
		var err error
		switch st := s.state[t]; {
		case slices.Contains(counted, t.Name):
			err = s.refreshCounted(ctx, t, st)
		case t.Name == "htlcs":
			err = s.refreshHTLCs(ctx, t, st)
		case t.Name == "channels" || t.Name == "nodes":
			err = s.refreshPublic(ctx, t, st)
		default:
			err = s.load(ctx, t, object{})
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return nil
}

// refreshCounted reads what was created and changed since the last time, or all where something was deleted.
func (s *SQL) refreshCounted(ctx context.Context, t *Table, st *state) error {
	now, err := s.indexes(ctx, t.Name)
	if err != nil {
		return err
	}
	if st.loaded && st.at.deleted != now.deleted {
		if err := s.db.update(func() error { return s.db.empty(t) }); err != nil {
			return err
		}
		*st = state{}
	}
	if !st.loaded || now.created > st.at.created {
		if err := s.readFrom(ctx, t, "created", st.at.created+1); err != nil {
			return err
		}
	}
	if st.loaded && now.updated > st.at.updated {
		if err := s.readFrom(ctx, t, "updated", st.at.updated+1); err != nil {
			return err
		}
	}
	*st = state{loaded: true, at: now}
	if t.Name == "invoices" { // time changes it too, which nobody counts
		at := float64(s.config.Now().UnixMilli()) / 1000
		return s.db.exec("UPDATE invoices SET status = 'expired' WHERE status = 'unpaid' AND expires_at < ?", at)
	}
	return nil
}

func (s *SQL) indexes(ctx context.Context, subsystem string) (now indexes, err error) {
	for name, into := range map[string]*uint64{"created": &now.created, "updated": &now.updated, "deleted": &now.deleted} {
		params := object{"subsystem": subsystem, "indexname": name, "nextvalue": 0}
		raw, err := s.config.Node.Do(ctx, rpc.Call{Method: "wait", Params: params})
		if err != nil {
			return now, err
		}
		var result map[string]json.RawMessage
		err = json.Unmarshal(raw, &result)
		if err == nil {
			err = json.Unmarshal(result[name], into)
		}
		if err != nil {
			return now, fmt.Errorf("wait %s %s: %w", subsystem, name, err)
		}
	}
	return now, nil
}

// readFrom reads pages of a list, from an index on.
func (s *SQL) readFrom(ctx context.Context, t *Table, index string, start uint64) error {
	for {
		raw, err := s.config.Node.Do(ctx, rpc.Call{Method: t.Command, Params: object{"index": index, "start": start, "limit": pageSize}})
		if err != nil {
			return err
		}
		n, last, err := s.addList(t, raw, index)
		if err != nil || n < pageSize {
			return err
		}
		start = last + 1
	}
}

// addList adds the entries of a result, and says how many they are and which index the last one has.
func (s *SQL) addList(t *Table, raw json.RawMessage, index string) (n int, last uint64, err error) {
	err = s.db.update(func() error {
		return s.db.add(t, raw, func(entry json.RawMessage) error {
			var has struct {
				Created uint64 `json:"created_index"`
				Updated uint64 `json:"updated_index"`
			}
			if err := json.Unmarshal(entry, &has); err != nil {
				return err
			}
			n, last = n+1, has.Created
			if index == "updated" {
				last = has.Updated
			}
			return nil
		})
	})
	return n, last, err
}

// load reads a whole list in place of what the table has.
func (s *SQL) load(ctx context.Context, t *Table, params object) error {
	raw, err := s.config.Node.Do(ctx, rpc.Call{Method: t.Command, Params: params})
	if err != nil {
		return err
	}
	return s.db.update(func() error {
		if err := s.db.empty(t); err != nil {
			return err
		}
		return s.db.add(t, raw, func(json.RawMessage) error { return nil })
	})
}

// empty deletes all rows of a table and of those related to it.
func (d *database) empty(t *Table) error {
	for _, r := range t.Related {
		if err := d.exec("DELETE FROM " + quote(r.Name)); err != nil {
			return err
		}
	}
	return d.exec("DELETE FROM " + quote(t.Name))
}

// add adds the entries of a list command's result; see gets each.
func (d *database) add(t *Table, result json.RawMessage, see func(json.RawMessage) error) error {
	l, err := newLoader(d.writer, t)
	if err != nil {
		return err
	}
	err = eachEntry(result, t.Member, func(entry json.RawMessage) error {
		if err := see(entry); err != nil {
			return err
		}
		return l.add(entry)
	})
	return errors.Join(err, l.close())
}

// eachEntry walks through the array that an object has as one member, without a copy of all of it.
func eachEntry(result json.RawMessage, member string, do func(json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(result))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var entry json.RawMessage
		if name != member {
			if err := dec.Decode(&entry); err != nil {
				return err
			}
			continue
		}
		if open, err := dec.Token(); err != nil || open != json.Delim('[') {
			return errors.Join(fmt.Errorf("%s is no list", member), err)
		}
		for dec.More() {
			if err := dec.Decode(&entry); err != nil {
				return err
			}
			if err := do(entry); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("there is no %s", member)
}

// replace puts the entries of a result in the place of those that a change is about.
func (d *database) replace(t *Table, c change, result json.RawMessage) error {
	where := " WHERE " + quote(c.column) + " = ?"
	for _, r := range t.Related {
		if err := d.exec("DELETE FROM "+quote(r.Name)+" WHERE row IN (SELECT "+t.key()+" FROM "+quote(t.Name)+where+")", c.value); err != nil {
			return err
		}
	}
	if err := d.exec("DELETE FROM "+quote(t.Name)+where, c.value); err != nil {
		return err
	}
	return d.add(t, result, func(json.RawMessage) error { return nil })
}
