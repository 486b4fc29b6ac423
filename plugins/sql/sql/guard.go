package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// functions are those that a query may use, as published.
var functions = strings.Fields(`abs avg coalesce count date datetime julianday hex quote length like lower upper min max
	strftime sum time timediff total unixepoch json_object json_group_array`)

// recursive is SQLITE_RECURSIVE, which the driver does not name.
const recursive = 33

// guard decides what a query may do, while SQLite compiles it: read our tables, call a few functions, nothing else.
type guard struct {
	any     bool     // there was anything to decide: the text has a statement
	tops    []*Table // whose rows, or whose related rows, it reads
	unknown []string // what it reads no column of, and is no table of ours
	refusal string   // the first thing that it may not do
}

// allow implements the callback of sqlite3_set_authorizer.
func (g *guard) allow(op int, arg1, arg2, _ string) int {
	g.any = true
	switch op {
	case sqlite3.SQLITE_SELECT, recursive:
		return sqlite3.SQLITE_OK
	case sqlite3.SQLITE_READ:
		_, top := byName(arg1)
		if top == nil && arg2 != "" {
			return g.refuse("there is no table %s", arg1)
		}
		if top == nil { // no column of it is read: it may be what the query itself defines by WITH
			g.unknown = append(g.unknown, arg1)
			return sqlite3.SQLITE_OK
		}
		if !slices.Contains(g.tops, top) {
			g.tops = append(g.tops, top)
		}
		return sqlite3.SQLITE_OK
	case sqlite3.SQLITE_FUNCTION:
		if !slices.Contains(functions, strings.ToLower(arg2)) {
			return g.refuse("function %s is not allowed", arg2)
		}
		return sqlite3.SQLITE_OK
	}
	return g.refuse("only SELECT is allowed")
}

func (g *guard) refuse(format string, args ...any) int {
	if g.refusal == "" {
		g.refusal = fmt.Sprintf(format, args...)
	}
	return sqlite3.SQLITE_DENY
}

// limit is one of SQLite's own limits on a query.
type limit struct{ id, value int }

// limits are far above what a person would write, and far below what costs memory or time by its size alone.
var limits = []limit{
	{sqlite3.SQLITE_LIMIT_LENGTH, maxValue},
	{sqlite3.SQLITE_LIMIT_SQL_LENGTH, MaxQuery},
	{sqlite3.SQLITE_LIMIT_COLUMN, 500},
	{sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 100},
	{sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 50},
	{sqlite3.SQLITE_LIMIT_VDBE_OP, 100_000},
	{sqlite3.SQLITE_LIMIT_FUNCTION_ARG, 60},
	{sqlite3.SQLITE_LIMIT_ATTACHED, 0},
	{sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200},
	{sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 1},
	{sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1},
	{sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0},
}
