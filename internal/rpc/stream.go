package rpc

import (
	"errors"
	"fmt"
	"io"
)

// maxDepth bounds nesting within one value; encoding/json would take ten thousand levels.
const maxDepth = 256

// firstRead is the buffer a connection starts with; it grows by what arrives, never by a claim.
const firstRead = 4096

// A SyntaxError says where a stream stops being JSON objects and arrays.
type SyntaxError struct {
	Offset int64 // bytes of the stream before the offending one
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed JSON at byte %d: %s", e.Offset, e.Reason)
}

// stream cuts a byte stream into JSON objects and arrays. It only finds where each one ends; what
// is within is checked when it is decoded.
type stream struct {
	r      io.Reader
	max    int    // the largest value
	buf    []byte // read and not yet returned
	offset int64  // of buf[0] in the stream
	err    error  // from r
}

func newStream(r io.Reader, max int) *stream { return &stream{r: r, max: max} }

// next returns the next value with its offset in the stream. The bytes are the caller's to keep.
// At the end of the stream it returns io.EOF, or a SyntaxError where a value is cut short.
func (s *stream) next() (value []byte, offset int64, err error) {
	var sc scanner
	for {
		n, err := sc.scan(s.buf)
		if err != nil {
			return nil, 0, &SyntaxError{Offset: s.offset + int64(sc.pos), Reason: err.Error()}
		}
		if n > 0 {
			value, offset := s.take(sc.start, n)
			return value, offset, nil
		}
		if sc.inValue() && sc.pos-sc.start >= s.max {
			return nil, 0, &SyntaxError{Offset: s.offset + int64(sc.start),
				Reason: fmt.Sprintf("request is larger than %d bytes", s.max)}
		}
		if !sc.inValue() {
			s.drop(&sc)
		}
		if err := s.fill(); err != nil {
			if sc.inValue() && errors.Is(err, io.EOF) {
				return nil, 0, &SyntaxError{Offset: s.offset + int64(len(s.buf)), Reason: "the stream ends within a request"}
			}
			return nil, 0, err
		}
	}
}

// take hands out buf[start:end] and keeps what follows in a new buffer.
func (s *stream) take(start, end int) ([]byte, int64) {
	value, offset := s.buf[start:end:end], s.offset+int64(start)
	s.offset += int64(end)
	s.buf = s.buf[end:]
	return value, offset
}

// drop forgets white space between values.
func (s *stream) drop(sc *scanner) {
	s.offset += int64(len(s.buf))
	s.buf = nil
	*sc = scanner{}
}

// fill reads once more, into a larger buffer when the present one is full. It never writes to bytes
// that take handed out: those lie before s.buf.
func (s *stream) fill() error {
	if s.err != nil {
		return s.err
	}
	if len(s.buf) == cap(s.buf) {
		grown := make([]byte, len(s.buf), max(firstRead, 2*len(s.buf)))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	s.err = err
	if n > 0 {
		return nil
	}
	return err
}

// scanner finds the end of one object or array; its position survives between calls with ever more bytes.
type scanner struct {
	start, pos int
	depth      int
	inString   bool
	escaped    bool
}

func (sc *scanner) inValue() bool { return sc.depth > 0 }

// scan goes on from pos and returns the end of the value, or 0 when b ends before it.
func (sc *scanner) scan(b []byte) (end int, err error) {
	for ; sc.pos < len(b); sc.pos++ {
		c := b[sc.pos]
		switch {
		case sc.inString:
			if err := sc.stringByte(c); err != nil {
				return 0, err
			}
		case c == '{' || c == '[':
			if sc.depth == 0 {
				sc.start = sc.pos
			}
			if sc.depth++; sc.depth > maxDepth {
				return 0, fmt.Errorf("nested deeper than %d levels", maxDepth)
			}
		case sc.depth == 0:
			if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				return 0, fmt.Errorf("a request must be an object, and this starts with %q", c)
			}
		case c == '}' || c == ']':
			if sc.depth--; sc.depth == 0 {
				return sc.pos + 1, nil
			}
		case c == '"':
			sc.inString = true
		}
	}
	return 0, nil
}

func (sc *scanner) stringByte(c byte) error {
	switch {
	case c < ' ':
		return fmt.Errorf("control character %#02x within a string", c)
	case sc.escaped:
		sc.escaped = false
	case c == '\\':
		sc.escaped = true
	case c == '"':
		sc.inString = false
	}
	return nil
}
