package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// How long to wait before the first and between later tries to reach a peer with a channel again.
const (
	firstReconnect = 250 * time.Millisecond
	mostReconnect  = 5 * time.Minute
)

// stableAfter is how long a connection must last to count as stable.
const stableAfter = time.Minute

// maxPeers is more than connectd has descriptors for.
const maxPeers = 100_000

// peer is a node that is connected, or with which we have a channel. Only the loop touches it.
type peer struct {
	id       keys.PubKey
	conn     *peerConn // nil while not connected
	served   bool      // the plugins let it in, and know of it
	channels map[uint64]*channel
	openings map[uint64]*opening
	asked    int // channels of its that plugins are asked about
	storage  peerStorage
	custom   [][]byte // messages that wait for the plugins, the first of which they have
	commando commandoServed
	backoff  time.Duration
	retry    *time.Timer // the next try to connect, nil if none is due
	stable   *time.Timer // when the connection counts as stable; nil without one
}

// peerConn is one connection. It never changes.
type peerConn struct {
	id         keys.PubKey
	conn       uint64 // connectd's number
	features   []byte
	incoming   bool
	addr       string
	remoteAddr string // ours, as the peer sees it
}

// peerOf is the peer with an id, made where it was not known.
func (n *node) peerOf(id keys.PubKey) *peer {
	p := n.peers[id]
	if p == nil {
		p = &peer{id: id, channels: map[uint64]*channel{}, openings: map[uint64]*opening{}}
		n.peers[id] = p
	}
	return p
}

// forgetIfIdle drops a peer that is of no interest any more.
func (n *node) forgetIfIdle(p *peer) {
	if p.conn == nil && len(p.channels) == 0 && len(p.openings) == 0 {
		if p.retry != nil {
			p.retry.Stop()
		}
		delete(n.peers, p.id)
	}
}

// checkPeerConnected fails for what connectd cannot have from a connection.
func checkPeerConnected(m *connectdmsg.PeerConnected) error {
	if n := max(len(m.Addr), len(m.RemoteAddr)); n > maxAddress || len(m.Features) > wire.MaxMessage {
		return fmt.Errorf("peer %s: an address of %d bytes and features of %d", m.ID, n, len(m.Features))
	}
	return m.ID.Check()
}

// maxAddress bounds a host name and its port.
const maxAddress = 300

// onPeerConnected takes up the peer's channels. connectd reads nothing from the peer until Serve.
func (n *node) onPeerConnected(m *connectdmsg.PeerConnected) {
	p := n.peerOf(m.ID)
	if p.conn != nil {
		n.connectionLost(p)
	} else if len(n.peers) > maxPeers {
		n.log.Error("connectd reports more peers than there can be, ending it")
		go n.connectd.child().Close()
		return
	}
	if n.drain.turnsAway(p) {
		n.connectd.send(&connectdmsg.Disconnect{ID: m.ID, Conn: m.Conn})
		n.forgetIfIdle(p)
		return
	}
	p.conn = &peerConn{id: m.ID, conn: m.Conn, features: m.Features, incoming: m.Incoming, addr: m.Addr, remoteAddr: m.RemoteAddr}
	p.stopRetry()
	n.log.Info("peer connected", "peer_id", m.ID, "addr", m.Addr, "incoming", m.Incoming)
	if !m.Incoming {
		n.submit("store peer's address", func(tx *storeTx) error { return tx.SetPeerAddress(m.ID, m.Addr) }, nil)
	}
	conn := p.conn
	p.stable = time.AfterFunc(stableAfter, func() { n.loop.post(func() { n.markStable(p, conn) }) })
	n.askAboutPeer(p, conn, func() { n.servePeer(p, conn) })
}

// servePeer has connectd read from a peer, once its channels have their processes.
func (n *node) servePeer(p *peer, conn *peerConn) {
	p.served = true
	n.tellConnect(conn)
	var resume []*channel
	for _, c := range p.channels {
		if c.wantsProcess() {
			c.resuming = true
			resume = append(resume, c)
		}
	}
	go func() {
		n.returnStorage(conn)
		for _, c := range resume {
			if err := n.resumeChannel(n.ctx, c, conn); err != nil {
				c.log.Error("channel does not resume", "error", err)
				// A newer connection takes the channel up by itself. Without one nobody does, and its deadlines are watched.
				n.loop.post(func() { c.resuming = c.resuming && p.conn != nil && p.conn != conn })
			}
		}
		n.connectd.send(&connectdmsg.Serve{ID: conn.id, Conn: conn.conn})
		n.loop.post(func() {
			n.connectWaiters.tell(conn.id, conn)
			if p.conn == conn {
				n.storeWith(p)
			}
		})
	}()
}

// onPeerDisconnected ends what needs the connection, and arranges to have it back.
func (n *node) onPeerDisconnected(m *connectdmsg.PeerDisconnected) {
	p := n.peers[m.ID]
	if p == nil || p.conn == nil || p.conn.conn != m.Conn {
		return
	}
	n.log.Info("peer disconnected", "peer_id", m.ID, "reason", m.Reason)
	n.connectionLost(p)
	n.scheduleReconnect(p)
	n.forgetIfIdle(p)
}

// connectionLost forgets the connection. The channels' processes end by themselves: connectd closes
// their sockets; until each has ended, what it stored is still on its way.
func (n *node) connectionLost(p *peer) {
	if p.served {
		n.tellDisconnect(p.id)
	}
	n.commandsLost(p)
	n.disconnectWaiters.tell(p.id, struct{}{})
	p.conn, p.served = nil, false
	p.stable.Stop()
	for _, c := range p.channels {
		c.ready = false
	}
}

// scheduleReconnect tries to reach a peer with a channel again, less and less often.
func (n *node) scheduleReconnect(p *peer) {
	if p.conn != nil || p.retry != nil || n.stopping || !p.wanted() || n.drain.turnsAway(p) || n.cfg.Flag("dev-no-reconnect") {
		return
	}
	if p.backoff == 0 {
		p.backoff = firstReconnect
	}
	// Some randomness, lest two nodes that lost each other call each other at the same moments.
	delay := p.backoff/2 + rand.N(p.backoff)
	p.backoff = min(2*p.backoff, n.longestReconnect())
	p.retry = time.AfterFunc(delay, func() {
		addrs, err := n.reconnectAddresses(p.id)
		if err == nil {
			_, err = n.connectTo(n.ctx, p.id, addrs)
		}
		n.loop.post(func() {
			p.retry = nil
			if err != nil {
				n.log.Debug("peer is not reached", "peer_id", p.id, "error", err)
				n.scheduleReconnect(p)
			}
		})
	})
}

// longestReconnect is the longest pause between two tries to reach a peer, but for the randomness.
func (n *node) longestReconnect() time.Duration {
	if n.cfg.Flag("dev-fast-reconnect") {
		return 2 * time.Second // with the randomness, 3 at most
	}
	return mostReconnect
}

// wanted reports whether a channel needs the peer.
func (p *peer) wanted() bool {
	for _, c := range p.channels {
		if c.wantsPeer() {
			return true
		}
	}
	return false
}

func (p *peer) stopRetry() {
	p.backoff = 0
	if p.retry != nil {
		p.retry.Stop()
		p.retry = nil
	}
}

// markStable stores that the channels had a connection that lasted.
func (n *node) markStable(p *peer, conn *peerConn) {
	if p.conn != conn {
		return
	}
	for _, c := range p.channels {
		if c.ready {
			c.row.LastStable = n.now()
			c.save()
		}
	}
}
