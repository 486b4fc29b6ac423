package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// server is the whole process.
type server struct {
	lightningd *ipc.Conn
	gossipd    *ipc.Conn
	ecdh       *ecdhClient
	dialer     dialer

	nodeID    keys.PubKey
	chainHash [32]byte
	features  features.Vector
	tellLocal bool // tell peers a private address too
	tests     *disconnects
	halfOpen  halfOpen
	through   atomic.Pointer[map[wire.MessageType]bool] // unknown types that lightningd takes
	gossip    *streamer
	backlog   *backlog

	arrivals    *arrivals
	maxIncoming int
	parting     chan struct{} // has one for each connection that waits for its peer to close

	mu       sync.Mutex
	lastConn uint64
	peers    map[keys.PubKey]*peer
	dials    map[keys.PubKey]*dial
}

func newServer(lightningd, hsmd, gossipd *ipc.Conn) *server {
	return &server{
		lightningd:  lightningd,
		gossipd:     gossipd,
		ecdh:        newECDHClient(hsmd),
		halfOpen:    halfOpen{each: make(map[netip.Prefix]int)},
		gossip:      newStreamer(),
		backlog:     newBacklog(),
		arrivals:    newArrivals(),
		maxIncoming: maxIncoming,
		parting:     make(chan struct{}, maxParting),
		peers:       make(map[keys.PubKey]*peer),
		dials:       make(map[keys.PubKey]*dial),
	}
}

// start takes over what lightningd said and begins to accept.
func (s *server) start(init *connectdmsg.Init, listeners []net.Listener) {
	s.nodeID, s.chainHash, s.features = init.NodeID, init.ChainHash, init.Features
	s.tellLocal = init.DevAllowLocalhost
	s.dialer = dialer{proxy: init.Proxy, always: init.AlwaysProxy}
	for _, l := range listeners {
		go s.accept(l)
	}
	if init.GossipMillis > 0 {
		s.gossip.flush = time.Duration(init.GossipMillis) * time.Millisecond
	}
	go s.gossip.run()
	go s.readGossipd()
	go s.watchIdle()
}

// serve carries out lightningd's orders until it closes the link.
func (s *server) serve() error {
	for {
		f, err := s.lightningd.Recv()
		if err != nil {
			return err
		}
		order, known := orders[f.Type]
		if !known {
			return fmt.Errorf("message type %d is not accepted", f.Type)
		}
		err = order(s, &f)
		f.CloseFds()
		if err != nil {
			return err
		}
	}
}

// report tells lightningd. If that fails, serve ends the process.
func (s *server) report(m ipc.Message) {
	if err := s.lightningd.Send(m); err != nil {
		slog.Debug("lightningd does not hear", "error", err)
	}
}

// admit makes p the connection with its peer. An older one ends first, and is reported to have ended;
// unless that one is to stay (prefersOld), which is then returned.
func (s *server) admit(p *peer) *peer {
	for {
		s.mu.Lock()
		old := s.peers[p.id]
		if old == nil {
			s.lastConn++
			p.n = s.lastConn
			s.peers[p.id] = p
			s.mu.Unlock()
			break
		}
		s.mu.Unlock()
		if s.prefersOld(old, p) {
			return old
		}
		old.stop("replaced by a new connection")
		<-old.done
	}
	s.report(&connectdmsg.PeerConnected{
		ID: p.id, Conn: p.n, Features: p.features, Incoming: p.incoming, Addr: p.addr, RemoteAddr: p.remoteAddr,
	})
	go p.run()
	return p
}

// crossing is how close to each other two connections must be to count as made by both sides at once.
const crossing = 10 * time.Second

// prefersOld decides between two connections. The newer one wins, because the older may have died
// without our noticing. But when both sides dialled at the same time each has another one as its
// newer; then it is the one that the lower node id dialled, so that both keep the same.
func (s *server) prefersOld(old, p *peer) bool {
	if old.isStopping() || old.incoming == p.incoming || p.since.Sub(old.since) > crossing {
		return false
	}
	weAreLower := bytes.Compare(s.nodeID[:], p.id[:]) < 0
	return weAreLower != old.incoming
}

// forget is a peer's last word.
func (s *server) forget(p *peer, reason string) {
	s.report(&connectdmsg.PeerDisconnected{ID: p.id, Conn: p.n, Reason: reason})
	s.mu.Lock()
	delete(s.peers, p.id)
	s.mu.Unlock()
}

// peer finds a connection; with n zero, whichever there is with id. It is nil if there is none.
func (s *server) peer(id keys.PubKey, n uint64) *peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.peers[id]; p != nil && (n == 0 || p.n == n) {
		return p
	}
	return nil
}

// isLetThrough reports whether lightningd takes a message of a type that we do not know.
func (s *server) isLetThrough(msg []byte) bool {
	through := s.through.Load()
	t, err := wire.TypeOf(msg)
	return err == nil && through != nil && (*through)[t] && !isKnown(t)
}

// allPeers is a snapshot.
func (s *server) allPeers() []*peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*peer, 0, len(s.peers))
	for _, p := range s.peers {
		all = append(all, p)
	}
	return all
}

// readGossipd passes on what gossipd has for peers.
func (s *server) readGossipd() {
	err := s.passGossip()
	slog.Error("gossip to peers ends", "error", err)
}

func (s *server) passGossip() error {
	for {
		f, err := s.gossipd.Recv()
		if err != nil {
			return err
		}
		f.CloseFds() // no message comes with any
		var m gossipmsg.PeerGossip
		if err := f.Decode(&m); err != nil {
			return err
		}
		for _, msg := range m.Wire {
			if t, err := wire.TypeOf(msg); err != nil || !wire.IsGossip(t) || len(msg) > wire.MaxMessage {
				return fmt.Errorf("gossipd sends %d bytes that are no gossip: %s", len(msg), t)
			}
		}
		if p := s.peer(m.ID, 0); p != nil {
			p.out.queue(m.Wire...)
		}
	}
}
