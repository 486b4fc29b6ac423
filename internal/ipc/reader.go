package ipc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"fulmen/internal/version"
)

const (
	readSize = 16 << 10  // room for many small frames in one system call
	keepSize = 128 << 10 // a larger buffer is given back once it is empty
)

// reader turns the byte stream into frames. It reads as much as is there in one system call.
type reader struct {
	c       *Conn
	buf     []byte // buf[r:w] is received and not yet returned
	r, w    int
	greeted bool
	err     error // sticky

	oob  []byte
	wait bool // of the read under way
	got  received
	once func(fd uintptr) bool // readOnce; kept, so that a read allocates nothing

	mu     sync.Mutex // Close comes from other goroutines
	closed bool
	fds    []*os.File // received; their frame is not yet returned
}

// received is what one system call brought.
type received struct {
	n, oobn, flags int
	err            error
}

func (in *reader) init(c *Conn) {
	in.c = c
	in.once = in.readOnce
	in.oob = make([]byte, unix.CmsgSpace(4*MaxFds))
}

func (in *reader) recv() (Frame, error) {
	for {
		in.greet()
		if in.err == nil && in.whole() {
			return in.take()
		}
		if in.err != nil {
			return Frame{}, in.err
		}
		in.fill(true)
	}
}

func (in *reader) buffered() bool {
	for {
		in.greet()
		if in.err != nil {
			return false
		}
		if in.whole() {
			return true
		}
		if !in.fill(false) {
			return false
		}
	}
}

// greet checks the other side's Hello once it is there.
func (in *reader) greet() {
	if in.greeted || in.err != nil || !in.whole() {
		return
	}
	in.greeted = true
	f, err := in.take()
	if err != nil {
		return
	}
	f.CloseFds()
	var hello Hello
	if err := f.Decode(&hello); err != nil {
		in.err = fmt.Errorf("first message: %w", err)
	} else if hello.Version != version.Version {
		in.err = fmt.Errorf("the other process is version %q, this one is %q", hello.Version, version.Version)
	}
}

// whole reports whether a whole frame is in the buffer.
func (in *reader) whole() bool {
	return in.w-in.r >= headerLen && in.w-in.r >= in.need()
}

// need is the length of the frame that starts at r, as far as is known.
func (in *reader) need() int {
	if in.w-in.r < headerLen {
		return headerLen
	}
	return headerLen + int(binary.BigEndian.Uint32(in.buf[in.r:])&MaxFrame)
}

// take returns the whole frame at r.
func (in *reader) take() (Frame, error) {
	n := in.need()
	f, err := parseBody(in.buf[in.r+headerLen : in.r+n])
	fds, fdErr := in.takeFds(int(in.buf[in.r]))
	in.r += n
	if err = errors.Join(err, fdErr); err != nil {
		closeAll(fds)
		in.err = err
		return Frame{}, err
	}
	f.Fds = fds
	return f, nil
}

func (in *reader) takeFds(n int) ([]*os.File, error) {
	if n == 0 {
		return nil, nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if n > len(in.fds) {
		return nil, fmt.Errorf("frame announces %d descriptors, %d came", n, len(in.fds))
	}
	fds := in.fds[:n:n]
	in.fds = in.fds[n:]
	return fds, nil
}

// fill reads what is there, or waits until something is, and reports whether there is more than
// before. There is no whole frame in the buffer.
func (in *reader) fill(wait bool) bool {
	if err := in.checkFds(); err != nil {
		in.err = err
		return false
	}
	in.makeRoom()
	in.wait = wait
	if err := in.c.rc.Read(in.once); err != nil {
		in.err = fmt.Errorf("read: %w", err)
		return false
	}
	if in.got.oobn > 0 || in.got.flags&unix.MSG_CTRUNC != 0 {
		in.gotFds()
	}
	switch got := &in.got; {
	case got.err == unix.EAGAIN && !wait:
		return false
	case got.n == 0 && (got.err == nil || got.err == unix.ECONNRESET):
		in.err = io.EOF
		if in.w > in.r {
			in.err = io.ErrUnexpectedEOF
		}
		return false
	case got.err != nil:
		in.err = fmt.Errorf("read: %w", got.err)
		return false
	}
	in.w += in.got.n
	return true
}

// readOnce returns false to be called again when there is something to read.
func (in *reader) readOnce(fd uintptr) bool {
	for {
		got := &in.got
		got.n, got.oobn, got.flags, _, got.err = unix.Recvmsg(int(fd), in.buf[in.w:], in.oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		if got.err != nil {
			got.n = 0
		}
		if got.err != unix.EINTR {
			return got.err != unix.EAGAIN || !in.wait
		}
	}
}

// makeRoom grows the buffer only as bytes arrive, whatever length a header claims.
func (in *reader) makeRoom() {
	if in.r == in.w {
		in.r, in.w = 0, 0
		if len(in.buf) > keepSize {
			in.buf = nil
		}
	}
	if in.buf == nil {
		in.buf = make([]byte, readSize)
	}
	if in.r > 0 && (in.r+in.need() > len(in.buf) || in.w == len(in.buf)) {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	if in.w == len(in.buf) {
		grown := make([]byte, min(2*len(in.buf), headerLen+MaxFrame))
		in.w = copy(grown, in.buf[:in.w])
		in.buf = grown
	}
}

// gotFds keeps the descriptors that came until their frame is returned.
func (in *reader) gotFds() {
	fds, err := parseFds(in.oob[:in.got.oobn])
	if in.got.flags&unix.MSG_CTRUNC != 0 {
		err = errors.Join(err, fmt.Errorf("more than %d descriptors on a frame", MaxFds))
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed || err != nil {
		closeAll(fds)
		in.got.n, in.got.err = 0, errors.Join(err, in.got.err)
		return
	}
	in.fds = append(in.fds, fds...)
}

// checkFds holds descriptors against the announcement in their frame's first byte: the kernel
// ends a read at them, so nothing but that frame's beginning can be in the buffer now.
func (in *reader) checkFds() error {
	announced := 0
	if in.w > in.r {
		announced = int(in.buf[in.r])
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.fds) != announced {
		return fmt.Errorf("frame announces %d descriptors, %d came", announced, len(in.fds))
	}
	return nil
}

// close drops the descriptors that nobody took.
func (in *reader) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	closeAll(in.fds)
	in.fds = nil
}
