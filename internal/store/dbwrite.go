package store

import (
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Follower is told of each transaction before it is committed: the statements that change the database, in
// their order and with their values, and the transaction's number. An error keeps the transaction from
// being committed. It is called from the writer's goroutine, and nothing is stored until it returns.
type Follower func(version uint32, writes []string) error

// dataVersion is the variable that counts the transactions that followers were told of. It has the value
// of the last; a stretch of transactions that nobody followed counts as two, so that whoever follows later
// finds a gap, and takes a new copy of the whole. As one it would not do: a follower may hold a transaction with the next
// number that was never committed, because the node died, or its disk failed, in between.
const dataVersion = "data_version"

const (
	nextVersion = "INSERT INTO vars (name, value) VALUES ('" + dataVersion + "', 1) ON CONFLICT (name) DO UPDATE SET value = (value + 1) & 4294967295"
	gapVersion  = "INSERT INTO vars (name, value) VALUES ('" + dataVersion + "', 2) ON CONFLICT (name) DO UPDATE SET value = (value + 2) & 4294967295"
)

// Follow has follow told of each transaction from now on; nil: nobody. follow says for each transaction
// whether there is anybody to tell, by returning it.
func (d *DB) Follow(follow func() Follower) {
	d.writer.mu.Lock()
	defer d.writer.mu.Unlock()
	d.writer.follow = follow
}

// follower is who is to be told of the next transaction, nil if nobody.
func (w *writer) follower() Follower {
	w.mu.Lock()
	follow := w.follow
	w.mu.Unlock()
	if follow == nil {
		return nil
	}
	return follow()
}

// tell ends a transaction for those who follow, or notes that nobody does.
func (w *writer) tell(tx *Tx, to Follower) error {
	if to == nil {
		if w.gap {
			return nil
		}
		w.gap = true
		return tx.exec(gapVersion)
	}
	if len(tx.writes) == 0 {
		return nil
	}
	w.gap = false
	if err := tx.exec(nextVersion); err != nil {
		return err
	}
	var version uint32
	if err := tx.queryRow("SELECT value FROM vars WHERE name = '"+dataVersion+"'", nil, &version); err != nil {
		return err
	}
	return to(version, tx.writes)
}

// isWrite reports whether a statement changes the database; BEGIN, COMMIT and savepoints do not by
// themselves.
func isWrite(query string) bool {
	for _, verb := range []string{"INSERT", "UPDATE", "DELETE", "REPLACE"} {
		if len(query) > len(verb) && strings.EqualFold(query[:len(verb)], verb) {
			return true
		}
	}
	return false
}

// expand is the statement with its values in it, as SQLite would read it.
func expand(query string, args []any) (string, error) {
	var b strings.Builder
	next := 0
	for i := 0; i < len(query); i++ {
		switch c := query[i]; c {
		case '\'', '"': // to its other end
			end := strings.IndexByte(query[i+1:], c)
			if end < 0 {
				return "", fmt.Errorf("expand %q: a quote is not closed", query)
			}
			b.WriteString(query[i : i+end+2])
			i += end + 1
		case '?':
			if next == len(args) {
				return "", fmt.Errorf("expand %q: it has more places than values", query)
			}
			value, err := literal(args[next])
			if err != nil {
				return "", fmt.Errorf("expand %q: value %d: %w", query, next+1, err)
			}
			b.WriteString(value)
			next++
		default:
			b.WriteByte(c)
		}
	}
	if next != len(args) {
		return "", fmt.Errorf("expand %q: it has %d places for %d values", query, next, len(args))
	}
	return b.String(), nil
}

// literal is a value as SQL writes it, as the driver would store it.
func literal(v any) (string, error) {
	value, err := driver.DefaultParameterConverter.ConvertValue(v)
	if err != nil {
		return "", err
	}
	switch value := value.(type) {
	case nil:
		return "NULL", nil
	case int64:
		return strconv.FormatInt(value, 10), nil
	case bool:
		if value {
			return "1", nil
		}
		return "0", nil
	case []byte:
		if value == nil {
			return "NULL", nil
		}
		return "X'" + hex.EncodeToString(value) + "'", nil
	case string:
		// No literal of a text can hold a zero, and JSON, in which followers are told, only UTF-8.
		if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
			return "CAST(X'" + hex.EncodeToString([]byte(value)) + "' AS TEXT)", nil
		}
		return "'" + strings.ReplaceAll(value, "'", "''") + "'", nil
	case float64, time.Time:
		return "", fmt.Errorf("values of type %T are not stored", value)
	}
	return "", fmt.Errorf("values of type %T are not known", value)
}
