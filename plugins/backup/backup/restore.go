package backup

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/mattn/go-sqlite3" // registers the "sqlite3" driver
)

// Restored is what came out of a copy.
type Restored struct {
	Version      uint32 // data_version of the last transaction
	Transactions int    // since the snapshot
	Size         int64  // of the database before the transactions, in bytes
	Torn         bool   // the copy ends within a transaction, which lightningd cannot have committed
	Damage       error  // what follows was left out, by Force
}

// Options of Restore.
type Options struct {
	// Force restores what comes before a damage. What comes out may be an old state: the node would be
	// punished for what it then publishes.
	Force bool
}

// Restore makes the database file from a copy in a folder, which it leaves as it is. The file must not
// exist. A copy that is damaged, or lacks a transaction, is refused: an old state must never go back to work.
func Restore(dir, file string, o Options) (r Restored, err error) {
	if _, err := os.Lstat(file); err == nil {
		return r, fmt.Errorf("%s is there already: a restored database never replaces another", file)
	}
	temp := file + ".restoring"
	if r, err = build(dir, temp, o); err == nil {
		if err = os.Link(temp, file); err == nil {
			err = syncDir(filepath.Dir(file))
		}
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if removeErr := os.Remove(temp + suffix); !errors.Is(removeErr, os.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	if err != nil {
		return r, fmt.Errorf("restore from %s: %w", dir, err)
	}
	return r, nil
}

// Check reads all of a copy in a folder.
func Check(dir string) (Restored, error) {
	temp, err := os.MkdirTemp("", "backup-check-")
	if err != nil {
		return Restored{}, err
	}
	defer os.RemoveAll(temp)
	return Restore(dir, filepath.Join(temp, "database"), Options{})
}

func build(dir, file string, o Options) (r Restored, err error) {
	c, err := openChain(dir)
	if c != nil {
		defer c.close()
	}
	if err != nil {
		return r, err
	}
	if r.Size, err = unpack(filepath.Join(dir, fileName(c.base, snapshotFile)), file, c.begun); err != nil {
		return r, err
	}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=rw&_journal_mode=DELETE&_synchronous=FULL&_foreign_keys=0")
	if err != nil {
		return r, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	rp := &replay{db: db, version: c.begun}
	if err := rp.checkVersion(db.QueryRow); err != nil {
		return r, fmt.Errorf("its snapshot: %w", err)
	}
	for {
		t, err := c.next()
		if err == io.EOF {
			break
		}
		if o.Force && errors.Is(err, ErrDamaged) {
			r.Damage = err
			break
		}
		if err != nil {
			return r, err
		}
		if err := rp.take(t); err != nil {
			return r, err
		}
	}
	if err := rp.flush(); err != nil {
		return r, err
	}
	r.Version, r.Transactions, r.Torn = rp.version, rp.count, c.torn
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check(1)").Scan(&verdict); err != nil || verdict != "ok" {
		return r, errors.Join(err, fmt.Errorf("the database that comes out is damaged: %s", verdict))
	}
	return r, nil
}

// unpack writes the database that a snapshot holds.
func unpack(path, file string, version uint32) (size int64, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	if size, err = copySnapshot(out, in, version); err == nil {
		err = out.Sync()
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return size, nil
}

func copySnapshot(out io.Writer, in io.Reader, version uint32) (size int64, err error) {
	d, have, err := newDecoder(in, kindSnapshot)
	if err != nil {
		return 0, err
	}
	if have != version {
		return 0, fmt.Errorf("it is of version %d, its writes begin at %d: %w", have, version, ErrDamaged)
	}
	for {
		r, err := d.next()
		switch {
		case err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		case r.kind == typeChunk:
			n, err := out.Write(r.payload)
			size += int64(n)
			if err != nil {
				return 0, err
			}
		case r.kind == typeEnd && len(r.payload) == 8 && binary.BigEndian.Uint64(r.payload) == uint64(size):
			return size, nil
		default:
			return 0, fmt.Errorf("a record of type %d and %d bytes in a snapshot of %d so far: %w", r.kind, len(r.payload), size, ErrDamaged)
		}
	}
}

// replay applies transactions. The newest waits, as another of the same version may take its place.
type replay struct {
	db      *sql.DB
	version uint32 // of the database
	waiting *transaction
	count   int
}

func (r *replay) take(t transaction) error {
	if r.waiting != nil && r.waiting.version == t.version {
		r.waiting = &t
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.waiting = &t
	return nil
}

func (r *replay) flush() error {
	if r.waiting == nil {
		return nil
	}
	t := r.waiting
	r.waiting = nil
	tx, err := r.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to undo
	for _, s := range t.writes {
		if err := execOne(tx, s); err != nil {
			return fmt.Errorf("transaction %d: %.80q: %w", t.version, s, err)
		}
	}
	r.version = t.version
	if err := r.checkVersion(tx.QueryRow); err != nil {
		return fmt.Errorf("transaction %d: %w", t.version, err)
	}
	r.count++
	return tx.Commit()
}

// checkVersion holds what the database says of itself to what the copy says.
func (r *replay) checkVersion(queryRow func(string, ...any) *sql.Row) error {
	version, err := versionOf(queryRow)
	if err == nil && version != r.version {
		err = fmt.Errorf("the database is of version %d, should be of %d: %w", version, r.version, ErrDamaged)
	}
	return err
}

func versionOf(queryRow func(string, ...any) *sql.Row) (version uint32, err error) {
	err = queryRow("SELECT value FROM vars WHERE name = 'data_version'").Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

// execOne executes a statement that changes rows, and nothing else: a copy that somebody wrote into must
// not open other files.
func execOne(tx *sql.Tx, statement string) error {
	verb, _, _ := strings.Cut(statement, " ")
	switch strings.ToUpper(verb) {
	case "INSERT", "UPDATE", "DELETE", "REPLACE":
	default:
		return errors.New("it is no statement that changes rows")
	}
	s, err := tx.PrepareContext(context.Background(), statement) // the first of several, if there were more
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Exec()
	return err
}
