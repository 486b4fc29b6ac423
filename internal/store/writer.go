package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/mattn/go-sqlite3"
)

// ErrClosed is given to the done function of work that was submitted after Close.
var ErrClosed = errors.New("database is closed")

// maxUnits bounds one transaction, so that the first unit of a long queue does not wait for the last.
const maxUnits = 4096

// unit is one piece of work: all of it is committed, or none.
type unit struct {
	apply func(*Tx) error
	done  func(error)
}

// writer owns the only connection that writes. It takes all units that wait and commits them in
// one transaction, so that one sync serves every channel and payment that needs one; a lone unit
// never waits for company.
type writer struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	gap   bool // nobody follows, and the database says so

	mu     sync.Mutex
	wake   *sync.Cond
	queue  []unit
	closed bool
	follow func() Follower
	count  Stats
	news   chan struct{} // closed with the next commit; nil: nobody asked
	around func()        // see OnCommit; may be nil
	exited chan struct{}
}

func newWriter(conn *sql.Conn) *writer {
	w := &writer{conn: conn, stmts: map[string]*sql.Stmt{}, exited: make(chan struct{})}
	w.wake = sync.NewCond(&w.mu)
	return w
}

// Submit queues apply for the next transaction. done is called from the writer's goroutine, in the
// order of submission, once the transaction is on disk, or with the error that undid this unit.
func (d *DB) Submit(apply func(*Tx) error, done func(error)) {
	w := d.writer
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		done(ErrClosed)
		return
	}
	w.queue = append(w.queue, unit{apply, done})
	w.mu.Unlock()
	w.wake.Signal()
}

// Update submits apply, and returns when it is on disk.
func (d *DB) Update(apply func(*Tx) error) error {
	done := make(chan error, 1)
	d.Submit(apply, func(err error) { done <- err })
	return <-done
}

func (w *writer) run() {
	defer close(w.exited)
	for {
		units := w.take()
		if units == nil {
			return
		}
		w.commit(units)
	}
}

// take waits for work; nil means that the writer is closed and its queue is empty.
func (w *writer) take() []unit {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 {
		if w.closed {
			return nil
		}
		w.wake.Wait()
	}
	units := w.queue
	if len(units) > maxUnits {
		w.queue = append([]unit(nil), units[maxUnits:]...)
		return units[:maxUnits]
	}
	w.queue = nil
	return units
}

// commit applies units in one transaction. A unit that fails is undone alone; a failure of the
// transaction itself fails all of them.
func (w *writer) commit(units []unit) {
	errs := make([]error, len(units))
	follower := w.follower()
	tx := &Tx{w: w, followed: follower != nil}
	err := tx.exec("BEGIN IMMEDIATE")
	if err == nil {
		for i := range units {
			if errs[i] = w.applyUnit(tx, units[i], len(units) == 1); errs[i] != nil && w.rolledBack() {
				// What came before is undone too, and what would follow has no transaction to be in.
				err = errs[i]
				break
			}
		}
		w.step()
		switch {
		case err != nil: // nothing is left of it
		case len(units) == 1 && errs[0] != nil:
			err = tx.exec("ROLLBACK")
		default:
			if err = w.tell(tx, follower); err == nil {
				err = tx.exec("COMMIT")
			}
			if err != nil {
				w.gap = w.gap && follower != nil // what it said may have been undone
				if !w.rolledBack() {
					err = errors.Join(err, tx.exec("ROLLBACK"))
				}
			}
		}
		w.step()
	}
	w.mu.Lock()
	w.count.Commits++
	w.count.Units += uint64(len(units))
	news := w.news
	w.news = nil
	w.mu.Unlock()
	for i, u := range units {
		if errs[i] == nil && err != nil {
			errs[i] = fmt.Errorf("commit to the database: %w", err)
		}
		u.done(errs[i])
	}
	if news != nil {
		close(news)
	}
}

// rolledBack reports whether SQLite has undone the whole transaction by itself, as it does when a disk is full or fails.
func (w *writer) rolledBack() (is bool) {
	err := w.conn.Raw(func(driver any) error {
		is = driver.(*sqlite3.SQLiteConn).AutoCommit()
		return nil
	})
	return is || err != nil // a connection that is gone has no transaction
}

// OnCommit has f called right before and right after each transaction is committed, in the writer's
// goroutine: for those that try what happens if the process ends just there.
func (d *DB) OnCommit(f func()) {
	d.writer.mu.Lock()
	defer d.writer.mu.Unlock()
	d.writer.around = f
}

func (w *writer) step() {
	w.mu.Lock()
	f := w.around
	w.mu.Unlock()
	if f != nil {
		f()
	}
}

// applyUnit runs one unit within a savepoint; alone in its transaction it needs none.
func (w *writer) applyUnit(tx *Tx, u unit, alone bool) error {
	if alone {
		return u.apply(tx)
	}
	if err := tx.exec("SAVEPOINT unit"); err != nil {
		return err
	}
	before := len(tx.writes)
	if err := u.apply(tx); err != nil {
		if w.rolledBack() {
			return err
		}
		tx.writes = tx.writes[:before]
		return errors.Join(err, tx.exec("ROLLBACK TO unit"), tx.exec("RELEASE unit"))
	}
	return tx.exec("RELEASE unit")
}

func (w *writer) stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wake.Broadcast()
	<-w.exited
	for _, s := range w.stmts {
		s.Close()
	}
	w.conn.Close()
}

// Tx is the transaction that a unit of work writes into; it is valid only while apply runs.
type Tx struct {
	w        *writer
	followed bool
	writes   []string // so far, for those who follow
}

// note keeps a statement for those who follow.
func (t *Tx) note(query string, args []any) error {
	if !t.followed || !isWrite(query) {
		return nil
	}
	text, err := expand(query, args)
	t.writes = append(t.writes, text)
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
