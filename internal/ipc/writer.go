package ipc

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// highWater is how much may wait to be written before senders wait too.
	highWater = 1 << 20
	// stuckAt is how much may wait where senders must not wait (Conn.neverBlock): a reader that
	// is so far behind will not catch up.
	stuckAt = 64 << 20
)

// writer puts frames onto the socket. Whoever finds it idle writes; what others add meanwhile
// goes along with the next system call.
type writer struct {
	c    *Conn
	once func(fd uintptr) bool // writeOnce; kept, so that a write allocates nothing
	at   writing               // what writeOnce works on: of whoever holds busy

	mu         sync.Mutex
	room       *sync.Cond
	pending    []byte
	spare      []byte // the buffer that was written last
	marks      []mark // in pending, in order
	busy       bool   // somebody writes
	neverBlock bool   // a full socket is left to a goroutine of its own
	err        error  // sticky
}

// mark is where in the stream descriptors ride.
type mark struct {
	off int
	fds []*os.File
}

// writing is the state of one write.
type writing struct {
	p    []byte
	oob  []byte
	wait bool
	n    int
	err  error
}

func (out *writer) init(c *Conn) {
	out.c = c
	out.once = out.writeOnce
	out.room = sync.NewCond(&out.mu)
}

func (out *writer) send(id uint64, m Message, fds []*os.File) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if err := out.wait(); err != nil {
		closeAll(fds)
		return err
	}
	start := len(out.pending)
	b, err := appendFrame(out.pending, id, m, len(fds))
	out.pending = b
	if err != nil {
		closeAll(fds)
		return err
	}
	if len(fds) > 0 {
		out.marks = append(out.marks, mark{off: start, fds: fds})
	}
	return out.flush()
}

func (out *writer) sendBatch(ms []Message) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if err := out.wait(); err != nil {
		return err
	}
	for _, m := range ms {
		b, err := appendFrame(out.pending, 0, m, 0)
		out.pending = b
		if err != nil {
			return errors.Join(err, out.flush())
		}
	}
	return out.flush()
}

// wait returns when there is room. The mutex is held.
func (out *writer) wait() error {
	for out.err == nil && out.busy && len(out.pending) > highWater {
		if !out.neverBlock {
			out.room.Wait()
			continue
		}
		if len(out.pending) > stuckAt {
			out.failLocked(fmt.Errorf("%d bytes wait and the other side does not read", len(out.pending)))
		}
		break
	}
	return out.err
}

// flush writes until nothing is pending, unless somebody does already. The mutex is held.
func (out *writer) flush() error {
	if out.busy || out.err != nil {
		return out.err
	}
	out.busy = true
	out.at.wait = !out.neverBlock
	if out.drain() {
		return out.err
	}
	go func() {
		out.mu.Lock()
		defer out.mu.Unlock()
		out.at.wait = true
		out.drain()
	}()
	return nil
}

// drain writes what is pending, and reports false if the socket is full and it must not wait. The
// mutex is held, but not while writing.
func (out *writer) drain() bool {
	for out.err == nil && len(out.pending) > 0 {
		p, marks := out.pending, out.marks
		out.pending, out.spare, out.marks = out.spare[:0], nil, nil
		out.mu.Unlock()
		n, left, err := out.write(p, marks)
		out.mu.Lock()
		switch {
		case err == unix.EAGAIN && out.err == nil:
			out.putBack(p[n:], left, n)
			return false
		case err != nil:
			for _, m := range left {
				closeAll(m.fds)
			}
			out.failLocked(fmt.Errorf("write: %w", err))
		case cap(p) <= keepSize:
			out.spare = p
		}
		out.room.Broadcast()
	}
	out.busy = false
	out.room.Broadcast()
	return true
}

// end waits until all is written and lets nothing more in.
func (out *writer) end() error {
	out.mu.Lock()
	defer out.mu.Unlock()
	for out.err == nil && out.busy {
		out.room.Wait()
	}
	err := out.flush()
	for out.err == nil && out.busy {
		out.room.Wait()
	}
	out.failLocked(errClosed)
	return err
}

// putBack prepends what was not written to what has come since.
func (out *writer) putBack(p []byte, marks []mark, written int) {
	for i := range marks {
		marks[i].off -= written
	}
	for i := range out.marks {
		out.marks[i].off += len(p)
	}
	out.marks = append(marks, out.marks...)
	out.pending = append(p[:len(p):len(p)], out.pending...)
}

// write writes p, starting anew at each mark, and returns how much it wrote and which marks it
// did not reach.
func (out *writer) write(p []byte, marks []mark) (int, []mark, error) {
	n := 0
	for n < len(p) {
		end, oob := len(p), []*os.File(nil)
		if len(marks) > 0 && marks[0].off == n {
			oob = marks[0].fds
			if len(marks) > 1 {
				end = marks[1].off
			}
		} else if len(marks) > 0 {
			end = marks[0].off
		}
		k, err := out.writeSome(p[n:end], oob)
		if err != nil {
			return n, marks, err
		}
		n += k
		if oob != nil {
			closeAll(oob)
			marks = marks[1:]
		}
	}
	return n, nil, nil
}

// writeSome makes one system call that succeeds. The descriptors ride on the first byte.
func (out *writer) writeSome(p []byte, files []*os.File) (int, error) {
	out.at.p, out.at.oob = p, nil
	defer func() { out.at.p = nil }()
	do := func(fds []int) error {
		if len(fds) > 0 {
			out.at.oob = unix.UnixRights(fds...)
		}
		if err := out.c.rc.Write(out.once); err != nil {
			return err
		}
		return out.at.err
	}
	if len(files) == 0 {
		return out.at.n, do(nil)
	}
	err := rawFds(files, do)
	return out.at.n, err
}

// writeOnce returns false to be called again when there is room.
func (out *writer) writeOnce(fd uintptr) bool {
	at := &out.at
	for {
		at.n, at.err = unix.SendmsgN(int(fd), at.p, at.oob, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		if at.err != unix.EINTR {
			return at.err != unix.EAGAIN || !at.wait
		}
	}
}

// fail ends the writer: senders get err.
func (out *writer) fail(err error) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.failLocked(err)
}

func (out *writer) failLocked(err error) {
	if out.err == nil {
		out.err = err
	}
	for _, m := range out.marks {
		closeAll(m.fds)
	}
	out.marks, out.pending = nil, nil
	out.room.Broadcast()
}
