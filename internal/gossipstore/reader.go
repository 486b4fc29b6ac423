package gossipstore

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// readAhead is how much a Reader reads at once.
const readAhead = 256 << 10

var (
	// ErrEnded is returned where the file says that another has its name now.
	ErrEnded = errors.New("gossip_store: the file was replaced")
	// ErrReplaced is returned once when the file at a Reader's path is another one than before. The
	// Reader is at its beginning: what was read before counts no more, unless Resume follows.
	ErrReplaced = errors.New("gossip_store: another file has taken the place")
)

// Reader reads records one by one, and those that are appended later.
type Reader struct {
	f    *os.File
	path string // empty for a Reader of a descriptor
	next int64  // offset of the next record

	buf   []byte
	bufAt int64 // where in the file buf begins

	ended endedRecord
}

// endedRecord is the last word of the file before.
type endedRecord struct {
	equivalent int64
	id         UUID
	known      bool
}

// NewReader reads from a descriptor, which stays the caller's.
func NewReader(f *os.File) *Reader { return &Reader{f: f, next: FirstRecord} }

// Open reads the file at path, and follows to the file that replaces it. A file that does not exist
// is an error that is fs.ErrNotExist.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Reader{f: f, path: path, next: FirstRecord}, nil
}

// Close ends a Reader of a path.
func (r *Reader) Close() error {
	if r.path == "" {
		return nil
	}
	return r.f.Close()
}

// Offset is where the next record begins.
func (r *Reader) Offset() int64 { return r.next }

// GoTo goes to the record at an offset, which must be where one begins.
func (r *Reader) GoTo(offset int64) { r.next = offset }

// Next reads a record, deleted ones too. It is io.EOF while there are no more, and may be asked
// again; ErrEnded (of a descriptor) or ErrReplaced (of a path) when another file takes over; a
// *DamageError if the file cannot be read any further.
func (r *Reader) Next() (Record, error) {
	rec, err := r.read()
	if err == io.EOF && r.path != "" {
		return rec, r.checkPlace()
	}
	if err == nil && rec.Flags&Deleted == 0 && rec.Type() == MsgEnded {
		return Record{}, r.end(rec)
	}
	if err == nil {
		r.next = rec.End()
	}
	return rec, err
}

// read reads the record at r.next.
func (r *Reader) read() (Record, error) {
	if r.next == FirstRecord {
		if err := r.checkVersion(); err != nil {
			return Record{}, err
		}
	}
	b, err := r.fill(headerSize)
	if err != nil {
		return Record{}, err
	}
	h := parseHeader(b)
	if h.flags&Completed == 0 {
		return Record{}, r.short()
	}
	if h.length < 2 {
		return Record{}, r.damaged("message of %d bytes", h.length)
	}
	if b, err = r.fill(headerSize + h.length); err != nil {
		return Record{}, err
	}
	msg := b[headerSize : headerSize+h.length]
	if checksum(h.timestamp, msg) != h.checksum {
		return Record{}, r.damaged("checksum does not match")
	}
	return Record{Offset: r.next, Flags: h.flags, Timestamp: h.timestamp, Msg: msg}, nil
}

// damaged is a *DamageError at r.next. The writer may have been in the middle of it: who asks again looks again.
func (r *Reader) damaged(format string, args ...any) error {
	r.buf = r.buf[:0]
	return &DamageError{r.next, fmt.Sprintf(format, args...)}
}

func (r *Reader) checkVersion() error {
	var v [1]byte
	if _, err := r.f.ReadAt(v[:], 0); err != nil {
		return err // io.EOF: nothing is there yet
	}
	if v[0]&majorMask != Version&majorMask {
		return &DamageError{0, fmt.Sprintf("major version %d, want %d", v[0]>>5, Version>>5)}
	}
	return nil
}

// fill returns at least n bytes from r.next on, or io.EOF. It allocates for what the file has, at
// most the largest record more than readAhead.
func (r *Reader) fill(n int) ([]byte, error) {
	at := r.next - r.bufAt
	if at >= 0 && at+int64(n) <= int64(len(r.buf)) {
		return r.buf[at:], nil
	}
	if cap(r.buf) < readAhead+n {
		r.buf = make([]byte, 0, readAhead+headerSize+0xffff)
	}
	r.bufAt = r.next
	have, err := r.f.ReadAt(r.buf[:max(readAhead, n)], r.next)
	r.buf = r.buf[:have]
	if have >= n {
		return r.buf, nil
	}
	if err == nil || err == io.EOF {
		return nil, r.short()
	}
	return nil, fmt.Errorf("gossip_store: read: %w", err)
}

// short is io.EOF, unless the file has become shorter than what was read of it.
func (r *Reader) short() error {
	info, err := r.f.Stat()
	if err != nil {
		return fmt.Errorf("gossip_store: %w", err)
	}
	if r.next > max(info.Size(), FirstRecord) {
		return &DamageError{r.next, fmt.Sprintf("the file has %d bytes", info.Size())}
	}
	r.buf = r.buf[:0] // what is there may be half of what comes
	return io.EOF
}

// end follows what the file's last record says.
func (r *Reader) end(rec Record) error {
	equivalent, id, err := parseEnded(rec.Msg)
	if err != nil {
		return &DamageError{rec.Offset, err.Error()}
	}
	r.ended = endedRecord{equivalent: equivalent, id: id, known: true}
	if r.path == "" {
		return ErrEnded
	}
	return r.reopen()
}

// checkPlace is io.EOF if the path is still the file's.
func (r *Reader) checkPlace() error {
	have, err := r.f.Stat()
	if err != nil {
		return fmt.Errorf("gossip_store: %w", err)
	}
	there, err := os.Stat(r.path)
	if err != nil || os.SameFile(have, there) {
		return io.EOF // it was removed, and is not there again yet
	}
	r.ended.known = false
	return r.reopen()
}

func (r *Reader) reopen() error {
	f, err := os.Open(r.path)
	if err != nil {
		return fmt.Errorf("gossip_store: %w", err)
	}
	r.f.Close()
	r.Replace(f)
	return ErrReplaced
}

// Replace goes on with the file that has replaced the one that ended, from its beginning; see Resume.
// The file before is the caller's to close.
func (r *Reader) Replace(f *os.File) {
	r.f, r.next, r.buf, r.bufAt = f, FirstRecord, r.buf[:0], 0
}

// Resume goes to where the file before ended, and reports whether the present one says that it
// continues that; else it stays at the beginning.
func (r *Reader) Resume() bool {
	if !r.ended.known {
		return false
	}
	rec, err := r.read()
	if err != nil || rec.Type() != MsgUUID || len(rec.Msg) < 2+len(UUID{}) || UUID(rec.Msg[2:]) != r.ended.id {
		return false
	}
	if info, err := r.f.Stat(); err != nil || r.ended.equivalent < rec.End() || r.ended.equivalent > info.Size() {
		return false
	}
	r.next = r.ended.equivalent
	return true
}

// Size is the file's, now.
func (r *Reader) Size() (int64, error) {
	info, err := r.f.Stat()
	if err != nil {
		return 0, fmt.Errorf("gossip_store: %w", err)
	}
	return info.Size(), nil
}
