package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"fulmen/internal/noise"
)

const (
	// outboxFull is how many bytes may wait to be written before senders wait too. It is more than all
	// that a channel may have under way (483 HTLCs each way with their commitments), so that the
	// channel's process is never kept from reading by a peer that keeps to the rules.
	outboxFull = 4 << 20
	// outboxStuck is where even those give up that must not wait.
	outboxStuck = 16 << 20
	// writeTimeout is for a peer that does not read.
	writeTimeout = 60 * time.Second
	// drainTimeout is for what is left when a connection ends.
	drainTimeout = 5 * time.Second

	keepBuffer = 64 << 10 // a larger buffer is given back after use
)

var (
	errClosing  = errors.New("connection is closing")
	errSlowPeer = errors.New("peer does not read")
)

// outbox encrypts and writes what goes to one peer. Whoever finds it idle writes; what others add
// meanwhile goes along with the next system call.
type outbox struct {
	conn net.Conn
	log  *slog.Logger
	all  *backlog

	mu       sync.Mutex
	changed  *sync.Cond
	seal     *noise.Sealer
	pending  []byte // encrypted
	spare    []byte // the buffer that was written last
	writing  int    // bytes that are being written
	held     int    // of all these, what all knows of
	left     bool   // all
	busy     bool   // somebody writes
	deadline time.Time
	err      error // sticky: why no more is taken
	tests    *disconnects
	silent   bool // for tests: nothing more is written, or taken from the peer
}

func newOutbox(conn net.Conn, seal *noise.Sealer, all *backlog, tests *disconnects, log *slog.Logger) *outbox {
	o := &outbox{conn: conn, seal: seal, all: all, tests: tests, log: log}
	all.join()
	o.changed = sync.NewCond(&o.mu)
	return o
}

// send writes messages, which leave together. It waits while too much is queued.
func (o *outbox) send(msgs ...[]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil && len(o.pending) > outboxFull {
		o.changed.Wait()
	}
	if o.encrypt(msgs) && !o.busy {
		o.busy = true
		o.flush()
	}
	return o.err
}

// queue is send for those who must not wait for this peer.
func (o *outbox) queue(msgs ...[]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.pending) > outboxStuck || o.all.unfair(o.held) {
		o.fail(errSlowPeer)
	}
	if !o.encrypt(msgs) || o.busy {
		return
	}
	o.busy = true
	go func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.flush()
	}()
}

// backlog is how many bytes wait behind those that are being written.
func (o *outbox) backlog() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending)
}

// account tells all what is held now.
func (o *outbox) account() {
	if now := len(o.pending) + o.writing; !o.left && now != o.held {
		o.all.add(now - o.held)
		o.held = now
	}
}

// encrypt appends messages to what is pending, and reports whether flush has something to do.
func (o *outbox) encrypt(msgs [][]byte) bool {
	defer o.account()
	for _, msg := range msgs {
		if o.err != nil {
			return false
		}
		do := o.tests.sending(msg)
		if do == deedBefore || do == deedDropClose {
			o.err = errDisconnect
			return true
		}
		if do == deedBlackhole || do == deedFallSilent {
			o.log.Debug("dev-disconnect: nothing more is sent", "deed", string(do))
		}
		if o.silent = o.silent || do == deedBlackhole; o.silent || do == deedDrop {
			continue
		}
		trace(o.log, levelOut, msg)
		pending, err := o.seal.Append(o.pending, msg)
		if err != nil {
			o.fail(err)
			return false
		}
		o.pending = pending
		switch do {
		case deedAfter:
			o.err = errDisconnect
			return true
		case deedFallSilent:
			o.silent = true
		}
	}
	return o.err == nil
}

// flush writes until nothing is pending. The mutex is held, but not while writing; busy is set.
func (o *outbox) flush() {
	for len(o.pending) > 0 {
		out := o.pending
		o.pending, o.spare, o.writing = o.spare[:0], nil, len(out)
		deadline := o.deadline
		if deadline.IsZero() {
			deadline = time.Now().Add(writeTimeout)
		}
		o.conn.SetWriteDeadline(deadline) // fails only as Write then does
		o.mu.Unlock()
		_, err := o.conn.Write(out)
		o.mu.Lock()
		o.writing = 0
		o.account()
		if err != nil {
			o.fail(fmt.Errorf("write to peer: %w", err))
			break
		}
		if cap(out) <= keepBuffer {
			o.spare = out
		}
		o.changed.Broadcast()
	}
	o.busy = false
	if o.err == errDisconnect {
		o.conn.SetReadDeadline(time.Now()) // the reader ends, and then the connection
	}
	o.changed.Broadcast()
}

// isSilent reports whether a test wants the connection dead without its being closed.
func (o *outbox) isSilent() bool {
	if o.tests == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.silent
}

// fail ends the connection. The mutex is held.
func (o *outbox) fail(err error) {
	if o.err == nil {
		o.err = err
	}
	o.pending = nil
	o.account()
	o.changed.Broadcast()
	o.conn.Close() // the reader of the peer ends too
}

// stop takes nothing more and gives what is queued a little time.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	o.err = errClosing
	o.deadline = time.Now().Add(drainTimeout)
	o.conn.SetWriteDeadline(o.deadline) // also for a write under way
	o.changed.Broadcast()
}

// drained waits until all is written or given up, and returns why the outbox failed, nil if it did not.
func (o *outbox) drained() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.busy {
		o.changed.Wait()
	}
	if !o.left {
		o.left = true
		o.all.leave(o.held)
	}
	if o.err == errClosing {
		return nil
	}
	return o.err
}
