package gossipstore

import (
	"fmt"
	"io"
	"os"
	"sort"
)

// Moved tells where records are after a compaction.
type Moved struct {
	from  []int64 // of each run of kept records, in the old file
	shift []int64 // by how much that run moved towards the beginning
}

// To is the new offset of a record that was kept.
func (m *Moved) To(old int64) int64 {
	i := sort.Search(len(m.from), func(i int) bool { return m.from[i] > old }) - 1
	if i < 0 {
		return old
	}
	return old - m.shift[i]
}

// Compact copies all that is not deleted into an empty file and syncs it. The present file is
// unchanged; End ends it once the new one has its name.
func (w *Writer) Compact(into *os.File, id UUID) (*Writer, *Moved, error) {
	if err := w.Flush(); err != nil {
		return nil, nil, err
	}
	to, err := Create(into, id)
	if err != nil {
		return nil, nil, err
	}
	moved := new(Moved)
	r := NewReader(w.f)
	for r.Offset() < w.size {
		rec, err := r.Next()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, nil, fmt.Errorf("compact: %w", err)
		}
		if err := to.keep(&rec, moved); err != nil {
			return nil, nil, fmt.Errorf("compact: %w", err)
		}
	}
	if err := to.Flush(); err != nil {
		return nil, nil, fmt.Errorf("compact: %w", err)
	}
	if err := into.Sync(); err != nil {
		return nil, nil, fmt.Errorf("compact: %w", err)
	}
	return to, moved, nil
}

// keep copies a record, unless the new file has no use for it: nobody who reads it from the
// beginning misses a channel that is gone.
func (w *Writer) keep(rec *Record, moved *Moved) error {
	if rec.Flags&Deleted != 0 || rec.Type() == MsgUUID || rec.Type() == MsgDeleteChannel {
		return nil
	}
	at, err := w.Append(rec.Flags, rec.Timestamp, rec.Msg)
	if err != nil {
		return err
	}
	if n := len(moved.shift); n == 0 || moved.shift[n-1] != rec.Offset-at {
		moved.from = append(moved.from, rec.Offset)
		moved.shift = append(moved.shift, rec.Offset-at)
	}
	return nil
}

// End ends the file that w writes: to has its name now. Whoever follows it goes on there.
func (w *Writer) End(to *Writer) error {
	if _, err := w.Append(0, 0, endedMessage(to.size, to.id)); err != nil {
		return err
	}
	return w.Flush()
}
