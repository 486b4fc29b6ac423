package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"
)

const (
	// maxIncoming is how many peers may have connected to us. One more takes the place of one without a channel, if there
	// is one that has been here for longer than strangerTime: its channel's process may be on its way.
	maxIncoming  = 1000
	strangerTime = 10 * time.Second
	// maxLeaving is how many of those that go may still be there.
	maxLeaving = 100
	// acceptPause follows an accept that failed, as for want of descriptors.
	acceptPause = 200 * time.Millisecond
)

// listenAll binds all addresses or none.
func listenAll(addrs []string) (listeners []net.Listener, bound []string, err error) {
	for _, addr := range addrs {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			if op := (*net.OpError)(nil); errors.As(err, &op) {
				err = op.Err // without the address, which op names again
			}
			return nil, nil, fmt.Errorf("listen on %s: %w", addr, err)
		}
		listeners = append(listeners, l)
		bound = append(bound, l.Addr().String())
	}
	return listeners, bound, nil
}

// accept takes in connections for as long as the process lives.
func (s *server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			slog.Warn("accept", "listen", l.Addr(), "error", err)
			time.Sleep(acceptPause)
			continue
		}
		n := s.halfOpen.enter(conn)
		if n == nil {
			slog.Debug("too many connections half open from one place", "addr", conn.RemoteAddr())
			conn.Close()
			continue
		}
		go func() {
			defer s.halfOpen.leave(n)
			s.incoming(conn)
		}()
	}
}

var errTooMany = errors.New("too many peers have connected to us")

// incoming sets up one connection.
func (s *server) incoming(conn net.Conn) {
	if _, err := s.setUp(conn, true, s.respond); err != nil {
		slog.Debug("incoming connection", "addr", conn.RemoteAddr(), "error", err)
	}
}

// setUp does handshake and init exchange and makes a peer of the connection, or closes it.
func (s *server) setUp(conn net.Conn, incoming bool, handshake func(net.Conn) (*secured, error)) (*peer, error) {
	p, err := s.trySetUp(conn, incoming, handshake)
	if err != nil {
		go s.partFrom(conn)
		return nil, err
	}
	kept := s.admit(p)
	if kept != p {
		conn.Close()
	}
	return kept, nil
}

func (s *server) trySetUp(conn net.Conn, incoming bool, handshake func(net.Conn) (*secured, error)) (*peer, error) {
	if err := conn.SetDeadline(time.Now().Add(setupTimeout)); err != nil {
		return nil, err
	}
	c, err := handshake(conn)
	if err != nil {
		conn.Close() // BOLT 8: without a word
		return nil, err
	}
	if incoming && !s.arrivals.may(c.remote, time.Now()) {
		return nil, fmt.Errorf("peer %s: %w", c.remote, errTooOften)
	}
	if incoming && s.peer(c.remote, 0) == nil && !s.makeRoom(time.Now()) {
		return nil, errTooMany
	}
	remote, err := s.exchangeInit(c, incoming)
	if err != nil {
		return nil, fmt.Errorf("peer %s: %w", c.remote, err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return newPeer(s, c, remote, incoming), nil
}

// makeRoom reports whether one more peer may have connected to us. Strangers must not keep out those that we have
// channels with.
func (s *server) makeRoom(now time.Time) bool {
	n, leaving := 0, 0
	var strangers []*peer
	for _, p := range s.allPeers() {
		switch {
		case !p.incoming:
			continue
		case p.isStopping():
			leaving++
			continue
		}
		n++
		if now.Sub(p.since) > strangerTime && !p.hasChannels() {
			strangers = append(strangers, p)
		}
	}
	if n < s.maxIncoming {
		return true
	}
	if len(strangers) == 0 || leaving >= maxLeaving {
		return false
	}
	strangers[rand.IntN(len(strangers))].stop("made room for another peer")
	return true
}
