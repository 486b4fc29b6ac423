package store

import (
	"errors"
	"fmt"
)

// next increments a counter and returns its new value; a counter that never counted is at 0.
func (t *Tx) next(name string) (uint64, error) { return t.advance(name, 1) }

// advance adds to a counter and returns its new value.
func (t *Tx) advance(name string, by int) (uint64, error) {
	var value uint64
	err := t.queryRow(`INSERT INTO vars (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value`, []any{name, by}, &value)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", name, err)
	}
	return value, nil
}

// count adds to a counter.
func (t *Tx) count(name string, by uint64) error {
	return t.exec("INSERT INTO vars (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value", name, by)
}

// Counter reads a counter.
func (d *DB) Counter(name string) (uint64, error) {
	var value uint64
	err := d.queryRow("SELECT value FROM vars WHERE name = ?", []any{name}, &value)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return value, err
}

// Bind stores value under name the first time, and afterwards checks that it is the same: so a
// database is never used with the keys or the chain of another node.
func (d *DB) Bind(name string, value []byte) error {
	return d.Update(func(t *Tx) error {
		var have []byte
		err := t.queryRow("SELECT value FROM vars WHERE name = ?", []any{name}, &have)
		if errors.Is(err, ErrNotFound) {
			return t.exec("INSERT INTO vars (name, value) VALUES (?, ?)", name, value)
		}
		if err != nil {
			return err
		}
		if string(have) != string(value) {
			return fmt.Errorf("the database belongs to %s %x, this node has %x", name, have, value)
		}
		return nil
	})
}

// Page selects a part of a list that is ordered by an index.
type Page struct {
	Updated bool   // by updated_index, otherwise by created_index
	Start   uint64 // first index
	Limit   uint32 // 0: no limit
	Status  string // "": any
}

func (p Page) column() string {
	if p.Updated {
		return "updated_index"
	}
	return "created_index"
}

func (p Page) where() string {
	w := p.column() + " >= ?"
	if p.Updated {
		w += " AND updated_index > 0"
	}
	if p.Status != "" {
		w += " AND status = ?"
	}
	return w
}

func (p Page) order() string {
	o := " ORDER BY " + p.column()
	if p.Limit > 0 {
		o += " LIMIT ?"
	}
	return o
}

func (p Page) args() []any {
	a := []any{p.Start}
	if p.Status != "" {
		a = append(a, p.Status)
	}
	if p.Limit > 0 {
		a = append(a, p.Limit)
	}
	return a
}

// Var reads what SetVar or Bind stored; nil where nothing was.
func (d *DB) Var(name string) ([]byte, error) {
	var value []byte
	err := d.queryRow("SELECT value FROM vars WHERE name = ?", []any{name}, &value)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return value, err
}

// SetVar stores value under name.
func (t *Tx) SetVar(name string, value []byte) error {
	return t.exec("INSERT INTO vars (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
}
