package ipc

import (
	"encoding/binary"
	"fmt"
	"os"
)

// Limits on a frame.
const (
	MaxFrame  = 1<<24 - 1 // bytes of body
	MaxFds    = 8         // descriptors on one frame
	headerLen = 4
)

// Frame is one received message, not yet decoded.
type Frame struct {
	Type Type
	ID   uint64     // of the request; 0 is one way
	Body []byte     // the fields; valid until the next Recv or Buffered of the Conn
	Fds  []*os.File // the receiver's to close

	fields int // elements left in the body's array
}

// CloseFds closes the descriptors of a frame that nobody wants.
func (f *Frame) CloseFds() {
	closeAll(f.Fds)
	f.Fds = nil
}

// Decode fills m from the frame, and fails unless it is exactly that message. What m held before
// is gone; it shares no memory with the frame.
func (f *Frame) Decode(m Message) error {
	c, v := codecOf(m)
	if f.Type != m.IPCType() {
		return fmt.Errorf("decode %s: have message type %d, want %d", c.name, f.Type, m.IPCType())
	}
	if f.fields != len(c.fields) {
		return fmt.Errorf("decode %s: have %d fields, want %d", c.name, f.fields, len(c.fields))
	}
	v.SetZero()
	d := decoder{b: f.Body}
	if err := c.decFields(&d, v); err != nil {
		return fmt.Errorf("decode %s: %w", c.name, err)
	}
	if d.remaining() > 0 {
		return fmt.Errorf("decode %s: %d bytes after the last field", c.name, d.remaining())
	}
	return nil
}

// Read decodes the frame as a new M.
func Read[M any, P Of[M]](f *Frame) (P, error) {
	m := P(new(M))
	if err := f.Decode(m); err != nil {
		return nil, err
	}
	return m, nil
}

// parseBody splits a frame's body into type, id and fields.
func parseBody(body []byte) (Frame, error) {
	d := decoder{b: body}
	n, err := d.arrayLen()
	if err != nil {
		return Frame{}, fmt.Errorf("frame: %w", err)
	}
	if n < 2 {
		return Frame{}, fmt.Errorf("frame: %d elements, want a type and an id at least", n)
	}
	t, err := d.uint()
	if err != nil {
		return Frame{}, fmt.Errorf("frame: message type: %w", err)
	}
	if t != uint64(Type(t)) {
		return Frame{}, fmt.Errorf("frame: message type %d does not fit 16 bits", t)
	}
	id, err := d.uint()
	if err != nil {
		return Frame{}, fmt.Errorf("frame: message type %d: request id: %w", t, err)
	}
	return Frame{Type: Type(t), ID: id, Body: body[d.off:], fields: n - 2}, nil
}

// appendFrame encodes m after b. On an error b is as it was.
func appendFrame(b []byte, id uint64, m Message, fds int) ([]byte, error) {
	c, v := codecOf(m)
	if fds > MaxFds {
		return b, fmt.Errorf("encode %s: %d descriptors, at most %d", c.name, fds, MaxFds)
	}
	start := len(b)
	out := append(b, 0, 0, 0, 0)
	out = appendArrayLen(out, 2+len(c.fields))
	out = appendUint(out, uint64(m.IPCType()))
	out = appendUint(out, id)
	out = c.encFields(out, v)
	n := len(out) - start - headerLen
	if n > MaxFrame {
		return b, fmt.Errorf("encode %s: %d bytes, at most %d", c.name, n, MaxFrame)
	}
	binary.BigEndian.PutUint32(out[start:], uint32(fds)<<24|uint32(n))
	return out, nil
}
