package ipc

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"fulmen/internal/version"
)

// Conn is one end of a link. Any goroutine may write; one reads.
type Conn struct {
	f  *os.File
	rc syscall.RawConn

	in     reader
	out    writer
	lastID uint64 // of our requests in lock-step; the reader's
}

// NewConn makes a Conn of a socket from Pair, FileOf or a Frame's Fds, and owns it from then on.
// It panics if f is not such a file: that is a mistake in our source.
func NewConn(f *os.File) *Conn {
	rc, err := f.SyscallConn()
	if err != nil {
		panic(fmt.Sprintf("ipc: %s: %v", f.Name(), err))
	}
	c := &Conn{f: f, rc: rc}
	c.in.init(c)
	c.out.init(c)
	// The first write carries our version along.
	c.out.pending, err = appendFrame(nil, 0, &Hello{Version: version.Version}, 0)
	if err != nil {
		panic(fmt.Sprintf("ipc: %v", err))
	}
	return c
}

// Send writes a one-way message. It owns fds: they are closed when sent or given up.
func (c *Conn) Send(m Message, fds ...*os.File) error { return c.out.send(0, m, fds) }

// Reply answers request id. It owns fds as Send does.
func (c *Conn) Reply(id uint64, m Message, fds ...*os.File) error { return c.out.send(id, m, fds) }

// SendBatch writes several one-way messages at once.
func (c *Conn) SendBatch(ms ...Message) error { return c.out.sendBatch(ms) }

// Recv returns the next message, io.EOF if the other side closed between two messages. Any error
// is the link's end.
func (c *Conn) Recv() (Frame, error) { return c.in.recv() }

// Buffered reports whether the next Recv has a whole message without waiting for it.
func (c *Conn) Buffered() bool { return c.in.buffered() }

// Request sends m and waits for its reply, into which it decodes; the returned descriptors are
// the caller's. The caller is the Conn's reader, and the other side sends nothing but replies. A
// Fail comes back as the error.
func (c *Conn) Request(m, reply Message, fds ...*os.File) ([]*os.File, error) {
	c.lastID++
	id := c.lastID
	if err := c.out.send(id, m, fds); err != nil {
		return nil, err
	}
	f, err := c.Recv()
	if err != nil {
		return nil, fmt.Errorf("waiting for the reply to %s: %w", nameOf(m), err)
	}
	if f.ID != id {
		f.CloseFds()
		return nil, fmt.Errorf("waiting for the reply to %s: have message type %d id %d, want id %d",
			nameOf(m), f.Type, f.ID, id)
	}
	return f.Fds, f.decodeReply(reply)
}

// decodeReply decodes a reply or turns a Fail into the error; then no descriptor is left.
func (f *Frame) decodeReply(reply Message) error {
	err := func() error {
		if f.Type != TypeFail {
			return f.Decode(reply)
		}
		fail := new(Fail)
		if err := f.Decode(fail); err != nil {
			return err
		}
		return fail
	}()
	if err != nil {
		f.CloseFds()
	}
	return err
}

// Close ends the link; a blocked Recv returns. Descriptors that were received and not handed out
// are closed.
func (c *Conn) Close() error {
	c.out.fail(errClosed)
	err := c.f.Close()
	c.in.close()
	return err
}

// CloseWrite writes what is pending and tells the other side that no more will come: its Recv
// returns io.EOF. Recv goes on here.
func (c *Conn) CloseWrite() error {
	if err := c.out.end(); err != nil {
		return err
	}
	var err error
	if ctlErr := c.rc.Control(func(fd uintptr) { err = unix.Shutdown(int(fd), unix.SHUT_WR) }); ctlErr != nil {
		return ctlErr
	}
	if err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	return nil
}

var errClosed = errors.New("link is closed")

func nameOf(m Message) string {
	codec, _ := codecOf(m)
	return codec.name
}
