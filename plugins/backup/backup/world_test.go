package backup

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// world is a database that is written as lightningd does it, and what keeps a copy of it.
type world struct {
	t      *testing.T
	dir    string // of the copy
	file   string // the database
	db     *sql.DB
	conn   *sql.Conn
	keeper *Keeper
	said   []string
	limit  int64
}

// bump counts a transaction as lightningd does: as 1, or as 2 where nobody follows.
const bump = "INSERT INTO vars (name, value) VALUES ('data_version', %[1]d) ON CONFLICT (name) DO UPDATE SET value = (value + %[1]d) & 4294967295"

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "copy"), file: filepath.Join(t.TempDir(), "lightningd.sqlite3")}
	w.openDatabase()
	w.exec("CREATE TABLE vars (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID")
	w.exec("CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB)")
	t.Cleanup(func() { w.db.Close() })
	return w
}

func (w *world) openDatabase() {
	w.t.Helper()
	var err error
	if w.db, err = sql.Open("sqlite3", "file:"+w.file+"?_journal_mode=WAL&_synchronous=OFF"); err != nil {
		w.t.Fatal(err)
	}
	if w.conn, err = w.db.Conn(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(query string) {
	w.t.Helper()
	if _, err := w.conn.ExecContext(context.Background(), query); err != nil {
		w.t.Fatal(err)
	}
}

// follow starts the keeper, as at a start of the node.
func (w *world) follow(to Copy) error {
	k, err := NewKeeper(Config{
		Source: NewSource(w.file), To: to, Limit: w.limit,
		Log:  func(_, format string, args ...any) { w.said = append(w.said, fmt.Sprintf(format, args...)) },
		Fail: func(err error) { w.t.Errorf("the keeper fails: %v", err) },
	})
	if err != nil {
		to.Close()
	} else {
		w.keeper = k
	}
	return err
}

func (w *world) followDir() {
	w.t.Helper()
	d, err := OpenDir(w.dir)
	if err == nil {
		err = w.follow(d)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) unfollow() {
	w.t.Helper()
	if err := w.keeper.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.keeper = nil
}

// commit stores n things of some size in one transaction.
func (w *world) commit(n, size int) {
	w.t.Helper()
	if err := w.tell(n, size); err != nil {
		w.t.Fatal(err)
	}
	w.exec("COMMIT")
}

// tell does all of a transaction but to commit it.
func (w *world) tell(n, size int) error {
	w.t.Helper()
	w.exec("BEGIN IMMEDIATE")
	var writes []string
	for range n {
		writes = append(writes, fmt.Sprintf("INSERT INTO things (data) VALUES (X'%s')", strings.Repeat("5a", size)))
	}
	step := 1
	if w.keeper == nil {
		step = 2
	}
	writes = append(writes, fmt.Sprintf(bump, step))
	for _, s := range writes {
		w.exec(s)
	}
	version, err := versionOf(func(q string, args ...any) *sql.Row { return w.conn.QueryRowContext(context.Background(), q, args...) })
	if err != nil {
		w.t.Fatal(err)
	}
	if w.keeper == nil {
		return nil
	}
	return w.keeper.Write(version, writes)
}

// content is all of a database in words.
func content(t *testing.T, file string) string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+file+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text string
	err = db.QueryRow("SELECT (SELECT group_concat(name || '=' || value) FROM vars) || ' ' || (SELECT count(*) || ' things, ' || total(length(data)) || ' bytes, last ' || max(id) FROM things)").Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// holds restores the copy and compares.
func (w *world) holds() Restored {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "restored")
	r, err := Restore(w.dir, file, Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	if got, want := content(w.t, file), content(w.t, w.file); got != want {
		w.t.Fatalf("restored: %s\nthe database: %s", got, want)
	}
	return r
}

// receiver serves w.dir at an address, and returns it.
func (w *world) receiver(listen string, secret []byte) (string, net.Listener) {
	w.t.Helper()
	l, err := Listen(listen, secret)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	go NewReceiver(w.dir, w.t.Logf).Serve(l)
	if strings.HasPrefix(listen, tcpScheme) {
		return tcpScheme + l.Addr().String(), l
	}
	return listen, l
}
