package store

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// StoredRune is a rune that was made here.
type StoredRune struct {
	ID       uint64
	Text     string
	LastUsed time.Time // zero: never
}

// Runes lists the runes by their id.
func (d *DB) Runes() ([]StoredRune, error) {
	var list []StoredRune
	err := d.query("SELECT id, rune, last_used_ns FROM runes ORDER BY id", nil, func(r scanner) error {
		var s StoredRune
		var used *int64
		err := r.Scan(&s.ID, &s.Text, &used)
		if used != nil {
			s.LastUsed = time.Unix(0, *used)
		}
		list = append(list, s)
		return err
	})
	return list, err
}

// AddRune stores the rune that make returns for the next id.
func (t *Tx) AddRune(make func(id uint64) string) error {
	var id uint64
	if err := t.queryRow("SELECT coalesce(max(id) + 1, 0) FROM runes", nil, &id); err != nil {
		return fmt.Errorf("next id of a rune: %w", err)
	}
	return t.exec("INSERT INTO runes (id, rune) VALUES (?, ?)", id, make(id))
}

// RuneUsed is when a rune was last used; zero for never, or for one that is not stored.
func (d *DB) RuneUsed(id uint64) (time.Time, error) {
	var used *int64
	err := d.queryRow("SELECT last_used_ns FROM runes WHERE id = ?", []any{id}, &used)
	if errors.Is(err, ErrNotFound) || err == nil && used == nil {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(0, *used), nil
}

// UseRune stores that a rune was used. One that is not stored is passed over.
func (t *Tx) UseRune(id uint64, at time.Time) error {
	return t.exec("UPDATE runes SET last_used_ns = ? WHERE id = ?", at.UnixNano(), id)
}

// RuneRange is the runes from First to Last, inclusive.
type RuneRange struct{ First, Last uint64 }

// RuneBlacklist lists the ranges of runes that are no longer good, in order.
func (d *DB) RuneBlacklist() ([]RuneRange, error) {
	var list []RuneRange
	err := d.query("SELECT first, last FROM runes_blacklist ORDER BY first", nil, func(r scanner) error {
		var g RuneRange
		err := r.Scan(&g.First, &g.Last)
		list = append(list, g)
		return err
	})
	return list, err
}

// MaxRuneID is the highest id that can be blacklisted.
const MaxRuneID = math.MaxInt64

// SetRuneBlacklist stores the ranges in place of all others.
func (t *Tx) SetRuneBlacklist(list []RuneRange) error {
	if err := t.exec("DELETE FROM runes_blacklist"); err != nil {
		return err
	}
	for _, g := range list {
		if err := t.exec("INSERT INTO runes_blacklist (first, last) VALUES (?, ?)", g.First, g.Last); err != nil {
			return err
		}
	}
	return nil
}
