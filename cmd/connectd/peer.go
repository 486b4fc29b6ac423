package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"fulmen/internal/budget"
	"fulmen/internal/features"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/keys"
	"fulmen/internal/noise"
	"fulmen/internal/wire"
)

// A peer may send budgetBurst messages that cost us work outside of its channels at once, and
// budgetRate a second in the long run: pings, openings, errors, messages unknown to us.
const (
	budgetBurst = 200
	budgetRate  = 20
)

// peer is one connection, from its init exchange to its end.
type peer struct {
	s          *server
	id         keys.PubKey
	n          uint64 // connectdmsg's Conn
	conn       net.Conn
	features   features.Vector
	incoming   bool
	addr       string
	since      time.Time
	remoteAddr string // ours, as the peer sees it
	open       *noise.Opener
	out        *outbox
	budget     budget.Budget // the reader's
	log        *slog.Logger

	serving   chan struct{} // closed by Serve
	serveOnce sync.Once
	stopping  chan struct{} // closed by stop
	done      chan struct{} // closed when lightningd was told of the end
	heard     atomic.Int64  // when the peer last sent something, in Unix nanoseconds; 0 before Serve

	mu       sync.Mutex
	reason   string // why it stopped; set before stopping is closed
	ended    bool   // no channel is attached any more
	channels map[wire.ChannelID]*attachment
	pings    []pendingPing
	idlePing bool // a ping of ours waits since the peer was last heard
}

func newPeer(s *server, c *secured, remote remoteInit, incoming bool) *peer {
	log := slog.With("peer_id", c.remote)
	return &peer{
		s: s, id: c.remote, conn: c.conn, features: remote.features, incoming: incoming,
		addr: c.conn.RemoteAddr().String(), since: time.Now(), remoteAddr: remote.remoteAddr,
		open: c.open, out: newOutbox(c.conn, c.seal, s.backlog, s.tests, log), budget: budget.New(budgetBurst, budgetRate, time.Now()),
		log:     log,
		serving: make(chan struct{}), stopping: make(chan struct{}), done: make(chan struct{}),
		channels: make(map[wire.ChannelID]*attachment),
	}
}

// startServing lets the peer be read.
func (p *peer) startServing() { p.serveOnce.Do(func() { close(p.serving) }) }

// run is the life of the connection after it was reported.
func (p *peer) run() {
	served := false
	select {
	case <-p.stopping:
	case <-p.serving:
		served = true
		p.heard.Store(time.Now().UnixNano())
		p.s.gossip.add(p)
		p.tellGossipd(&gossipmsg.PeerUp{ID: p.id, Features: p.features})
		p.stop(whyEnded(p.read()))
	}
	outErr := p.out.drained()
	go p.s.partFrom(p.conn)
	p.detachAll()
	p.failPings()
	if served {
		p.s.gossip.remove(p)
		p.tellGossipd(&gossipmsg.PeerDown{ID: p.id})
	}
	reason := p.reason
	if outErr != nil {
		reason = outErr.Error()
	}
	p.log.Debug("connection ended", "reason", reason)
	p.s.forget(p, reason)
	close(p.done)
}

// whyEnded words what ended the reading.
func whyEnded(err error) string {
	if errors.Is(err, io.EOF) {
		return "peer closed the connection"
	}
	return err.Error()
}

// stop ends the connection after what is queued was written. The first reason counts. It does not wait.
func (p *peer) stop(reason string) {
	p.mu.Lock()
	select {
	case <-p.stopping:
		p.mu.Unlock()
		return
	default:
	}
	p.reason = reason
	close(p.stopping)
	p.mu.Unlock()
	p.out.stop()
	p.conn.SetReadDeadline(time.Now()) // the reader ends; on a closed connection it has already
	p.closeLinks()                     // should it be waiting for a channel's process
}

// isStopping reports whether the connection is about to end.
func (p *peer) isStopping() bool {
	select {
	case <-p.stopping:
		return true
	default:
		return false
	}
}

// maxParting is how many connections that are over may wait for their peers to close, too.
const maxParting = 256

// partFrom is the function partFrom, unless too many wait already: strangers could otherwise use up descriptors.
func (s *server) partFrom(conn net.Conn) {
	select {
	case s.parting <- struct{}{}:
		defer func() { <-s.parting }()
		partFrom(conn)
	default:
		conn.Close()
	}
}

// partFrom closes a connection such that the last that was written arrives: with something unread, the
// kernel would answer the peer's next byte with a reset, and the peer forget what it has not read.
func partFrom(conn net.Conn) {
	defer conn.Close()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || conn.SetReadDeadline(time.Now().Add(drainTimeout)) != nil {
		return
	}
	io.Copy(io.Discard, conn) // until the peer closes too, or the deadline
}

// refuse tells the peer what it did wrong and ends the connection; its channels are not failed.
func (p *peer) refuse(format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	p.out.queue(wire.Encode(&wire.Warning{Data: []byte(reason)}))
	p.stop(reason)
}

// errDisconnected is for what waits for the peer when it is gone.
var errDisconnected = errors.New("peer disconnected")
