package store

import (
	"errors"
	"strings"
	"testing"
)

// TestFullDisk: where SQLite undoes a whole transaction because there is no room, every unit of it fails, and what came
// after the one that did not fit is not committed alone.
func TestFullDisk(t *testing.T) {
	d := open(t)
	must(t, d.Update(func(tx *Tx) error { return tx.SetVar("before", []byte("1")) }))
	limit := func(query string) {
		must(t, d.Update(func(tx *Tx) error {
			var pages int
			return tx.queryRow(query, nil, &pages)
		}))
	}
	limit("PRAGMA max_page_count = 100")
	begun, goOn := make(chan struct{}), make(chan struct{})
	d.Submit(func(*Tx) error { close(begun); <-goOn; return nil }, func(error) {})
	<-begun // what is submitted from here on is one transaction
	names := []string{"first", "large", "last"}
	results := make(chan error, len(names))
	for _, name := range names {
		value := []byte(name)
		if name == "large" {
			value = make([]byte, 4<<20)
		}
		d.Submit(func(tx *Tx) error { return tx.SetVar(name, value) }, func(err error) { results <- err })
	}
	close(goOn)
	for _, name := range names {
		if err := <-results; err == nil || !strings.Contains(err.Error(), "full") || strings.Contains(err.Error(), "ROLLBACK") {
			t.Errorf("%s: %v", name, err)
		}
		if value, err := d.Var(name); value != nil && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is in the database: %q, %v", name, value, err)
		}
	}
	limit("PRAGMA max_page_count = 1000000")
	must(t, d.Update(func(tx *Tx) error { return tx.SetVar("after", []byte("2")) }))
	for name, want := range map[string]string{"before": "1", "after": "2"} {
		if value, err := d.Var(name); err != nil || string(value) != want {
			t.Errorf("%s is %q, %v", name, value, err)
		}
	}
}
