package sql

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"
)

// FuzzQuery runs any text: it gives rows or an error that says it is the query's, and the tables are there after it.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"SELECT * FROM peerchannels", "SELECT count(*), hex(peer_id) FROM peerchannels GROUP BY state HAVING 1 ORDER BY 2 LIMIT 1 OFFSET 0",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 9) SELECT i, json_object('a', i) FROM n, peerchannels_htlcs",
		"SELECT date('now'), strftime('%s', 0), unixepoch(), timediff('2024-01-01', '2023-01-01')", "ATTACH 'x' AS y", "PRAGMA page_count",
		"SELECT * FROM json_each('[]')", "SELECT load_extension('x')", "VALUES (1), (x'00')", ";;", "SELECT '\x00' || \"", "/* ", "EXPLAIN SELECT 1",
		"SELECT sum(to_us_msat) OVER (PARTITION BY state) FROM peerchannels", "INSERT INTO peers VALUES (1)", "BEGIN; DELETE FROM peers; COMMIT",
		"SELECT * FROM htlcs JOIN invoices USING (payment_hash)", "SELECT 1e400, -9223372036854775808 / -1, 5 % 0, NULL",
	} {
		f.Add(seed)
	}
	w := peerChannels(f)
	for _, t := range tables { // so that no refresh fails
		if w.lists[t.Command] == nil {
			w.lists[t.Command] = []object{}
		}
	}
	f.Fuzz(func(t *testing.T, query string) {
		w.t, w.s.config.Time = t, 100*time.Millisecond
		rows, err := w.s.Query(context.Background(), query)
		var wrong *queryError
		switch {
		case err == nil && slices.ContainsFunc(rows, func(r json.RawMessage) bool { return !json.Valid(r) }):
			t.Fatalf("%q: rows %q", query, rows)
		case err != nil && !errors.As(err, &wrong):
			t.Fatalf("%q: %v", query, err)
		}
		w.s.config.Time = time.Minute
		if left, err := w.s.Query(context.Background(), "SELECT count(*) FROM peerchannels"); err != nil || len(left) != 1 || string(left[0]) != "[2]" {
			t.Fatalf("%q left %s, %v", query, left, err)
		}
	})
}
