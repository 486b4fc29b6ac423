package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/mattn/go-sqlite3"
)

// Source is lightningd's database, to read.
type Source struct{ path string }

// NewSource is the database in a file.
func NewSource(path string) *Source { return &Source{path} }

// Reading is the database as it was at one moment, whatever is committed since.
type Reading struct {
	Version uint32 // its data_version

	db   *sql.DB
	conn *sql.Conn
	path string
}

// Read takes hold of the database as it is.
func (s *Source) Read() (*Reading, error) {
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: s.path}).EscapedPath()+"?mode=ro&_query_only=1&_busy_timeout=5000")
	if err != nil {
		return nil, fmt.Errorf("read database %s: %w", s.path, err)
	}
	r := &Reading{db: db, path: s.path}
	ctx := context.Background()
	if r.conn, err = db.Conn(ctx); err == nil {
		if _, err = r.conn.ExecContext(ctx, "BEGIN"); err == nil { // it begins with the first query
			r.Version, err = versionOf(func(q string, args ...any) *sql.Row { return r.conn.QueryRowContext(ctx, q, args...) })
		}
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("read database %s: %w", s.path, err)
	}
	return r, nil
}

// Copy writes it into a new file, which Remove deletes, and returns its path.
func (r *Reading) Copy() (path string, err error) {
	path = copyPath(r.path)
	if err := removeCopy(path); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	f.Close()
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=rw&_synchronous=OFF")
	if err != nil {
		return "", err
	}
	defer db.Close()
	to, err := db.Conn(context.Background())
	if err != nil {
		return "", err
	}
	defer to.Close()
	err = to.Raw(func(dest any) error {
		return r.conn.Raw(func(src any) error {
			return copyPages(dest.(*sqlite3.SQLiteConn), src.(*sqlite3.SQLiteConn))
		})
	})
	if err != nil {
		return "", fmt.Errorf("copy database %s: %w", r.path, errors.Join(err, removeCopy(path)))
	}
	return path, nil
}

func copyPages(dest, src *sqlite3.SQLiteConn) error {
	b, err := dest.Backup("main", src, "main")
	if err != nil {
		return err
	}
	for done := false; !done && err == nil; {
		done, err = b.Step(4096)
	}
	return errors.Join(err, b.Finish())
}

// copyPath is where a copy is while it is sent.
func copyPath(database string) string { return database + ".copy" }

// removeCopy deletes a copy; none is fine.
func removeCopy(path string) (err error) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if removeErr := os.Remove(path + suffix); !errors.Is(removeErr, os.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}

// Close lets go of it.
func (r *Reading) Close() {
	if r.conn != nil {
		r.conn.Close()
	}
	r.db.Close()
}
