package store

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fulmen/internal/invoices"
)

// copyOf is another database with what db has now.
func copyOf(t *testing.T, db *DB) *sql.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.sqlite3")
	var file string
	if err := db.read.QueryRow("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file); err != nil {
		t.Fatal(err)
	}
	source, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if _, err := source.Exec("VACUUM INTO ?", path); err != nil {
		t.Fatal(err)
	}
	replica, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { replica.Close() })
	return replica
}

// dump is all rows of all tables.
func dump(t *testing.T, db *sql.DB) string {
	t.Helper()
	var b strings.Builder
	for _, table := range column(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
		columns := column(t, db, "SELECT name FROM pragma_table_info('"+table+"')")
		for i := range columns {
			columns[i] = "quote(" + columns[i] + ")"
		}
		rows := column(t, db, "SELECT "+strings.Join(columns, "||','||")+" AS row FROM "+table+" ORDER BY row")
		fmt.Fprintf(&b, "%s\n\t%s\n", table, strings.Join(rows, "\n\t"))
	}
	return b.String()
}

func column(t *testing.T, db *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return values
}

// follow collects what a follower is told.
type followed struct {
	versions []uint32
	writes   []string
	refuse   error
}

func (f *followed) tell(version uint32, writes []string) error {
	f.versions = append(f.versions, version)
	if f.refuse == nil {
		f.writes = append(f.writes, writes...)
	}
	return f.refuse
}

func TestWritesMakeTheSameDatabase(t *testing.T) {
	db := open(t)
	replica := copyOf(t, db)
	f := new(followed)
	db.Follow(func() Follower { return f.tell })
	for i, label := range []string{"plain", "it's \"quoted\" ? -- ;", "ä \x00 nul", ""} {
		inv := &invoices.Invoice{
			Label: label, Bolt11: "lnbc?", Description: label, PaymentHash: invoices.Hash{byte(i)}, Preimage: [32]byte{0, byte(i)},
			Amount: 7, ExpiresAt: time.Unix(2_000_000_000, 0), Status: invoices.Unpaid,
		}
		update(t, db, func(tx *Tx) error { return tx.CreateInvoice(inv) })
		take := invoices.Take{Invoice: inv, Received: 8, Parts: []invoices.Part{{Key: invoices.Key{Channel: 1, HTLC: uint64(i)}, Amount: 8}}}
		update(t, db, func(tx *Tx) error { return tx.PayInvoice(take, time.Unix(1_900_000_000, 0)) })
	}
	failure := errors.New("no")
	if err := db.Update(func(tx *Tx) error {
		return errors.Join(tx.SetVar("undone", []byte("x")), failure)
	}); !errors.Is(err, failure) {
		t.Fatal(err)
	}
	update(t, db, func(tx *Tx) error { return tx.SetVar("bytes", []byte{0, 0xff, '\''}) })
	for _, w := range f.writes {
		if _, err := replica.Exec(w); err != nil {
			t.Fatalf("%v\n%s", err, w)
		}
	}
	if want, got := dump(t, db.read), dump(t, replica); got != want {
		t.Errorf("what was written makes\n%s\nbut the database is\n%s", got, want)
	}
	for i := 1; i < len(f.versions); i++ {
		if f.versions[i] != f.versions[i-1]+1 {
			t.Errorf("versions %v do not count up by one", f.versions)
		}
	}
}

func update(t *testing.T, db *DB, apply func(*Tx) error) {
	t.Helper()
	if err := db.Update(apply); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedWriteIsNotCommitted(t *testing.T) {
	db := open(t)
	f := &followed{refuse: errors.New("the disk of the backup is full")}
	db.Follow(func() Follower { return f.tell })
	if err := db.Update(func(tx *Tx) error { return tx.SetVar("a", []byte("x")) }); !errors.Is(err, f.refuse) {
		t.Fatalf("error %v", err)
	}
	if v, err := db.Var("a"); v != nil || err != nil {
		t.Errorf("it was stored: %x, %v", v, err)
	}
	f.refuse = nil
	update(t, db, func(tx *Tx) error { return tx.SetVar("a", []byte("y")) })
	if len(f.versions) != 2 || f.versions[0] != f.versions[1] {
		t.Errorf("versions %v: the second should stand for the first", f.versions)
	}
}

// TestUnfollowedWritesLeaveAGap: who follows again must see that it missed something.
func TestUnfollowedWritesLeaveAGap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	f := new(followed)
	set := func(db *DB) { update(t, db, func(tx *Tx) error { return tx.SetVar("a", []byte("x")) }) }
	for range 2 {
		db, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		db.Follow(func() Follower { return f.tell })
		set(db)
		db.Follow(nil)
		set(db)
		set(db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.versions) != 2 || f.versions[1] < f.versions[0]+2 {
		t.Errorf("versions %v: want a gap", f.versions)
	}
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.Follow(func() Follower { return f.tell })
	set(db)
	set(db)
	if n := len(f.versions); f.versions[n-1] != f.versions[n-2]+1 {
		t.Errorf("versions %v: there is no gap to see between the last two", f.versions)
	}
}

// TestAGapIsNotTheNextVersion: whoever follows may hold a transaction that was not committed in the end, as the node
// died just then. What nobody was told of after that must not have its number, nor be taken for it.
func TestAGapIsNotTheNextVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	set := func(tx *Tx) error { return tx.SetVar("a", []byte("x")) }
	f := new(followed)
	db.Follow(func() Follower { return f.tell })
	update(t, db, set)
	f.refuse = errors.New("the plugin was lost after it had stored this")
	if err := db.Update(set); !errors.Is(err, f.refuse) {
		t.Fatal(err)
	}
	db.Follow(nil)
	update(t, db, set)
	held := f.versions[len(f.versions)-1]
	if now := versionNow(t, db); now == held {
		t.Errorf("after a gap the database is of version %d, which a copy has for a transaction that was not committed", now)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// A migration is such a gap too.
	raw, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	before := rawVersion(t, raw)
	if err := migrateStep(raw, 2, "CREATE TABLE later (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	if now := rawVersion(t, raw); now < before+2 {
		t.Errorf("a migration takes version %d to %d: that may be the number of a transaction that was not committed", before, now)
	}
}

func versionNow(t *testing.T, db *DB) uint32 { return rawVersion(t, db.read) }

func rawVersion(t *testing.T, db *sql.DB) (version uint32) {
	t.Helper()
	if err := db.QueryRow("SELECT value FROM vars WHERE name = 'data_version'").Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

// A text that is no UTF-8 would be another in JSON, in which followers are told.
func TestLiteralOfBytesThatAreNoText(t *testing.T) {
	for _, text := range []string{"plain \u00e4", "\xff\xfe", "cut \xc3", "nul \x00"} {
		got, err := literal(text)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(got) {
			t.Errorf("%q is %q, which is not UTF-8", text, got)
		}
		var back string
		db := open(t)
		if err := db.read.QueryRow("SELECT " + got).Scan(&back); err != nil || back != text {
			t.Errorf("%q comes back as %q, error %v", text, back, err)
		}
	}
}

// TestFollowersAreToldInPortions: what piled up behind a slow follower is more than it could be told at once.
func TestFollowersAreToldInPortions(t *testing.T) {
	db := open(t)
	const units, size = 40, 1 << 20
	first, goOn := make(chan struct{}), make(chan struct{})
	var told []int
	db.Follow(func() Follower {
		return func(_ uint32, writes []string) error {
			if told == nil {
				close(first)
				<-goOn
			}
			sum := 0
			for _, w := range writes {
				sum += len(w)
			}
			told = append(told, sum)
			return nil
		}
	})
	var order []int
	done := make(chan struct{})
	failure := errors.New("no")
	submit := func(i int) {
		db.Submit(func(tx *Tx) error {
			if err := tx.SetVar(fmt.Sprint("unit ", i), make([]byte, size)); err != nil || i%7 != 3 {
				return err
			}
			return failure
		}, func(err error) {
			if (i%7 == 3) != errors.Is(err, failure) {
				t.Errorf("unit %d: %v", i, err)
			}
			if order = append(order, i); i == units-1 {
				close(done)
			}
		})
	}
	submit(0)
	<-first
	for i := 1; i < units; i++ {
		submit(i)
	}
	close(goOn)
	<-done
	for i, n := range order {
		if n != i {
			t.Fatalf("units are done in the order %v", order)
		}
	}
	for _, n := range told {
		if n > maxTold+2*size+1000 {
			t.Errorf("told %d bytes at once", n)
		}
	}
	for i := range units {
		if v, err := db.Var(fmt.Sprint("unit ", i)); err != nil || (len(v) == size) != (i%7 != 3) {
			t.Errorf("unit %d: %d bytes, %v", i, len(v), err)
		}
	}
}
