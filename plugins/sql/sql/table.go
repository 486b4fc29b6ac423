package sql

import (
	"fmt"
	"slices"
	"strings"
)

//go:generate go run ../../../tools/sqltables ../../../internal/schema/testdata tables_gen.go

// Kind is the SQL type of a column.
type Kind string

// The kinds. Hex digits become a Blob, booleans an Integer that is 0 or 1.
const (
	Integer Kind = "INTEGER"
	Real    Kind = "REAL"
	Text    Kind = "TEXT"
	Blob    Kind = "BLOB"
)

// Column is a column, and where its value is in an entry of the list: names with dots between them, or nothing where
// the entry itself is the value.
type Column struct {
	Name string
	Kind Kind
	Path string
}

// Table is a list command's result, a row an entry; or the arrays within the entries of another table, a row an
// element.
type Table struct {
	Name    string
	Command string // that lists the entries
	Member  string // of its result
	Columns []Column
	Indexes [][]string

	Related []*Table // its entries' arrays
	Path    string   // of a related table: where the array is in an entry
}

// key is the column that numbers the rows: created_index where a list has one, otherwise a number of ours.
func (t *Table) key() string {
	if slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == createdIndex }) {
		return createdIndex
	}
	return "rowid"
}

const createdIndex = "created_index"

// allColumns are those of the entries, and ours before them.
func (t *Table) allColumns() []Column {
	var list []Column
	if t.key() == "rowid" {
		list = append(list, Column{Name: "rowid", Kind: Integer})
	}
	if t.related() {
		list = append(list, Column{Name: "row", Kind: Integer}, Column{Name: "arrindex", Kind: Integer})
	}
	return append(list, t.Columns...)
}

func (t *Table) related() bool { return t.Command == "" }

// allIndexes are the published ones, and of a related table that of the rows that it belongs to.
func (t *Table) allIndexes() [][]string {
	if t.related() {
		return [][]string{{"row"}}
	}
	return t.Indexes
}

// ddl are the statements that make a table, and those related to it.
func (t *Table) ddl(parent *Table) []string {
	var columns []string
	for _, c := range t.allColumns() {
		text := quote(c.Name) + " " + string(c.Kind)
		switch {
		case c.Name == t.key():
			text += " PRIMARY KEY"
		case c.Name == "row" && parent != nil:
			text += fmt.Sprintf(" REFERENCES %s(%s)", quote(parent.Name), parent.key())
		}
		columns = append(columns, text)
	}
	list := []string{fmt.Sprintf("CREATE TABLE %s (%s)", quote(t.Name), strings.Join(columns, ", "))}
	for i, index := range t.allIndexes() {
		list = append(list, fmt.Sprintf("CREATE INDEX %s ON %s (%s)", quote(fmt.Sprintf("%s_%d", t.Name, i)), quote(t.Name), quoteAll(index)))
	}
	for _, r := range t.Related {
		list = append(list, r.ddl(t)...)
	}
	return list
}

// insert is the statement that adds a row, or replaces that with the same key.
func (t *Table) insert() string {
	var names []string
	for _, c := range t.allColumns() {
		names = append(names, c.Name)
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", ")
	return fmt.Sprintf("INSERT OR REPLACE INTO %s (%s) VALUES (%s)", quote(t.Name), quoteAll(names), marks)
}

func quote(name string) string { return `"` + name + `"` }

func quoteAll(names []string) string {
	var quoted []string
	for _, name := range names {
		quoted = append(quoted, quote(name))
	}
	return strings.Join(quoted, ", ")
}

// byName finds a table, and the one that it is a part of: itself, unless it is a related one.
func byName(name string) (table, top *Table) {
	for _, t := range tables {
		if t.Name == name {
			return t, t
		}
		for _, r := range t.Related {
			if r.Name == name {
				return r, t
			}
		}
	}
	return nil, nil
}
