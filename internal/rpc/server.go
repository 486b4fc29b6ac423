package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Defaults of Options.
const (
	DefaultMaxRequest  = 16 << 20
	DefaultMaxInFlight = 10_000
)

// maxSocketPath is what fits a sockaddr_un with its final zero byte.
const maxSocketPath = 107

// Options are what a Server is made from. Path, Mode, Log and Dispatch must be given.
type Options struct {
	Path string      // of the socket, in a folder that only the owner may enter
	Mode os.FileMode // of the socket; if it lets neither group nor others in, no other user but root may call
	Log  *slog.Logger

	// Dispatch runs one request and returns its result, which is encoded as JSON, or an error; one
	// that is no *Error gets CodeFailed. It is called from many goroutines at once. The context ends
	// when the caller disconnects and, with cause ErrShutdown, at Server.Shutdown.
	Dispatch func(context.Context, *Request) (any, error)

	MaxRequest  int // bytes; 0 means DefaultMaxRequest
	MaxInFlight int // unanswered requests of one connection; 0 means DefaultMaxInFlight
}

// Server answers requests on a Unix socket.
type Server struct {
	opts     Options
	listener *net.UnixListener
	ctx      context.Context // parent of every request's
	shutdown context.CancelCauseFunc

	mu       sync.Mutex
	sessions map[*Session]struct{}
	closed   bool
	done     sync.WaitGroup // the accept loop and the sessions
}

// Listen creates the socket and serves until Close. A socket that a dead process left behind is
// replaced; a live one is an error.
func Listen(opts Options) (*Server, error) {
	if opts.MaxRequest == 0 {
		opts.MaxRequest = DefaultMaxRequest
	}
	if opts.MaxInFlight == 0 {
		opts.MaxInFlight = DefaultMaxInFlight
	}
	listener, err := listen(opts.Path, opts.Mode)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", opts.Path, err)
	}
	s := &Server{opts: opts, listener: listener, sessions: make(map[*Session]struct{})}
	s.ctx, s.shutdown = context.WithCancelCause(context.Background())
	s.done.Add(1)
	go s.accept()
	return s, nil
}

// Path is where the socket is.
func (s *Server) Path() string { return s.opts.Path }

// listen gives the socket its mode under another name first, so that it never exists with a wrong one.
func listen(path string, mode os.FileMode) (*net.UnixListener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path has %d bytes, a socket's may have %d", len(path), maxSocketPath)
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, errors.New("another process is listening there")
	}
	temporary := filepath.Join(filepath.Dir(path), ".rpc")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(temporary, mode); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(temporary))
	}
	return l, nil
}

// acceptRetry is the pause after accept fails, as it does when file descriptors run out.
const acceptRetry = 100 * time.Millisecond

func (s *Server) accept() {
	defer s.done.Done()
	for {
		conn, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.opts.Log.Warn("accept an RPC connection", "error", err)
			select {
			case <-time.After(acceptRetry):
			case <-s.ctx.Done():
			}
			continue
		}
		s.serve(conn)
	}
}

func (s *Server) serve(conn *net.UnixConn) {
	session := newSession(s, conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	s.sessions[session] = struct{}{}
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		session.run()
		s.mu.Lock()
		delete(s.sessions, session)
		s.mu.Unlock()
	}()
}

// Shutdown takes no new connection, refuses new requests with CodeShutdown, and ends the contexts of
// those that run. It returns at once. A handler that outlives it, as that of stop does, still gets
// its reply out before Close.
func (s *Server) Shutdown() {
	s.shutdown(ErrShutdown)
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return
	}
	if err := os.Remove(s.opts.Path); err != nil {
		s.opts.Log.Warn("remove the RPC socket", "error", err)
	}
	s.listener.Close()
}

// Close shuts down, waits until running requests are answered or ctx ends, and closes all connections.
func (s *Server) Close(ctx context.Context) error {
	s.Shutdown()
	for _, session := range s.open() {
		go session.finish(ctx)
	}
	done := make(chan struct{})
	go func() {
		s.done.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the RPC server with requests unanswered: %w", ctx.Err())
	}
}

func (s *Server) open() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := make([]*Session, 0, len(s.sessions))
	for session := range s.sessions {
		open = append(open, session)
	}
	return open
}
