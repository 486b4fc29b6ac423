package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Session is one connection to the server.
type Session struct {
	server  *Server
	conn    *net.UnixConn
	out     *outbox
	log     *slog.Logger
	refused error           // why the caller may not call
	ctx     context.Context // of all its requests
	cancel  context.CancelFunc

	notifications atomic.Bool
	deprecations  atomic.Pointer[bool] // nil: as the node is set

	mu       sync.Mutex
	inFlight int
	ending   bool          // no further request is started
	finished chan struct{} // closed once ending and nothing is in flight
}

func newSession(s *Server, conn *net.UnixConn) *Session {
	ctx, cancel := context.WithCancel(s.ctx)
	caller, refused := identify(conn, s.opts.Mode)
	return &Session{
		server: s, conn: conn, out: newOutbox(conn), log: s.opts.Log.With(caller), refused: refused,
		ctx: ctx, cancel: cancel, finished: make(chan struct{}),
	}
}

// SetNotifications turns message and progress notifications on this connection on or off.
func (s *Session) SetNotifications(enable bool) { s.notifications.Store(enable) }

// SetDeprecations says whether deprecated things work for the requests that follow on this connection, whatever
// the node is set to.
func (s *Session) SetDeprecations(enable bool) { s.deprecations.Store(&enable) }

// lingerTime is how long a caller that was refused may take to read why, and lingerMost how much of what
// it still sends is read.
const (
	lingerTime = time.Second
	lingerMost = 1 << 20
)

// lingerFor lets a caller that is still writing read our last words: closed at once, its write would
// fail, and what it has not read would be lost.
func lingerFor(conn *net.UnixConn) {
	if conn.CloseWrite() != nil || conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, conn, lingerMost)
}

// run reads requests until the caller disconnects or sends what is not JSON.
func (s *Session) run() {
	err := s.refused
	if err == nil {
		s.log.Debug("RPC connection")
		err = s.read()
	}
	s.end()
	var syntax *SyntaxError
	switch {
	case s.refused != nil:
		s.log.Warn("RPC connection refused", "error", err)
		s.reply(nil, nil, Errorf(CodeInvalidRequest, "%w", err))
	case errors.As(err, &syntax):
		s.log.Warn("malformed RPC request", "error", syntax)
		s.reply(nil, nil, Errorf(CodeParse, "%w", syntax))
		awaitHangup(s.conn, s.finished) // requests before the malformed one still get their replies
	case errors.Is(err, io.EOF):
		awaitHangup(s.conn, s.finished)
	}
	s.cancel()
	s.out.flush()
	if s.refused != nil || syntax != nil {
		lingerFor(s.conn)
	}
	s.out.fail(net.ErrClosed)
	s.conn.Close()
	<-s.finished
}

func (s *Session) read() error {
	in := newStream(s.conn, s.server.opts.MaxRequest)
	for {
		value, offset, err := in.next()
		if err != nil {
			return err
		}
		req, err := decodeRequest(value, offset)
		var refused *Error
		switch {
		case errors.As(err, &refused):
			s.reply(req.ID, nil, refused)
		case err != nil:
			return err
		default:
			s.start(req)
		}
	}
}

// start runs a request in a goroutine of its own, or refuses it.
func (s *Session) start(req *Request) {
	req.Session = s
	if refused := s.begin(); refused != nil {
		s.reply(req.ID, nil, refused)
		return
	}
	go func() {
		defer s.done()
		result, failure := s.dispatch(req)
		s.reply(req.ID, result, failure)
	}()
}

// begin counts one more request, or says why not.
func (s *Session) begin() *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.server.opts.MaxInFlight
	switch {
	case s.ending, s.ctx.Err() != nil:
		return Errorf(CodeShutdown, "%w", ErrShutdown)
	case s.inFlight >= limit:
		return Errorf(CodeInvalidRequest, "too many requests in flight: %d on this connection wait for their reply, and that is the limit", limit)
	}
	s.inFlight++
	return nil
}

func (s *Session) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	if s.ending && s.inFlight == 0 {
		close(s.finished)
	}
}

// end lets no further request start.
func (s *Session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ending && s.inFlight == 0 {
		close(s.finished)
	}
	s.ending = true
}

// dispatch runs the handler.
func (s *Session) dispatch(req *Request) (any, *Error) {
	return Serve(s.ctx, s.server.opts.Dispatch, s.log, req)
}

// Serve runs a handler for a request, wherever it came from, and applies the request's filter. A handler's panic
// is a bug in one command: it is logged with its stack and answered, and the node goes on, as handlers own no state.
func Serve(ctx context.Context, handle func(context.Context, *Request) (any, error), log *slog.Logger, req *Request) (result any, failure *Error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("RPC handler panicked", "method", req.Method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			result, failure = nil, Errorf(CodeInternal, "%s: internal error; the log says more", req.Method)
		}
	}()
	var keep *filter
	if req.Filter != nil {
		var err error
		if keep, err = parseFilter(req.Filter); err != nil {
			return nil, asError(err)
		}
	}
	result, err := handle(NewContext(ctx, req), req)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, asError(err)
	}
	if keep == nil {
		return result, nil
	}
	return filtered(result, keep)
}

func filtered(result any, keep *filter) (any, *Error) {
	whole, err := marshal(result)
	if err == nil {
		var trimmed json.RawMessage
		if trimmed, err = keep.apply(whole); err == nil {
			return trimmed, nil
		}
	}
	return nil, Errorf(CodeInternal, "filter the result: %w", err)
}

// reply queues a reply. Its error is not returned: the caller is gone, and the reader notices.
func (s *Session) reply(id json.RawMessage, result any, failure *Error) {
	_ = s.out.write(encodeReply(id, result, failure))
}

// finish waits until what runs is answered or ctx ends, then closes the connection.
func (s *Session) finish(ctx context.Context) {
	s.end()
	written := make(chan struct{})
	go func() {
		<-s.finished
		s.out.flush()
		close(written)
	}()
	select {
	case <-written:
	case <-ctx.Done():
	}
	s.conn.Close()
}
