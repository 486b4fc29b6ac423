package sql

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/mattn/go-sqlite3"
)

// Query brings the tables that a query reads up to date, and returns its rows, an array each. What is wrong with the
// query is a *queryError.
func (s *SQL) Query(ctx context.Context, text string) ([]json.RawMessage, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.give()
	if err := s.open(); err != nil {
		return nil, err
	}
	defer s.dropLater()
	stmt, reads, err := s.db.prepare(text)
	if err != nil {
		return nil, &queryError{s.explain(ctx, err)}
	}
	defer stmt.Close() // it was only read
	if err := s.refresh(ctx, reads); err != nil {
		var failed sqlite3.Error
		if errors.As(err, &failed) { // who knows what the tables have now
			err = errors.Join(s.explain(ctx, err), stmt.Close(), s.drop())
		}
		return nil, fmt.Errorf("bring the tables up to date: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, s.config.Time)
	defer cancel()
	out := rowWriter{rows: []json.RawMessage{}}
	if err := query(limited, stmt, out.add); err != nil {
		return nil, &queryError{s.explain(ctx, err)}
	}
	return out.rows, nil
}

// queryError is a fault of the query, not ours.
type queryError struct{ error }

// Unwrap implements errors.Unwrap.
func (e *queryError) Unwrap() error { return e.error }

// explain says in words of ours what limit an error is.
func (s *SQL) explain(ctx context.Context, err error) error {
	var failed sqlite3.Error
	errors.As(err, &failed)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded) || failed.Code == sqlite3.ErrInterrupt:
		return fmt.Errorf("it takes longer than %s", s.config.Time)
	case failed.Code == sqlite3.ErrNomem || failed.Code == sqlite3.ErrFull:
		giveBack()
		return fmt.Errorf("tables and query need more than %d MB of memory", maxMemory>>20)
	case failed.Code == sqlite3.ErrTooBig:
		return fmt.Errorf("a value is longer than %d bytes", maxValue)
	}
	return err
}

// rowWriter writes rows as JSON.
type rowWriter struct {
	rows []json.RawMessage
	size int
	b    bytes.Buffer // the row that is being written
}

func (w *rowWriter) add(row []driver.Value) error {
	w.b.Reset()
	w.b.WriteByte('[')
	for i, v := range row {
		if i > 0 {
			w.b.WriteByte(',')
		}
		if err := w.value(v); err != nil {
			return err
		}
	}
	w.b.WriteByte(']')
	w.rows = append(w.rows, bytes.Clone(w.b.Bytes()))
	w.size += w.b.Len() + rowOverhead
	if w.size > MaxResult {
		return fmt.Errorf("its rows are more than %d MB; LIMIT asks for fewer", MaxResult>>20)
	}
	return nil
}

// rowOverhead is what a row takes beside its text.
const rowOverhead = 32

func (w *rowWriter) value(v driver.Value) error {
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case int64:
		w.b.Write(strconv.AppendInt(w.b.AvailableBuffer(), v, 10))
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return errors.New("a number is beyond all that JSON can have")
		}
		text, err := json.Marshal(v)
		w.b.Write(text)
		return err
	case []byte:
		w.b.WriteByte('"')
		w.b.Write(hex.AppendEncode(w.b.AvailableBuffer(), v))
		w.b.WriteByte('"')
	case string:
		enc := json.NewEncoder(&w.b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return err
		}
		w.b.Truncate(w.b.Len() - 1) // the line's end
	default:
		panic(fmt.Sprintf("sql: a value of type %T", v)) // no column of ours is declared so that the driver makes it
	}
	return nil
}
