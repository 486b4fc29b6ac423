// Package store is lightningd's database: one SQLite file in WAL mode with `synchronous=FULL`,
// numbered migrations, and a writer that commits what many callers wait for in one transaction.
// It implements the storage interfaces of the machines that lightningd runs; it decides nothing.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3" // registers the "sqlite3" driver
)

// ErrNotFound is returned when a row that was asked for by its key is not there.
var ErrNotFound = errors.New("not found")

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	read   *sql.DB
	write  *sql.DB
	writer *writer

	stmtMu sync.RWMutex
	stmts  map[string]*sql.Stmt
}

// Open opens or creates the database file at path (mode 0600) and migrates it to the newest schema.
// A file that is damaged, or written by a newer version, is refused and not touched.
func Open(path string) (*DB, error) {
	if err := checkFile(path); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite3", dsn(path, "rwc"))
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	if err := migrate(write); err != nil {
		write.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	read, err := sql.Open("sqlite3", dsn(path, "rwc")+"&_query_only=1")
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("open database %s for reading: %w", path, err)
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(2)
	read.SetConnMaxIdleTime(readerIdle)
	conn, err := write.Conn(context.Background())
	if err != nil {
		read.Close()
		write.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if _, err := conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", checkpointAt)); err != nil {
		conn.Close()
		read.Close()
		write.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	d := &DB{read: read, write: write, writer: newWriter(conn), stmts: map[string]*sql.Stmt{}}
	go d.writer.run()
	return d, nil
}

// checkFile creates the file with mode 0600 where it is missing, so that SQLite's own side files
// get the same mode, and refuses what cannot be an SQLite database.
func checkFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer f.Close()
	magic := []byte("SQLite format 3\x00")
	head := make([]byte, len(magic))
	n, _ := f.ReadAt(head, 0)
	if n > 0 && string(head[:n]) != string(magic) {
		return fmt.Errorf("open database %s: not an SQLite database (its first bytes are %q); it was left as it is", path, head[:n])
	}
	return nil
}

// cacheSize is what each connection may keep of the file, in KiB by SQLite's sign: what a payment touches
// is small, and the kernel has the rest.
const cacheSize = "-512"

// readerIdle is how long a connection for reading waits for its next query: open, it has half a megabyte of memory; to
// open another takes a millisecond.
const readerIdle = 2 * time.Second

// checkpointAt is how many pages the write-ahead log gets before they are written to their places in the file. What is
// written again and again, as the ends of tables are, is written there once for all. So there is up to 16 MB to read
// at a start after a crash.
const checkpointAt = 4000

func dsn(path, mode string) string {
	q := url.Values{}
	q.Set("mode", mode)
	q.Set("_journal_mode", "WAL")
	q.Set("_synchronous", "FULL")
	q.Set("_busy_timeout", "5000")
	q.Set("_foreign_keys", "1")
	q.Set("_txlock", "immediate")
	q.Set("_cache_size", cacheSize)
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// Close commits what was submitted, and closes the file.
func (d *DB) Close() error {
	d.writer.close()
	for _, s := range d.stmts {
		s.Close()
	}
	return errors.Join(d.read.Close(), d.write.Close())
}

// Stats counts what the writer did since the start.
type Stats struct {
	Commits uint64 // synced transactions
	Units   uint64 // submitted units of work in them
}

// Stats returns the counts so far.
func (d *DB) Stats() Stats { return d.writer.stats() }

// stmt returns a prepared statement on the read pool, cached by its text.
func (d *DB) stmt(query string) (*sql.Stmt, error) {
	d.stmtMu.RLock()
	s := d.stmts[query]
	d.stmtMu.RUnlock()
	if s != nil {
		return s, nil
	}
	d.stmtMu.Lock()
	defer d.stmtMu.Unlock()
	if s := d.stmts[query]; s != nil {
		return s, nil
	}
	s, err := d.read.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	d.stmts[query] = s
	return s, nil
}

// scanner is a row that can be read: *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// queryRow reads one committed row; no row is ErrNotFound.
func (d *DB) queryRow(query string, args []any, dest ...any) error {
	s, err := d.stmt(query)
	if err != nil {
		return err
	}
	return inQuery(query, notFound(s.QueryRow(args...).Scan(dest...)))
}

// query calls scan for each committed row.
func (d *DB) query(query string, args []any, scan func(scanner) error) error {
	s, err := d.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return inQuery(query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return inQuery(query, err)
		}
	}
	return inQuery(query, rows.Err())
}

// inQuery says which statement an error is about: SQLite's own do not.
func inQuery(query string, err error) error {
	if err == nil || errors.Is(err, ErrNotFound) {
		return err
	}
	return fmt.Errorf("%.60q: %w", query, err)
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
