package plugin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// MaxMessage is the longest message a plugin may send. The longest honest one is a list of the whole public
// network, 40 MB.
const MaxMessage = 128 << 20

// firstBuffer is what a stream allocates before it has seen anything.
const firstBuffer = 4096

var (
	errTooLong   = fmt.Errorf("message is longer than %d bytes", MaxMessage)
	errNotObject = errors.New("message is not a JSON object")
)

// stream cuts a sequence of JSON objects, with any white space between them, into single ones.
type stream struct {
	in  *bufio.Reader
	max int
}

func newStream(in io.Reader) *stream {
	return &stream{in: bufio.NewReaderSize(in, 64<<10), max: MaxMessage}
}

// next returns the bytes of the next object. Only its extent is checked: the text between the
// braces may still be no JSON. io.EOF means that the stream ended between two objects.
func (s *stream) next() ([]byte, error) {
	if err := s.skipSpace(); err != nil {
		return nil, err
	}
	msg := make([]byte, 0, firstBuffer)
	var scan extent
	for {
		if _, err := s.in.Peek(1); err != nil {
			return nil, unexpectedEnd(err)
		}
		chunk, _ := s.in.Peek(s.in.Buffered())
		n, done := scan.consume(chunk)
		if len(msg)+n > s.max {
			return nil, errTooLong
		}
		msg = append(msg, chunk[:n]...)
		if _, err := s.in.Discard(n); err != nil {
			return nil, err
		}
		if done {
			return msg, nil
		}
	}
}

// skipSpace stops before the opening brace of an object.
func (s *stream) skipSpace() error {
	for {
		b, err := s.in.ReadByte()
		switch {
		case err != nil:
			return err
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
		case b == '{':
			return s.in.UnreadByte()
		default:
			return fmt.Errorf("%w: it starts with %q", errNotObject, b)
		}
	}
}

func unexpectedEnd(err error) error {
	if err == io.EOF {
		return fmt.Errorf("stream ends within a message: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// extent finds where a JSON object ends, across chunks.
type extent struct {
	depth    int
	inString bool
	escaped  bool
}

// consume returns how many bytes of chunk belong to the object, and whether it is complete.
func (e *extent) consume(chunk []byte) (n int, done bool) {
	for i, b := range chunk {
		switch {
		case e.escaped:
			e.escaped = false
		case e.inString && b == '\\':
			e.escaped = true
		case b == '"':
			e.inString = !e.inString
		case e.inString:
		case b == '{' || b == '[':
			e.depth++
		case b == '}' || b == ']':
			e.depth--
			if e.depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(chunk), false
}
