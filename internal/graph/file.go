package graph

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"fulmen/internal/amount"
	"fulmen/internal/gossipstore"
	"fulmen/internal/wire"
)

// File is a graph that is read from a gossip_store. It does nothing by itself: whoever looks at it is shown what the
// store has at that time. Its methods may be called by several goroutines.
type File struct {
	path string

	mu      sync.RWMutex // held for reading while the graph is in use
	f       *os.File     // nil until there is a store
	reader  *gossipstore.Reader
	graph   *Graph
	last    Channel // whose announcement came last: its amount follows
	skipped int
	damage  error // why reading stopped before the end
	seen    int64 // the file's size then

	lookMu sync.Mutex
	look   *gossipstore.Reader // for records by their offset
}

// Open makes a File of the store at a path, where there need not be one yet.
func Open(path string) *File { return &File{path: path, graph: New()} }

// Close lets go of the store.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}

// View reads what is new in the store, then lets see look at the graph, which does not change meanwhile; see must
// not keep it, nor call View. An error is the store's: what see has then is what could be read.
func (f *File) View(see func(*Graph)) error {
	err := f.sync()
	f.mu.RLock()
	defer f.mu.RUnlock()
	see(f.graph)
	return err
}

// Skipped is how many records of the store could not be used.
func (f *File) Skipped() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.skipped
}

// Announcement is the record at an offset that the graph gave, if it is still there; only for use within View.
func (f *File) Announcement(offset int64) ([]byte, bool) {
	if f.f == nil || offset < gossipstore.FirstRecord {
		return nil, false
	}
	f.lookMu.Lock()
	defer f.lookMu.Unlock()
	f.look.GoTo(offset)
	rec, err := f.look.Next()
	if err != nil || rec.Flags&gossipstore.Deleted != 0 {
		return nil, false
	}
	return append([]byte(nil), rec.Msg...), true
}

// sync reads to the end of the store, where there is more than was read.
func (f *File) sync() error {
	f.mu.RLock()
	current, err := f.current()
	f.mu.RUnlock()
	if current || err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.graph.Settle() }()
	// A store that says that it ended has its follower in its place already.
	for range 2 {
		if err := f.reopen(); err != nil || f.f == nil {
			return err
		}
		if ended, err := f.read(); !ended {
			return err
		}
	}
	return nil
}

// current reports whether all there is was read.
func (f *File) current() (bool, error) {
	if f.graph.stale {
		return false, nil
	}
	there, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // not there yet, or about to be replaced
	}
	if err != nil || f.f == nil || !f.same(there) {
		return false, err
	}
	if f.damage != nil && there.Size() == f.seen {
		return true, f.damage
	}
	return f.damage == nil && there.Size() == f.reader.Offset(), nil
}

func (f *File) same(there fs.FileInfo) bool {
	have, err := f.f.Stat()
	return err == nil && os.SameFile(have, there)
}

// reopen begins anew where the file is another one, or was cut.
func (f *File) reopen() error {
	there, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.f != nil && f.same(there) && f.damage == nil && there.Size() >= f.reader.Offset() {
		return nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	if f.f != nil {
		f.f.Close() // it was only read
	}
	f.f, f.reader, f.look = file, gossipstore.NewReader(file), gossipstore.NewReader(file)
	f.graph, f.last, f.skipped, f.damage = New(), Channel(None), 0, nil
	return nil
}

// read takes all that there is; ended is that another file has taken this one's place.
func (f *File) read() (ended bool, err error) {
	for {
		rec, err := f.reader.Next()
		switch {
		case err == io.EOF:
			return false, nil
		case errors.Is(err, gossipstore.ErrEnded):
			return true, nil
		case err != nil:
			f.damage = fmt.Errorf("read %s: %w", f.path, err)
			if f.seen, err = f.reader.Size(); err != nil {
				return false, err
			}
			return false, f.damage
		}
		if rec.Flags&gossipstore.Deleted == 0 && f.apply(&rec) != nil {
			f.skipped++
		}
	}
}

// apply takes one record. The store's writer checked signatures; what cannot be read nevertheless is passed over.
func (f *File) apply(rec *gossipstore.Record) (err error) {
	g := f.graph
	switch rec.Type() {
	case wire.MsgChannelAnnouncement:
		f.last, err = g.ApplyChannelAnnouncement(rec.Msg, rec.Offset)
		if err != nil {
			f.last = Channel(None)
		}
	case gossipstore.MsgChannelAmount:
		sat, err := gossipstore.ParseChannelAmount(rec.Msg)
		if err == nil && f.last != Channel(None) {
			g.SetCapacity(f.last, min(amount.Sat(sat), amount.MaxSat))
		}
		return err
	case wire.MsgChannelUpdate:
		return g.ApplyChannelUpdate(rec.Msg)
	case wire.MsgNodeAnnouncement:
		return g.ApplyNodeAnnouncement(rec.Msg, rec.Offset)
	case gossipstore.MsgDeleteChannel:
		scid, err := gossipstore.ParseDeleteChannel(rec.Msg)
		if err == nil {
			g.RemoveChannel(scid)
		}
		return err
	}
	return err
}
