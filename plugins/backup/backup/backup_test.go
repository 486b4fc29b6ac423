package backup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestKeepAndRestore(t *testing.T) {
	w := newWorld(t)
	w.commit(3, 100) // nobody follows yet
	w.followDir()
	for range 10 {
		w.commit(2, 1000)
	}
	w.keeper.copies.Wait()
	if r := w.holds(); r.Version != 12 || r.Transactions != 10 {
		t.Errorf("restored %+v", r)
	}
	w.unfollow()
	w.followDir() // the node starts again: nothing is copied anew
	w.commit(1, 10)
	if r := w.holds(); r.Transactions != 11 {
		t.Errorf("restored %+v", r)
	}
}

// lightningd may end, or fail, between telling and committing.
func TestNotCommitted(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	w.keeper.copies.Wait()
	w.commit(1, 10)
	for _, restart := range []bool{false, true} {
		if err := w.tell(5, 10); err != nil {
			t.Fatal(err)
		}
		w.exec("ROLLBACK")
		if restart {
			w.unfollow()
			w.followDir()
		}
		w.commit(2, 20)
		w.keeper.copies.Wait()
		w.holds()
	}
	// And where a new generation begins in between.
	if err := w.tell(5, 10); err != nil {
		t.Fatal(err)
	}
	w.exec("ROLLBACK")
	w.keeper.limit, w.keeper.state.SnapshotSize = 1, 0
	w.commit(2, 20)
	w.keeper.copies.Wait() // which then removes the generation before
	w.holds()
}

func TestGap(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	w.commit(1, 10)
	w.unfollow()
	w.commit(1, 10) // without the plugin
	w.followDir()
	w.commit(1, 10)
	w.keeper.copies.Wait()
	if r := w.holds(); r.Transactions != 1 {
		t.Errorf("restored %+v", r)
	}
	if list, err := generations(w.dir); err != nil || len(list) != 1 {
		t.Errorf("generations %v, error %v", list, err)
	}
}

// TestGapAfterNotCommitted: the copy has a transaction that the node did not commit, as it was killed just then. What it
// then did without the plugin must not be taken for that.
func TestGapAfterNotCommitted(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	w.keeper.copies.Wait()
	w.commit(1, 10)
	if err := w.tell(5, 10); err != nil {
		t.Fatal(err)
	}
	w.exec("ROLLBACK")
	w.unfollow()
	w.commit(3, 10) // without the plugin
	w.followDir()
	w.commit(1, 10)
	w.keeper.copies.Wait()
	w.holds()
}

func TestOldDatabaseIsRefused(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	w.commit(1, 10)
	w.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	old, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	w.commit(1, 10)
	w.commit(1, 10)
	w.unfollow()
	w.conn.Close()
	w.db.Close()
	if err := os.WriteFile(w.file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	w.openDatabase()
	d, err := OpenDir(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.follow(d); err == nil || !strings.Contains(err.Error(), "must not go back to work") {
		t.Errorf("error %v", err)
	}
}

// TestCompact writes until the writes outgrow the snapshot, many times.
func TestCompact(t *testing.T) {
	w := newWorld(t)
	w.limit = 10_000
	w.followDir()
	for range 200 {
		w.commit(1, 1000)
	}
	w.keeper.copies.Wait()
	w.commit(1, 10)
	w.keeper.copies.Wait()
	r := w.holds()
	if r.Transactions > 199 || r.Version != 201 {
		t.Errorf("restored %+v", r)
	}
	if len(w.said) < 2 {
		t.Errorf("said %q", w.said)
	}
	left, err := filepath.Glob(w.file + ".copy*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// TestCutAnywhere cuts the newest file at each length: what was whole is restored, and the node goes on.
func TestCutAnywhere(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	w.keeper.copies.Wait()
	w.commit(1, 1)
	w.commit(2, 3)
	w.unfollow()
	path := filepath.Join(w.dir, fileName(1, writesFile))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var versions []uint32
	for n := range len(raw) + 1 {
		if err := os.WriteFile(path, raw[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "restored")
		r, err := Restore(w.dir, file, Options{})
		if err != nil { // within the header, which was written before the snapshot was whole
			if len(versions) > 0 || n >= headSize+len(header(kindWrites, 0))+sumSize {
				t.Fatalf("cut at %d: %v", n, err)
			}
			continue
		}
		if !slices.Contains(versions, r.Version) {
			versions = append(versions, r.Version)
			if r.Torn {
				t.Errorf("cut at %d: torn after a whole transaction", n)
			}
		}
	}
	if !slices.Equal(versions, []uint32{0, 1, 2}) {
		t.Errorf("restored versions %v", versions)
	}
}

// TestDamageAnywhere changes each byte of both files: no restored database is another than that which was kept.
func TestDamageAnywhere(t *testing.T) {
	w := newWorld(t)
	w.commit(1, 1)
	w.followDir()
	w.keeper.copies.Wait()
	w.commit(1, 1)
	w.commit(2, 3)
	w.unfollow()
	for _, kind := range []string{writesFile, snapshotFile} {
		path := filepath.Join(w.dir, fileName(1, kind))
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(raw); i += 1 + len(raw)/150 {
			raw[i] ^= 4
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			raw[i] ^= 4
			file := filepath.Join(t.TempDir(), "restored")
			if r, err := Restore(w.dir, file, Options{}); err == nil {
				t.Errorf("byte %d of the %s: restored %+v", i, kind, r)
			}
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.holds()
}

// A copy that was damaged is made anew when the node starts.
func TestDamageIsMended(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	w.keeper.copies.Wait()
	w.commit(1, 1)
	w.commit(1, 1)
	w.unfollow()
	path := filepath.Join(w.dir, fileName(1, writesFile))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(w.dir); !errors.Is(err, ErrDamaged) {
		t.Fatalf("error %v", err)
	}
	file := filepath.Join(t.TempDir(), "forced")
	if r, err := Restore(w.dir, file, Options{Force: true}); err != nil || r.Damage == nil || r.Version >= 2 {
		t.Fatalf("restored %+v, error %v", r, err)
	}
	w.followDir()
	w.keeper.copies.Wait()
	w.commit(1, 1)
	w.holds()
}

func TestRestoreReplacesNothing(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	w.keeper.copies.Wait()
	w.commit(1, 1)
	before := content(t, w.file)
	if _, err := Restore(w.dir, w.file, Options{}); err == nil || content(t, w.file) != before {
		t.Errorf("error %v", err)
	}
}

// Somebody who can write into the copy could name what SQLite does elsewhere.
func TestRestoreChangesRowsAlone(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	w.keeper.copies.Wait()
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for _, s := range []string{"ATTACH DATABASE '" + elsewhere + "' AS e", bump + "; ATTACH DATABASE '" + elsewhere + "' AS e; CREATE TABLE e.x (y)"} {
		if err := w.keeper.to.Append(1, []string{s}); err != nil {
			t.Fatal(err)
		}
		_, err := Restore(w.dir, filepath.Join(t.TempDir(), "restored"), Options{})
		if _, statErr := os.Stat(elsewhere); statErr == nil {
			t.Fatalf("%q was executed", s)
		}
		t.Logf("%q: %v", s, err)
	}
}

func TestFolderInUse(t *testing.T) {
	w := newWorld(t)
	w.followDir()
	if _, err := OpenDir(w.dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v", err)
	}
}
