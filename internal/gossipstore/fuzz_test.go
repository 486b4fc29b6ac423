package gossipstore

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad gives any file to a reader, and to a writer: what it cuts off leaves a file that is good.
func FuzzLoad(f *testing.F) {
	whole := []byte{Version}
	whole = appendRecord(whole, 0, 0, uuidMessage(UUID{1}))
	whole = appendRecord(whole, Push, 7, message(20))
	whole = appendRecord(whole, Deleted, 8, message(30))
	f.Add(whole)
	f.Add(appendRecord(whole, 0, 0, endedMessage(100, UUID{2})))
	f.Add(whole[:len(whole)-3])
	f.Add([]byte{})
	f.Add([]byte{Version})
	f.Add([]byte{0x30, 1, 2, 3})
	f.Add([]byte{Version, 0x20, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	path := filepath.Join(f.TempDir(), "gossip_store")
	f.Fuzz(func(t *testing.T, content []byte) {
		must(t, os.WriteFile(path, content, 0o600))
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		defer file.Close()
		loaded := 0
		w, _, err := Load(file, UUID{9}, func(r *Record) error {
			if loaded++; len(r.Msg) < 2 || r.End() > int64(len(content)) {
				t.Errorf("record %+v of a file of %d bytes", r, len(content))
			}
			return nil
		})
		must(t, err)
		at := mustAppend(t, w, 50)
		must(t, w.Mark(at, Dying))
		r := NewReader(file)
		records := 0
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			must(t, err)
			if rec.Flags&Deleted == 0 {
				records++
			}
		}
		if records < loaded+1 || r.Offset() != w.Size() {
			t.Errorf("%d records after %d were loaded, to offset %d of %d", records, loaded, r.Offset(), w.Size())
		}
		var damage *DamageError
		if _, err := w.ReadAt(at + 1); !errors.As(err, &damage) {
			t.Errorf("a record in the middle of one: %v", err)
		}
	})
}
