package ipc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Client asks the process at the other end from many goroutines at once and hears what it sends
// unasked. It never blocks on a full socket, so that two processes that write to each other
// cannot wait for each other.
type Client struct {
	conn   *Conn
	handle func(*Frame) error
	done   chan struct{} // closed when the reader has ended

	mu      sync.Mutex
	lastID  uint64
	pending map[uint64]call
	err     error // why the link ended
}

// call is a request in flight.
type call struct {
	reply Message // nil if the requester has given up
	done  func([]*os.File, error)
}

// NewClient takes over conn and starts to read. handle is called from the reading goroutine, one
// message at a time, for what is not a reply; its error ends the link. The frame's body and
// descriptors are its own only during the call, except descriptors that it takes by setting
// f.Fds to nil; a nil handle means that the other side may only reply.
func NewClient(conn *Conn, handle func(f *Frame) error) *Client {
	conn.out.mu.Lock()
	conn.out.neverBlock = true
	conn.out.mu.Unlock()
	c := &Client{conn: conn, handle: handle, done: make(chan struct{}), pending: make(map[uint64]call)}
	go c.read()
	return c
}

// Send writes a one-way message and owns fds, as Conn.Send.
func (c *Client) Send(m Message, fds ...*os.File) error { return c.conn.Send(m, fds...) }

// SendBatch writes several one-way messages at once.
func (c *Client) SendBatch(ms ...Message) error { return c.conn.SendBatch(ms...) }

// Reply answers a request that handle got.
func (c *Client) Reply(id uint64, m Message, fds ...*os.File) error {
	return c.conn.Reply(id, m, fds...)
}

// Request sends m and waits until the reply is decoded into reply. The returned descriptors are
// the caller's; a Fail comes back as the error. When ctx ends first, the late reply is dropped.
func (c *Client) Request(ctx context.Context, m, reply Message, fds ...*os.File) ([]*os.File, error) {
	type result struct {
		fds []*os.File
		err error
	}
	ch := make(chan result, 1)
	id := c.Go(m, reply, func(fds []*os.File, err error) { ch <- result{fds, err} }, fds...)
	select {
	case r := <-ch:
		return r.fds, r.err
	case <-ctx.Done():
	}
	if c.giveUp(id) {
		return nil, fmt.Errorf("waiting for the reply to %s: %w", nameOf(m), ctx.Err())
	}
	r := <-ch // the reply was on its way
	return r.fds, r.err
}

// Go sends m and returns the request's id at once; done is called once: from the reading
// goroutine with the reply decoded into reply, or with an error, then perhaps before Go returns.
func (c *Client) Go(m, reply Message, done func(fds []*os.File, err error), fds ...*os.File) uint64 {
	c.mu.Lock()
	if err := c.err; err != nil {
		c.mu.Unlock()
		closeAll(fds)
		done(nil, err)
		return 0
	}
	c.lastID++
	id := c.lastID
	c.pending[id] = call{reply: reply, done: done}
	c.mu.Unlock()
	if err := c.conn.out.send(id, m, fds); err != nil {
		if call, ok := c.takeCall(id); ok {
			call.done(nil, fmt.Errorf("%s: %w", nameOf(m), err))
		}
	}
	return id
}

// CloseWrite tells the other side that no more will come, after all that is pending, for which it
// waits.
func (c *Client) CloseWrite() error { return c.conn.CloseWrite() }

// Close ends the link and returns when handle will not be called any more. It must not be called
// from handle.
func (c *Client) Close() {
	c.conn.Close()
	<-c.done
}

// Done is closed when the link has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is why the link has ended: io.EOF when the other side closed it. Nil before that.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *Client) read() {
	defer close(c.done)
	for {
		f, err := c.conn.Recv()
		if err == nil {
			err = c.dispatch(&f)
			f.CloseFds()
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

func (c *Client) dispatch(f *Frame) error {
	if !f.Type.IsReply() {
		if c.handle == nil {
			return fmt.Errorf("message type %d came unasked", f.Type)
		}
		return c.handle(f)
	}
	call, ok := c.takeCall(f.ID)
	if !ok {
		return fmt.Errorf("message type %d replies to request %d, which is not open", f.Type, f.ID)
	}
	if call.reply == nil {
		return nil
	}
	err := f.decodeReply(call.reply)
	call.done(f.Fds, err)
	f.Fds = nil
	var fail *Fail
	if err != nil && !errors.As(err, &fail) {
		return err
	}
	return nil
}

func (c *Client) takeCall(id uint64) (call, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call, ok := c.pending[id]
	delete(c.pending, id)
	return call, ok
}

// giveUp reports whether the reply to id is still to come; then nobody will hear of it.
func (c *Client) giveUp(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.pending[id]; !ok {
		return false
	}
	c.pending[id] = call{}
	return true
}

// end fails what is open.
func (c *Client) end(err error) {
	c.mu.Lock()
	c.err = err
	open := c.pending
	c.pending = nil
	c.mu.Unlock()
	c.conn.Close()
	for _, call := range open {
		if call.done != nil {
			call.done(nil, fmt.Errorf("the link ended: %w", err))
		}
	}
}
