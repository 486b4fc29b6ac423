package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/mattn/go-sqlite3"
)

// What a query may cost.
const (
	MaxQuery  = 100_000   // bytes of its text
	MaxResult = 32 << 20  // bytes of its rows
	maxValue  = 4 << 20   // bytes of one value
	maxMemory = 512 << 20 // bytes that SQLite may have in all: tables and work
)

// database is the tables in memory, of which nothing is in any file. One connection writes what the list commands say;
// queries run on another, which cannot write.
type database struct {
	writer *sqlite3.SQLiteConn
	reader *sqlite3.SQLiteConn
	guard  *guard // of the query that is being compiled
}

// databases counts them: each has a name in this process.
var databases atomic.Uint64

// openDatabase makes the tables, all of them empty.
func openDatabase() (*database, error) {
	oneHeap()
	d := &database{guard: &guard{}}
	name := fmt.Sprintf("file:/fulmen-%d?vfs=memdb", databases.Add(1))
	var err error
	if d.writer, err = connect(name); err != nil {
		return nil, err
	}
	setup := []string{fmt.Sprintf("PRAGMA hard_heap_limit = %d", maxMemory), "PRAGMA journal_mode = MEMORY", "PRAGMA foreign_keys = OFF"}
	for _, t := range tables {
		setup = append(setup, t.ddl(nil)...)
	}
	for _, statement := range setup {
		if err := d.exec(statement); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", statement, err), d.close())
		}
	}
	if d.reader, err = connect(name); err != nil {
		return nil, errors.Join(err, d.close())
	}
	for _, statement := range []string{"PRAGMA temp_store = MEMORY", "PRAGMA trusted_schema = OFF", "PRAGMA query_only = ON"} {
		if _, err := d.reader.Exec(statement, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", statement, err), d.close())
		}
	}
	for _, l := range limits {
		d.reader.SetLimit(l.id, l.value)
	}
	d.reader.RegisterAuthorizer(func(op int, arg1, arg2, arg3 string) int { return d.guard.allow(op, arg1, arg2, arg3) })
	return d, nil
}

func connect(name string) (*sqlite3.SQLiteConn, error) {
	conn, err := new(sqlite3.SQLiteDriver).Open(name)
	if err != nil {
		return nil, fmt.Errorf("open a database in memory: %w", err)
	}
	return conn.(*sqlite3.SQLiteConn), nil
}

func (d *database) close() error {
	var err error
	for _, conn := range []*sqlite3.SQLiteConn{d.reader, d.writer} {
		if conn != nil {
			err = errors.Join(err, conn.Close())
		}
	}
	giveBack()
	return err
}

// exec runs a statement of ours.
func (d *database) exec(statement string, args ...driver.Value) error {
	_, err := d.writer.Exec(statement, args)
	return err
}

// update runs do within a transaction.
func (d *database) update(do func() error) error {
	if err := d.exec("BEGIN"); err != nil {
		return err
	}
	if err := do(); err != nil {
		return errors.Join(err, d.exec("ROLLBACK"))
	}
	return d.exec("COMMIT")
}

// values asks the writer for the first column of each row.
func (d *database) values(query string) ([]driver.Value, error) {
	rows, err := d.writer.Query(query, nil)
	if err != nil {
		return nil, err
	}
	var list []driver.Value
	row := make([]driver.Value, len(rows.Columns()))
	for err == nil {
		if err = rows.Next(row); err == nil {
			list = append(list, row[0])
		}
	}
	if err == io.EOF {
		err = nil
	}
	return list, errors.Join(err, rows.Close())
}

// names is values that are texts.
func (d *database) names(query string) ([]string, error) {
	values, err := d.values(query)
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = v.(string)
	}
	return list, err
}

// prepare compiles a query, and says which tables it reads.
func (d *database) prepare(query string) (*sqlite3.SQLiteStmt, []*Table, error) {
	d.guard = &guard{}
	if len(query) > MaxQuery {
		return nil, nil, fmt.Errorf("it has %d bytes, more than %d", len(query), MaxQuery)
	}
	prepared, err := d.reader.Prepare(query)
	for _, name := range d.guard.unknown {
		if d.has(name) {
			d.guard.refuse("there is no table %s", name)
		}
	}
	if d.guard.refusal != "" {
		err = errors.Join(errors.New(d.guard.refusal), closeAll(prepared))
	}
	if err != nil {
		return nil, nil, err
	}
	stmt := prepared.(*sqlite3.SQLiteStmt)
	switch {
	case !d.guard.any: // nothing but white space and comments: there is no statement to ask anything
		err = errors.New("there is no statement")
	case !stmt.Readonly():
		err = errors.New("only SELECT is allowed")
	case stmt.NumInput() > 0:
		err = errors.New("it has parameters, for which there are no values")
	default:
		return stmt, d.guard.tops, nil
	}
	return nil, nil, errors.Join(err, stmt.Close())
}

// has reports whether a name is a table of SQLite's own: all but ours.
func (d *database) has(name string) bool {
	stmt, err := d.writer.Prepare("SELECT 1 FROM " + quote(strings.ReplaceAll(name, `"`, `""`)))
	if err == nil {
		stmt.Close() // it was not run
	}
	return err == nil || !strings.Contains(err.Error(), "no such table")
}

// closeAll closes a statement if there is one.
func closeAll(stmt driver.Stmt) error {
	if stmt == nil {
		return nil
	}
	return stmt.Close()
}

// query runs a compiled query; see gets each row, which it must not keep.
func query(ctx context.Context, stmt *sqlite3.SQLiteStmt, see func([]driver.Value) error) error {
	rows, err := stmt.QueryContext(ctx, nil)
	if err != nil {
		return err
	}
	row := make([]driver.Value, len(rows.Columns()))
	for err == nil {
		if err = rows.Next(row); err == nil {
			err = see(row)
		}
	}
	if err == io.EOF {
		err = nil
	}
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	return err
}
