package backup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Snapshot implements Copy.
func (d *Dir) Snapshot(file string) error {
	db, err := os.Open(file)
	if err != nil {
		return err
	}
	defer db.Close()
	part, err := d.beginSnapshot()
	if err != nil {
		return err
	}
	defer part.abandon()
	buf := make([]byte, chunkSize)
	for {
		n, err := io.ReadFull(db, buf)
		if n > 0 {
			if err := part.chunk(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return part.end()
		} else if err != nil {
			return fmt.Errorf("read the copy of the database: %w", err)
		}
	}
}

// snapshot is one that is being written.
type snapshot struct {
	d      *Dir
	number uint32
	f      *os.File
	enc    encoder
	length uint64
	size   int64
	synced int64 // of size
}

// syncEvery bounds what is left to sync at the end of a snapshot: the node waits for that, as for each part.
const syncEvery = 16 << 20

func (d *Dir) beginSnapshot() (*snapshot, error) {
	d.mu.Lock()
	s := &snapshot{d: d, number: d.number}
	version, begun := d.begun, d.writes != nil
	d.mu.Unlock()
	if !begun {
		return nil, errors.New("write a snapshot: no generation was begun")
	}
	var err error
	if s.f, err = os.OpenFile(d.file(s.number, partFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, fmt.Errorf("write a snapshot: %w", err)
	}
	return s, s.add(typeHeader, header(kindSnapshot, version))
}

func (s *snapshot) add(kind recordType, payload []byte) error {
	raw, err := s.enc.add(nil, kind, payload)
	if err == nil {
		_, err = s.f.Write(raw)
	}
	if err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	s.size += int64(len(raw))
	if s.size-s.synced >= syncEvery {
		return s.sync()
	}
	return nil
}

func (s *snapshot) sync() error {
	if err := s.f.Sync(); err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	s.synced = s.size
	return nil
}

func (s *snapshot) chunk(data []byte) error {
	s.length += uint64(len(data))
	return s.add(typeChunk, data)
}

// end makes it the newest one, and deletes what it replaces.
func (s *snapshot) end() error {
	if err := s.add(typeEnd, binary.BigEndian.AppendUint64(nil, s.length)); err != nil {
		return err
	}
	if err := s.sync(); err != nil { // not under the lock: transactions go on meanwhile
		return err
	}
	d := s.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.number != d.number {
		return errors.New("write a snapshot: another generation was begun meanwhile")
	}
	err := os.Rename(s.f.Name(), d.file(s.number, snapshotFile))
	if err == nil {
		err = syncDir(d.path)
	}
	if err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	at, err := d.writes.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	d.state.Whole, d.state.SnapshotSize, d.state.WritesSize = true, s.size, at
	return d.dropBefore(s.number)
}

// abandon is for one that did not come to its end; after it, it does nothing.
func (s *snapshot) abandon() {
	s.f.Close()
	os.Remove(s.f.Name()) //nolint:errcheck // after end there is none, and a rest is overwritten or dropped
}
