package gossipstore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fulmen/internal/wire"
)

// message is a gossip message for the store, which looks at no more than its type.
func message(n int) []byte {
	return append([]byte{1, 2}, bytes.Repeat([]byte{byte(n)}, n)...)
}

func create(t testing.TB, path string, id byte) (*os.File, *Writer) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w, err := Create(f, UUID{id})
	if err != nil {
		t.Fatal(err)
	}
	return f, w
}

func mustAppend(t testing.TB, w *Writer, n int) int64 {
	t.Helper()
	at, err := w.Append(0, uint32(n), message(n))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// live are the sizes that message was given for the records that r has left and are not deleted.
func live(t testing.TB, r *Reader) (sizes []int, err error) {
	t.Helper()
	for {
		rec, err := r.Next()
		if err != nil {
			return sizes, err
		}
		if rec.Flags&Deleted == 0 && rec.Type() == wire.MsgChannelUpdate {
			if n := len(rec.Msg) - 2; !bytes.Equal(rec.Msg, message(n)) || rec.Timestamp != uint32(n) {
				t.Fatalf("record of %d bytes with timestamp %d is %x", n, rec.Timestamp, rec.Msg)
			}
			sizes = append(sizes, len(rec.Msg)-2)
		}
	}
}

func TestLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip_store")
	_, w := create(t, path, 0xaa)
	at, err := w.Append(Push, 0x01020304, []byte{1, 2, 3})
	must(t, err)
	must(t, w.Flush())
	must(t, w.Mark(at, Deleted))
	have, err := os.ReadFile(path)
	must(t, err)
	want := "10" + // version 0.16
		"2000" + "0022" + "9bc00e2d" + "00000000" + "100b" + "aa" + strings.Repeat("00", 31) +
		"e000" + "0003" + "ba328e6b" + "01020304" + "010203"
	if got := hex.EncodeToString(have); got != want {
		t.Errorf("file\n%s, want\n%s", got, want)
	}
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip_store")
	_, w := create(t, path, 1)
	r, err := Open(path)
	must(t, err)
	defer r.Close()
	var want []int
	for i := range 10 {
		size := i * 5000
		mustAppend(t, w, size)
		want = append(want, size)
		must(t, w.Flush())
		got, err := live(t, r)
		if err != io.EOF || !reflect.DeepEqual(got, []int{size}) {
			t.Fatalf("after record %d: %v, %v", i, got, err)
		}
	}
	again, err := Open(path)
	must(t, err)
	defer again.Close()
	if got, err := live(t, again); err != io.EOF || !reflect.DeepEqual(got, want) {
		t.Errorf("from the beginning: %v, %v, want %v", got, err, want)
	}
}

func TestReaderWaitsForAWholeRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip_store")
	f, w := create(t, path, 1)
	r := NewReader(f)
	if _, err := live(t, r); err != io.EOF {
		t.Fatal(err)
	}
	record := appendRecord(nil, 0, 100, message(100))
	for n := range len(record) {
		if _, err := f.WriteAt(record[:n], w.Size()); err != nil {
			t.Fatal(err)
		}
		if got, err := live(t, r); err != io.EOF || len(got) > 0 {
			t.Fatalf("%d of %d bytes: %v, %v", n, len(record), got, err)
		}
	}
	// Room that was made before it was filled, as after a crash of the machine.
	must(t, f.Truncate(w.Size()+1000))
	if _, err := f.WriteAt(make([]byte, 1000), w.Size()); err != nil {
		t.Fatal(err)
	}
	if got, err := live(t, r); err != io.EOF || len(got) > 0 {
		t.Fatalf("zeros: %v, %v", got, err)
	}
	if _, err := f.WriteAt(record, w.Size()); err != nil {
		t.Fatal(err)
	}
	if got, err := live(t, r); err != io.EOF || !reflect.DeepEqual(got, []int{100}) {
		t.Errorf("whole: %v, %v", got, err)
	}
}

func TestLoadCutsOffDamage(t *testing.T) {
	tests := map[string]struct {
		damage func(whole []byte) []byte
		want   []int
		reason string
	}{
		"none":               {func(b []byte) []byte { return b }, []int{10, 20, 30}, ""},
		"half a record":      {func(b []byte) []byte { return b[:len(b)-1] }, []int{10, 20}, "the last 43 bytes are no whole record"},
		"half a header":      {func(b []byte) []byte { return b[:len(b)-44+5] }, []int{10, 20}, "the last 5 bytes are no whole record"},
		"zeros":              {func(b []byte) []byte { return append(b, make([]byte, 77)...) }, []int{10, 20, 30}, "the last 77 bytes are no whole record"},
		"a bit of the last":  {func(b []byte) []byte { b[len(b)-1] ^= 4; return b }, []int{10, 20}, "checksum does not match"},
		"a bit of the first": {func(b []byte) []byte { b[1+12+34+12+3] ^= 4; return b }, nil, "checksum does not match"},
		"a timestamp":        {func(b []byte) []byte { b[len(b)-33] ^= 4; return b }, []int{10, 20}, "checksum does not match"},
		"no message":         {func(b []byte) []byte { return append(b, 0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0) }, []int{10, 20, 30}, "message of 1 bytes"},
		"another version":    {func(b []byte) []byte { b[0] |= 0x20; return b }, nil, "major version 1, want 0"},
		"another minor":      {func(b []byte) []byte { b[0] = 15; return b }, []int{10, 20, 30}, ""},
		"empty":              {func([]byte) []byte { return nil }, nil, ""},
		"version only":       {func(b []byte) []byte { return b[:1] }, nil, ""},
	}
	for name, tt := range tests {
		path := filepath.Join(t.TempDir(), "gossip_store")
		_, w := create(t, path, 1)
		for _, n := range []int{10, 20, 30} {
			mustAppend(t, w, n)
		}
		must(t, w.Flush())
		whole, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, tt.damage(whole), 0o600))

		f, err := os.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		defer f.Close()
		var got []int
		w, damage, err := Load(f, UUID{2}, func(r *Record) error {
			if r.Type() == wire.MsgChannelUpdate {
				got = append(got, len(r.Msg)-2)
			}
			return nil
		})
		must(t, err)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: loaded %v, want %v", name, got, tt.want)
		}
		if reason := ""; damage != nil && !strings.HasSuffix(damage.Error(), tt.reason) || damage == nil && tt.reason != reason {
			t.Errorf("%s: damage %v, want %q", name, damage, tt.reason)
		}
		// It goes on from there.
		mustAppend(t, w, 40)
		must(t, w.Flush())
		if got, err := live(t, NewReader(f)); err != io.EOF || !reflect.DeepEqual(got, append(tt.want, 40)) {
			t.Errorf("%s: then %v, %v", name, got, err)
		}
	}
}

func TestDeleteAndCompact(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gossip_store")
	old, w := create(t, path, 1)
	offsets := make(map[int]int64)
	for n := range 100 {
		offsets[n] = mustAppend(t, w, n)
	}
	var want []int
	var deleted int64
	for n := range 100 {
		if n%3 == 0 || n > 90 {
			must(t, w.Mark(offsets[n], Deleted))
			must(t, w.Mark(offsets[n], Deleted)) // once is enough
			deleted += Size(n + 2)
			continue
		}
		want = append(want, n)
	}
	if w.DeletedSize() != deleted {
		t.Errorf("deleted %d bytes, want %d", w.DeletedSize(), deleted)
	}
	follower, err := Open(path)
	must(t, err)
	defer follower.Close()
	if got, err := live(t, follower); err != io.EOF || !reflect.DeepEqual(got, want) {
		t.Fatalf("before: %v, %v", got, err)
	}
	ofDescriptor := NewReader(old)

	next := filepath.Join(dir, "gossip_store.compact")
	f, err := os.OpenFile(next, os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	defer f.Close()
	compacted, moved, err := w.Compact(f, UUID{2})
	must(t, err)
	if size := w.Size() - deleted; compacted.Size() != size || compacted.DeletedSize() != 0 {
		t.Errorf("compacted to %d bytes, %d deleted, want %d", compacted.Size(), compacted.DeletedSize(), size)
	}
	for _, n := range want {
		rec, err := compacted.ReadAt(moved.To(offsets[n]))
		if err != nil || !bytes.Equal(rec.Msg, message(n)) {
			t.Errorf("record %d was not found at its new place: %v", n, err)
		}
	}
	must(t, os.Rename(next, path))
	must(t, w.End(compacted))
	mustAppend(t, compacted, 200)
	must(t, compacted.Flush())

	// Who followed goes on, who begins gets all, who has a descriptor is told.
	if _, err := live(t, follower); err != ErrReplaced {
		t.Fatalf("follower: %v, want %v", err, ErrReplaced)
	}
	if !follower.Resume() {
		t.Error("the new file does not continue the old one")
	}
	if got, err := live(t, follower); err != io.EOF || !reflect.DeepEqual(got, []int{200}) {
		t.Errorf("after: %v, %v", got, err)
	}
	if got, err := live(t, NewReader(f)); err != io.EOF || !reflect.DeepEqual(got, append(want, 200)) {
		t.Errorf("from the beginning: %v, %v", got, err)
	}
	if _, err := live(t, ofDescriptor); err != ErrEnded {
		t.Errorf("descriptor: %v, want %v", err, ErrEnded)
	}
	ofDescriptor.Replace(f)
	if !ofDescriptor.Resume() {
		t.Error("the new descriptor does not continue the old one")
	}
}

func TestReaderNoticesAnotherFile(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "gossip_store"), filepath.Join(dir, "other")
	_, w := create(t, path, 1)
	mustAppend(t, w, 10)
	must(t, w.Flush())
	r, err := Open(path)
	must(t, err)
	defer r.Close()
	if _, err := live(t, r); err != io.EOF {
		t.Fatal(err)
	}
	must(t, os.Remove(path))
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("removed: %v", err)
	}
	_, w = create(t, other, 3)
	mustAppend(t, w, 20)
	must(t, w.Flush())
	must(t, os.Rename(other, path))
	if _, err := r.Next(); err != ErrReplaced || r.Resume() {
		t.Errorf("replaced: %v", err)
	}
	if got, err := live(t, r); err != io.EOF || !reflect.DeepEqual(got, []int{20}) {
		t.Errorf("the other: %v, %v", got, err)
	}
	// It becomes shorter under the reader.
	must(t, os.Truncate(path, 20))
	var damage *DamageError
	if _, err := r.Next(); !errors.As(err, &damage) {
		t.Errorf("cut: %v", err)
	}
}

func TestWriterRefuses(t *testing.T) {
	_, w := create(t, filepath.Join(t.TempDir(), "gossip_store"), 1)
	if _, err := w.Append(0, 0, make([]byte, 0x10000)); !errors.Is(err, errTooLong) {
		t.Error(err)
	}
	if _, err := w.Append(0, 0, []byte{1}); !errors.Is(err, errTooShort) {
		t.Error(err)
	}
	at := mustAppend(t, w, 3)
	for _, bad := range []int64{-1, 0, at + 1, w.Size(), 1 << 60} {
		var damage *DamageError
		if _, err := w.ReadAt(bad); !errors.As(err, &damage) {
			t.Errorf("offset %d: %v", bad, err)
		}
		if err := w.Mark(bad, Deleted); !errors.As(err, &damage) {
			t.Errorf("mark offset %d: %v", bad, err)
		}
	}
	long, err := w.Append(0, 60000, message(60000))
	must(t, err)
	if rec, err := w.ReadAt(long); err != nil || len(rec.Msg) != 60002 {
		t.Errorf("long record: %v", err)
	}
}

func TestOwnMessages(t *testing.T) {
	id := wire.NewShortChannelID(700_000, 3, 1)
	if sat, err := ParseChannelAmount(AppendChannelAmount(nil, 1234)); sat != 1234 || err != nil {
		t.Error(sat, err)
	}
	if got, err := ParseDeleteChannel(AppendDeleteChannel(nil, id)); got != id || err != nil {
		t.Error(got, err)
	}
	if got, height, err := ParseChannelDying(AppendChannelDying(nil, id, 99)); got != id || height != 99 || err != nil {
		t.Error(got, height, err)
	}
	for _, bad := range [][]byte{nil, {0x10}, {0x10, 0x05}, {0x10, 0x05, 1, 2, 3}, {1, 2, 1, 2, 3, 4, 5, 6, 7, 8}} {
		if _, err := ParseChannelAmount(bad); err == nil {
			t.Errorf("%x is a channel's amount", bad)
		}
	}
	// Before version 0.16 the last record had no UUID.
	if at, _, err := parseEnded([]byte{0x10, 0x09, 0, 0, 0, 0, 0, 0, 1, 0}); at != 256 || err != nil {
		t.Error(at, err)
	}
}

func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "gossip_store")
	_, w := create(b, path, 1)
	for range 100_000 {
		mustAppend(b, w, 140)
	}
	must(b, w.Flush())
	b.SetBytes(w.Size())
	for b.Loop() {
		r, err := Open(path)
		must(b, err)
		n := 0
		for _, err = r.Next(); err == nil; _, err = r.Next() {
			n++
		}
		if err != io.EOF || n != 100_001 {
			b.Fatal(fmt.Errorf("%d records: %w", n, err))
		}
		r.Close()
	}
}

// TestDamageIsLookedAtAgain: a reader that comes while the writer is in the middle of a record may see half of it. When it
// looks again, it does not look at what it remembers.
func TestDamageIsLookedAtAgain(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "gossip_store"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := Create(f, UUID{1})
	if err != nil {
		t.Fatal(err)
	}
	at, err := w.Append(0, 7, []byte{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0}, at+headerSize+3); err != nil {
		t.Fatal(err)
	}
	r := NewReader(f)
	var damage *DamageError
	for err = nil; err == nil; {
		_, err = r.Next()
	}
	if !errors.As(err, &damage) || damage.Offset != at {
		t.Fatalf("%v, want damage at %d", err, at)
	}
	if _, err := f.WriteAt([]byte{4}, at+headerSize+3); err != nil {
		t.Fatal(err)
	}
	if rec, err := r.Next(); err != nil || rec.Offset != at {
		t.Errorf("now that it is whole: %v", err)
	}
}
