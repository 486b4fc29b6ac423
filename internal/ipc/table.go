package ipc

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Rights is a set of what a link's other side may ask; the bits are the link's own.
type Rights uint32

// Has reports whether r includes all of want.
func (r Rights) Has(want Rights) bool { return r&want == want }

// Handler is all there is to say of one message that a process accepts.
type Handler[C any] struct {
	Right  Rights // that the client must have
	FdsIn  int    // descriptors that ride on it
	FdsOut int    // and on its reply
	// Do carries it out and returns the reply and its descriptors, nothing for a one-way message.
	// A Fail is sent to the client; any other error ends the link. Descriptors left in f.Fds are
	// closed afterwards.
	Do func(c *C, f *Frame) (Message, []*os.File, error)
}

// Table is all that a process does for the clients of a kind of link.
type Table[C any] map[Type]Handler[C]

// Serve answers a client until its link ends; then the error is nil at a clean close.
func (t Table[C]) Serve(conn *Conn, c *C, have Rights) error {
	for {
		f, err := conn.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.Handle(conn, c, have, &f); err != nil {
			return err
		}
	}
}

// Handle does what one message asks and sends the reply. An error means that the link must end.
func (t Table[C]) Handle(conn *Conn, c *C, have Rights, f *Frame) error {
	defer f.CloseFds()
	h, ok := t[f.Type]
	switch {
	case !ok:
		return fmt.Errorf("message type %d is not accepted on this link", f.Type)
	case !have.Has(h.Right):
		return fmt.Errorf("message type %d needs right %#b, the client has %#b", f.Type, h.Right, have)
	case len(f.Fds) != h.FdsIn:
		return fmt.Errorf("message type %d comes with %d descriptors, want %d", f.Type, len(f.Fds), h.FdsIn)
	}
	reply, fds, err := h.Do(c, f)
	var fail *Fail
	if errors.As(err, &fail) && f.ID != 0 {
		closeAll(fds)
		return conn.Reply(f.ID, fail)
	}
	if err != nil {
		closeAll(fds)
		return fmt.Errorf("message type %d: %w", f.Type, err)
	}
	return h.sendReply(conn, f, reply, fds)
}

func (h *Handler[C]) sendReply(conn *Conn, f *Frame, reply Message, fds []*os.File) error {
	switch {
	case (reply == nil) != (f.ID == 0):
		closeAll(fds)
		return fmt.Errorf("message type %d came with request id %d, which is not how it is sent", f.Type, f.ID)
	case reply == nil:
		return nil
	case reply.IPCType() != f.Type+1 || len(fds) != h.FdsOut:
		panic(fmt.Sprintf("ipc: message type %d answered by %s with %d descriptors", f.Type, nameOf(reply), len(fds)))
	}
	return conn.Reply(f.ID, reply, fds...)
}
