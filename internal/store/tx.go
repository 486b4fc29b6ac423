package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Tx is the transaction that a unit of work writes into; it is valid only while apply runs.
type Tx struct {
	w        *writer
	followed bool
	writes   []string // so far, for those who follow
	size     int      // of these, in bytes
}

// forget drops all writes but the first ones.
func (t *Tx) forget(left int) {
	for _, text := range t.writes[left:] {
		t.size -= len(text)
	}
	t.writes = t.writes[:left]
}

// note keeps a statement for those who follow.
func (t *Tx) note(query string, args []any) error {
	if !t.followed || !isWrite(query) {
		return nil
	}
	text, err := expand(query, args)
	t.writes = append(t.writes, text)
	t.size += len(text)
	return err
}

func (t *Tx) stmt(query string) (*sql.Stmt, error) {
	if s := t.w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	t.w.stmts[query] = s
	return s, nil
}

func (t *Tx) exec(query string, args ...any) error {
	_, err := t.execResult(query, args...)
	return err
}

// insert executes an INSERT and returns the new row's id.
func (t *Tx) insert(query string, args ...any) (int64, error) {
	r, err := t.execResult(query, args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// change executes an UPDATE or DELETE by key; no row changed is ErrNotFound.
func (t *Tx) change(query string, args ...any) error {
	r, err := t.execResult(query, args...)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrNotFound, err)
	}
	return nil
}

func (t *Tx) execResult(query string, args ...any) (sql.Result, error) {
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	r, err := s.Exec(args...)
	if err == nil {
		err = t.note(query, args)
	}
	return r, inQuery(query, err)
}

// queryRow reads one row as this transaction sees it; no row is ErrNotFound.
func (t *Tx) queryRow(query string, args []any, dest ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	if err := s.QueryRow(args...).Scan(dest...); err != nil {
		return inQuery(query, notFound(err))
	}
	return t.note(query, args) // it may be an INSERT that returns
}
