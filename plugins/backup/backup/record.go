package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A record is its type (one byte), the length of its payload (four bytes, big endian), a checksum of these two
// (checkSize bytes), the payload, and a checksum of all (sumSize bytes). Checksums are the first bytes of the
// SHA-256 of the checksum before the record, and what they are of. The first one tells a length that is
// damaged from a file that ends too early.
type recordType byte

const (
	typeHeader    recordType = 1 // first of a file: magic, kind of file, data_version (4 bytes)
	typeStatement recordType = 2 // one SQL statement of a transaction
	typeCommit    recordType = 3 // ends a transaction: its data_version
	typeChunk     recordType = 4 // a part of the database
	typeEnd       recordType = 5 // last of a snapshot: the database's length (8 bytes)
)

const (
	sumSize   = 16
	checkSize = 4
	headSize  = 5 + checkSize
	magic     = "fulmen backup 1"
	maxRecord = 64 << 20 // longest payload
	chunkSize = 1 << 20
)

// The kinds of file.
const (
	kindSnapshot = 's'
	kindWrites   = 'w'
)

type record struct {
	kind    recordType
	payload []byte
}

type checksum [sumSize]byte

func (s checksum) next(head, payload []byte) (next checksum) {
	h := sha256.New()
	h.Write(s[:])
	h.Write(head)
	h.Write(payload)
	copy(next[:], h.Sum(nil))
	return next
}

func (s checksum) ofHead(head []byte) []byte {
	sum := s.next(head, nil)
	return sum[:checkSize]
}

// encoder makes the records of one file.
type encoder struct{ sum checksum }

func (e *encoder) add(to []byte, kind recordType, payload []byte) ([]byte, error) {
	if len(payload) > maxRecord {
		return nil, fmt.Errorf("a record of %d bytes; the most is %d", len(payload), maxRecord)
	}
	head := binary.BigEndian.AppendUint32([]byte{byte(kind)}, uint32(len(payload)))
	head = append(head, e.sum.ofHead(head)...)
	e.sum = e.sum.next(head, payload)
	return append(append(append(to, head...), payload...), e.sum[:]...), nil
}

func header(kind byte, version uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(magic), kind), version)
}

// decoder reads the records of one file.
type decoder struct {
	r    *bufio.Reader
	sum  checksum
	read int64 // bytes of whole records
	// Up to the last whole transaction, or to the header.
	wholeSum checksum
	whole    int64
}

// newDecoder reads the header.
func newDecoder(r io.Reader, kind byte) (*decoder, uint32, error) {
	d := &decoder{r: bufio.NewReaderSize(r, 64<<10)}
	first, err := d.next()
	if err != nil {
		return nil, 0, fmt.Errorf("read its header: %w", err)
	}
	want := header(kind, 0)
	at := len(want) - 4
	if first.kind != typeHeader || len(first.payload) != len(want) || !bytes.Equal(first.payload[:at], want[:at]) {
		return nil, 0, fmt.Errorf("it does not begin as a backup's file of kind %q: %w", kind, ErrDamaged)
	}
	d.mark()
	return d, binary.BigEndian.Uint32(first.payload[at:]), nil
}

func (d *decoder) mark() { d.whole, d.wholeSum = d.read, d.sum }

// next is the next record; io.EOF after the last, io.ErrUnexpectedEOF within one.
func (d *decoder) next() (record, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		return record{}, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if !bytes.Equal(head[5:], d.sum.ofHead(head[:5])) || length > maxRecord {
		return record{}, fmt.Errorf("wrong checksum of the length of the record at byte %d: %w", d.read, ErrDamaged)
	}
	// What is not there is not allocated, whatever the length claims.
	var body bytes.Buffer
	if _, err := io.CopyN(&body, d.r, int64(length)+sumSize); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return record{}, err
	}
	payload, sum := body.Bytes()[:length], checksum(body.Bytes()[length:])
	want := d.sum.next(head[:], payload)
	if sum != want {
		return record{}, fmt.Errorf("wrong checksum of the record at byte %d: %w", d.read, ErrDamaged)
	}
	d.sum, d.read = want, d.read+headSize+int64(len(body.Bytes()))
	return record{recordType(head[0]), payload}, nil
}

// transaction is one that lightningd told us of.
type transaction struct {
	version uint32
	writes  []string
}

func (e *encoder) addTransaction(to []byte, t transaction) (_ []byte, err error) {
	for _, s := range t.writes {
		if to, err = e.add(to, typeStatement, []byte(s)); err != nil {
			return nil, err
		}
	}
	return e.add(to, typeCommit, binary.BigEndian.AppendUint32(nil, t.version))
}

// transaction is the next whole one of a file of writes; io.EOF after the last, io.ErrUnexpectedEOF where one
// is cut off.
func (d *decoder) transaction() (t transaction, err error) {
	for {
		r, err := d.next()
		switch {
		case err == io.EOF && len(t.writes) > 0:
			return t, io.ErrUnexpectedEOF
		case err != nil:
			return t, err
		case r.kind == typeStatement:
			t.writes = append(t.writes, string(r.payload))
		case r.kind == typeCommit && len(r.payload) == 4:
			t.version = binary.BigEndian.Uint32(r.payload)
			d.mark()
			return t, nil
		default:
			return t, fmt.Errorf("a record of type %d and %d bytes among the writes: %w", r.kind, len(r.payload), ErrDamaged)
		}
	}
}
