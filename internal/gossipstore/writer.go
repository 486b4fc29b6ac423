package gossipstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// flushAt is how much a Writer gathers before it writes by itself.
const flushAt = 64 << 10

var (
	errTooLong  = errors.New("gossip_store: message is too long")
	errTooShort = errors.New("gossip_store: message is too short")
)

// Writer appends records to a file that nobody else writes.
type Writer struct {
	f       *os.File
	id      UUID
	size    int64  // of the file and pending
	pending []byte // appended, not yet written
	deleted int64  // bytes of records that are deleted
	one     []byte // the record that ReadAt returned last
}

// Create begins a store in an empty file.
func Create(f *os.File, id UUID) (*Writer, error) {
	w := &Writer{f: f, id: id, size: 1, pending: []byte{Version}}
	if _, err := w.Append(0, 0, uuidMessage(id)); err != nil {
		return nil, err
	}
	return w, w.Flush()
}

// Load reads a store to its end and goes on writing there: each gets every record that is not
// deleted. What is damaged is cut off, and damage says what; an empty or unreadable file begins
// anew, with id. An error of each ends it.
func Load(f *os.File, id UUID, each func(*Record) error) (w *Writer, damage *DamageError, err error) {
	w = &Writer{f: f, id: id}
	r := NewReader(f)
	for {
		rec, err := r.Next()
		if err == nil {
			err = w.loaded(&rec, each)
		}
		switch {
		case err == nil:
			continue
		case err == io.EOF || err == ErrEnded:
			// A file that says that it ended, and has kept its name nevertheless, goes on.
		case errors.As(err, &damage):
		default:
			return nil, nil, err
		}
		break
	}
	return w.cut(r, damage)
}

// loaded takes one record of the file.
func (w *Writer) loaded(rec *Record, each func(*Record) error) error {
	if rec.Flags&Deleted != 0 {
		w.deleted += Size(len(rec.Msg))
		return nil
	}
	if rec.Type() == MsgUUID && len(rec.Msg) >= 2+len(UUID{}) {
		w.id = UUID(rec.Msg[2:])
	}
	return each(rec)
}

// cut removes all after the last good record.
func (w *Writer) cut(r *Reader, damage *DamageError) (*Writer, *DamageError, error) {
	size, err := r.Size()
	if err != nil {
		return nil, nil, err
	}
	w.size = r.Offset()
	if size == 0 || damage != nil && damage.Offset == 0 {
		if err := w.f.Truncate(0); err != nil {
			return nil, nil, fmt.Errorf("gossip_store: %w", err)
		}
		w, err = Create(w.f, w.id)
		return w, damage, err
	}
	if size > w.size {
		if damage == nil {
			damage = &DamageError{w.size, fmt.Sprintf("the last %d bytes are no whole record", size-w.size)}
		}
		if err := w.f.Truncate(w.size); err != nil {
			return nil, nil, fmt.Errorf("gossip_store: %w", err)
		}
	}
	return w, damage, nil
}

// Append adds a record and returns its offset. It is written by Flush at the latest.
func (w *Writer) Append(flags Flags, timestamp uint32, msg []byte) (int64, error) {
	if len(msg) > 0xffff {
		return 0, fmt.Errorf("%w: %d bytes, at most %d", errTooLong, len(msg), 0xffff)
	}
	if len(msg) < 2 {
		return 0, fmt.Errorf("%w: %d bytes", errTooShort, len(msg))
	}
	at := w.size
	w.pending = appendRecord(w.pending, flags, timestamp, msg)
	w.size += Size(len(msg))
	if len(w.pending) < flushAt {
		return at, nil
	}
	return at, w.Flush()
}

// Flush writes what was appended. It is not synced: what a crash takes can be had from the network.
func (w *Writer) Flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	if _, err := w.f.WriteAt(w.pending, w.size-int64(len(w.pending))); err != nil {
		return fmt.Errorf("gossip_store: write: %w", err)
	}
	w.pending = w.pending[:0]
	return nil
}

// ReadAt reads the record at an offset, deleted or not.
func (w *Writer) ReadAt(offset int64) (Record, error) {
	if err := w.Flush(); err != nil {
		return Record{}, err
	}
	if offset < FirstRecord || offset > w.size-headerSize {
		return Record{}, &DamageError{offset, fmt.Sprintf("no record: the file has %d bytes", w.size)}
	}
	// Most records are smaller than this.
	w.one = slices.Grow(w.one[:0], 512)[:min(512, w.size-offset)]
	if err := w.readFull(w.one, offset); err != nil {
		return Record{}, err
	}
	h := parseHeader(w.one)
	size := Size(h.length)
	if h.length < 2 || offset+size > w.size {
		return Record{}, &DamageError{offset, fmt.Sprintf("no record: message of %d bytes", h.length)}
	}
	if int(size) > len(w.one) {
		w.one = slices.Grow(w.one[:0], int(size))[:size]
		if err := w.readFull(w.one, offset); err != nil {
			return Record{}, err
		}
	}
	msg := w.one[headerSize:size]
	if checksum(h.timestamp, msg) != h.checksum {
		return Record{}, &DamageError{offset, "checksum does not match"}
	}
	return Record{Offset: offset, Flags: h.flags, Timestamp: h.timestamp, Msg: msg}, nil
}

func (w *Writer) readFull(b []byte, offset int64) error {
	if _, err := w.f.ReadAt(b, offset); err != nil {
		return fmt.Errorf("gossip_store: read offset %d: %w", offset, err)
	}
	return nil
}

// Mark sets flags of the record at an offset in place.
func (w *Writer) Mark(offset int64, flags Flags) error {
	rec, err := w.ReadAt(offset)
	if err != nil {
		return err
	}
	if flags&^rec.Flags == 0 {
		return nil
	}
	if flags&^rec.Flags&Deleted != 0 {
		w.deleted += Size(len(rec.Msg))
	}
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], uint16(rec.Flags|flags))
	if _, err := w.f.WriteAt(b[:], offset); err != nil {
		return fmt.Errorf("gossip_store: flag offset %d: %w", offset, err)
	}
	return nil
}

// Size is the file's, with what is not yet written.
func (w *Writer) Size() int64 { return w.size }

// DeletedSize is how much of it compaction would save.
func (w *Writer) DeletedSize() int64 { return w.deleted }

// Close closes the file.
func (w *Writer) Close() error { return w.f.Close() }
