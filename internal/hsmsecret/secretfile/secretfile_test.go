package secretfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hsm_secret")
	if _, err := Open(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("open nothing: %v", err)
	}
	if err := Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o400 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := Create(path, []byte("second")); !errors.Is(err, ErrExists) {
		t.Errorf("create again: %v", err)
	}
	wantOnly(t, path, "first")
}

// Two who begin at the same time: one wins, nothing is overwritten, no other file is left.
func TestCommitRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hsm_secret")
	a, err := Begin(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Begin(path)
	if err != nil {
		t.Fatal(err)
	}
	for n, text := range map[*New]string{a: "a", b: "b"} {
		if _, err := n.File().WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(); !errors.Is(err, ErrExists) {
		t.Errorf("second commit: %v", err)
	}
	wantOnly(t, path, "a")
}

// What another process writes to its descriptor is committed here.
func TestDup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hsm_secret")
	n, err := Begin(path)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := n.Dup()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.WriteString("theirs"); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if err := n.Commit(); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, path, "theirs")
}

func TestAbandon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hsm_secret")
	n, err := Begin(path)
	if err != nil {
		t.Fatal(err)
	}
	n.Abandon()
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestOpenFolder(t *testing.T) {
	if f, err := Open(t.TempDir()); err == nil {
		f.Close()
		t.Error("a folder was opened")
	}
}

// wantOnly checks that path has this content and no neighbours.
func wantOnly(t *testing.T, path, content string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != content {
		t.Errorf("content %q, %v", b, err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("files %v, %v", files, err)
	}
}
