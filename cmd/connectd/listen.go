package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

const (
	// maxIncoming is how many peers may have connected to us.
	maxIncoming = 1000
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
		if !s.halfOpen.enter(conn.RemoteAddr()) {
			slog.Debug("too many connections half open", "addr", conn.RemoteAddr())
			conn.Close()
			continue
		}
		go func() {
			defer s.halfOpen.leave(conn.RemoteAddr())
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
		go partFrom(conn)
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
		return nil, err
	}
	if incoming && s.incomingPeers() >= maxIncoming && s.peer(c.remote, 0) == nil {
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

func (s *server) incomingPeers() int {
	n := 0
	for _, p := range s.allPeers() {
		if p.incoming {
			n++
		}
	}
	return n
}
