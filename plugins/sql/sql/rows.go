package sql

import (
	"bytes"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// loader writes entries of a list into a table and those related to it.
type loader struct {
	table   *Table
	columns []Column
	root    *place
	stmt    *sqlite3.SQLiteStmt
	args    []driver.Value

	related []*relatedLoader
}

type relatedLoader struct {
	loader
	forget *sqlite3.SQLiteStmt // deletes the rows of an entry
}

// place is where in an entry columns and arrays are: by names of members.
type place struct {
	columns []int // those that have the value which is here, by their number in allColumns
	array   *relatedLoader
	members map[string]*place
}

func (p *place) at(path string) *place {
	if path == "" {
		return p
	}
	for name := range strings.SplitSeq(path, ".") {
		if p.members == nil {
			p.members = map[string]*place{}
		}
		if p.members[name] == nil {
			p.members[name] = &place{}
		}
		p = p.members[name]
	}
	return p
}

// newLoader prepares for a table; close it.
func newLoader(conn *sqlite3.SQLiteConn, t *Table) (*loader, error) {
	l := &loader{table: t, columns: t.allColumns(), root: &place{}}
	own := len(l.columns) - len(t.Columns)
	for i, c := range t.Columns {
		at := l.root.at(c.Path)
		at.columns = append(at.columns, own+i)
	}
	l.args = make([]driver.Value, len(l.columns))
	var err error
	if l.stmt, err = prepare(conn, t.insert()); err != nil {
		return nil, err
	}
	for _, r := range t.Related {
		inner, err := newLoader(conn, r)
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		related := &relatedLoader{loader: *inner}
		l.related = append(l.related, related)
		l.root.at(r.Path).array = related
		if related.forget, err = prepare(conn, "DELETE FROM "+quote(r.Name)+" WHERE row = ?"); err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	return l, nil
}

func prepare(conn *sqlite3.SQLiteConn, statement string) (*sqlite3.SQLiteStmt, error) {
	stmt, err := conn.Prepare(statement)
	if err != nil {
		return nil, err
	}
	return stmt.(*sqlite3.SQLiteStmt), nil
}

func (l *loader) close() error {
	var err error
	if l.stmt != nil {
		err = l.stmt.Close()
	}
	for _, r := range l.related {
		err = errors.Join(err, r.close())
		if r.forget != nil {
			err = errors.Join(err, r.forget.Close())
		}
	}
	return err
}

// add writes an entry, in the place of one with the same key.
func (l *loader) add(entry json.RawMessage) error {
	clear(l.args)
	var arrays []foundArray
	if err := l.read(l.root, entry, &arrays); err != nil {
		return fmt.Errorf("entry of %s: %w", l.table.Command, err)
	}
	result, err := l.stmt.Exec(l.args)
	if err != nil {
		return err
	}
	key, err := result.LastInsertId()
	if err != nil {
		return err
	}
	if l.table.key() == createdIndex { // it may have been there before
		for _, r := range l.related {
			if _, err := r.forget.Exec([]driver.Value{key}); err != nil {
				return err
			}
		}
	}
	for _, a := range arrays {
		if err := a.into.addAll(key, a.raw); err != nil {
			return err
		}
	}
	return nil
}

type foundArray struct {
	into *relatedLoader
	raw  json.RawMessage
}

// addAll writes the elements of an array of the entry in row key.
func (r *relatedLoader) addAll(key int64, raw json.RawMessage) error {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return fmt.Errorf("%s: %w", r.table.Path, err)
	}
	for i, e := range elements {
		clear(r.args)
		r.args[1], r.args[2] = key, int64(i) // after rowid, which is the next
		if err := r.read(r.root, e, nil); err != nil {
			return fmt.Errorf("%s[%d]: %w", r.table.Path, i, err)
		}
		if _, err := r.stmt.Exec(r.args); err != nil {
			return err
		}
	}
	return nil
}

// read takes the values of a place and of all within it.
func (l *loader) read(p *place, raw json.RawMessage, arrays *[]foundArray) error {
	if string(raw) == "null" {
		return nil
	}
	if p.array != nil {
		*arrays = append(*arrays, foundArray{p.array, raw})
	}
	for _, i := range p.columns {
		v, err := convert(l.columns[i].Kind, raw)
		if err != nil {
			return fmt.Errorf("%s: %w", l.columns[i].Name, err)
		}
		l.args[i] = v
	}
	if p.members == nil {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	for name, within := range p.members {
		if value, ok := members[name]; ok {
			if err := l.read(within, value, arrays); err != nil {
				return err
			}
		}
	}
	return nil
}

// convert is a value as a column has it.
func convert(kind Kind, raw json.RawMessage) (driver.Value, error) {
	switch raw = bytes.TrimSpace(raw); {
	case kind == Integer && raw[0] == 't':
		return int64(1), nil
	case kind == Integer && raw[0] == 'f':
		return int64(0), nil
	case kind == Integer:
		return integer(string(raw))
	case kind == Real:
		return strconv.ParseFloat(string(raw), 64)
	case raw[0] != '"' && kind == Text:
		return string(raw), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	if kind == Text {
		return text, nil
	}
	return hex.DecodeString(text)
}

// integer is a number as SQLite can have it. What a peer announces may be beyond 2^63, where it means no more than a
// very large amount.
func integer(text string) (driver.Value, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		if _, err := strconv.ParseUint(text, 10, 64); err == nil {
			return int64(math.MaxInt64), nil
		}
	}
	return n, err
}
