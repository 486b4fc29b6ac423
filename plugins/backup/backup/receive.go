package backup

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Receiver keeps a copy in a folder for a node on another host. One connection is served at a time: a new one
// takes the place of the one before, which the node has given up.
type Receiver struct {
	dir string
	log func(format string, args ...any)

	mu      sync.Mutex
	current net.Conn
	serving sync.Mutex // held by the connection that has the folder
}

// NewReceiver keeps its copy in dir.
func NewReceiver(dir string, log func(format string, args ...any)) *Receiver {
	return &Receiver{dir: dir, log: log}
}

// Listen opens the socket of an address.
func Listen(address string, secret []byte) (net.Listener, error) {
	e, err := parseAddress(address, secret)
	if err != nil {
		return nil, err
	}
	if e.network == "unix" {
		if info, err := os.Lstat(e.address); err == nil && info.Mode()&os.ModeSocket != 0 {
			if err := os.Remove(e.address); err != nil { // of one that ended
				return nil, err
			}
		}
	}
	l, err := net.Listen(e.network, e.address)
	if err != nil {
		return nil, err
	}
	if e.config != nil {
		return tls.NewListener(l, e.config), nil
	}
	if err := os.Chmod(e.address, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

const (
	// maxWaiting is how many connections may be there that have not said who they are.
	maxWaiting = 32
	// acceptRetry is the pause after accept fails, as it does when descriptors run out.
	acceptRetry = 100 * time.Millisecond
)

// Serve takes connections until the listener is closed.
func (r *Receiver) Serve(l net.Listener) error {
	waiting := make(chan struct{}, maxWaiting)
	for {
		waiting <- struct{}{}
		conn, err := l.Accept()
		switch {
		case err == nil:
			go r.serve(conn, sync.OnceFunc(func() { <-waiting }))
			continue
		case errors.Is(err, net.ErrClosed):
			return err
		}
		r.log("accept a connection: %v", err)
		<-waiting
		time.Sleep(acceptRetry)
	}
}

// serve lets a connection in once it has said something valid, which over TLS nobody can without the secret. known is
// called then, or when it is refused.
func (r *Receiver) serve(conn net.Conn, known func()) {
	defer known()
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return
	}
	kind, _, err := readFrame(conn)
	if err == nil {
		err = conn.SetReadDeadline(time.Time{})
	}
	if err != nil || kind != askState {
		r.log("refused %s: %v", conn.RemoteAddr(), errors.Join(err, errors.New("it does not begin with a question for the state")))
		return
	}
	known()
	r.mu.Lock()
	if r.current != nil {
		r.current.Close()
	}
	r.current = conn
	r.mu.Unlock()
	r.serving.Lock()
	defer r.serving.Unlock()
	r.log("connected: %s", conn.RemoteAddr())
	err = r.keep(conn)
	r.log("disconnected: %s: %v", conn.RemoteAddr(), err)
}

// keep serves one connection, whose first request is read already.
func (r *Receiver) keep(conn io.ReadWriter) error {
	d, err := OpenDir(r.dir)
	if err != nil {
		return errors.Join(err, writeFrame(conn, answerError, []byte(err.Error())))
	}
	defer d.Close()
	s := &session{dir: d}
	defer s.end()
	kind, payload := askState, []byte(nil)
	for {
		answer, err := s.do(kind, payload)
		if err != nil {
			return errors.Join(err, writeFrame(conn, answerError, []byte(err.Error())))
		}
		if err := writeFrame(conn, answerDone, answer); err != nil {
			return err
		}
		if kind, payload, err = readFrame(conn); err != nil {
			return err
		}
	}
}

// session is one connection's.
type session struct {
	dir  *Dir
	part *snapshot // being received
}

func (s *session) end() {
	if s.part != nil {
		s.part.abandon()
		s.part = nil
	}
}

func (s *session) do(kind frameType, payload []byte) (answer []byte, err error) {
	switch kind {
	case askState:
		state, err := s.dir.State()
		return encodeState(state), err
	case askBegin:
		version, rest, err := cutUint32(payload)
		if err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("a version of %d bytes", len(payload))
		}
		return nil, s.dir.Begin(version)
	case askAppend:
		t, err := decodeTransaction(payload)
		if err != nil {
			return nil, err
		}
		return nil, s.dir.Append(t.version, t.writes)
	case askSnapshot:
		s.end()
		s.part, err = s.dir.beginSnapshot()
		return nil, err
	case askChunk, askEnd:
		if s.part == nil {
			return nil, errors.New("a part of a snapshot that was not begun")
		}
		if kind == askChunk {
			return nil, s.part.chunk(payload)
		}
		err := s.part.end()
		s.end()
		return nil, err
	}
	return nil, fmt.Errorf("a request of type %d", kind)
}
