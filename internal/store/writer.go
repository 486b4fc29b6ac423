package store

import (
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
		for len(units) > 0 {
			units = units[w.commit(units):]
		}
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

// maxTold bounds a transaction that somebody follows, in bytes of its statements; a unit is not parted. What piled up
// behind a slow follower could be more than it takes.
const maxTold = 8 << 20

// commit applies units in one transaction, and returns how many: all, or as many as followers can be told of at once. A
// unit that fails is undone alone; a failure of the transaction itself fails all of them.
func (w *writer) commit(units []unit) int {
	follower := w.follower()
	tx := &Tx{w: w, followed: follower != nil}
	alone := len(units) == 1
	errs := make([]error, len(units))
	err := tx.exec("BEGIN IMMEDIATE")
	if err == nil {
		for i := range units {
			if errs[i] = w.applyUnit(tx, units[i], alone); errs[i] != nil && w.rolledBack() {
				// What came before is undone too, and what would follow has no transaction to be in.
				err = errs[i]
				break
			}
			if tx.size > maxTold {
				units, errs = units[:i+1], errs[:i+1]
				break
			}
		}
		w.step()
		switch {
		case err != nil: // nothing is left of it
		case alone && errs[0] != nil:
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
	return len(units)
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
		tx.forget(before)
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
