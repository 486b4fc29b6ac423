package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
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
				n.loop.post(func() { c.resuming = c.resuming && p.conn != conn })
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

// resumable reports whether the channel goes on while its peer is there.
func (c *channel) resumable() bool {
	switch c.row.State {
	case store.AwaitingLockin, store.Normal, store.ShuttingDown, store.SigExchange:
		return true
	}
	return false
}

// lost reports whether the channel waits for its peer to close it, as this node lost its state: each connection
// begins with a channel_reestablish that shows it.
func (c *channel) lost() bool {
	return c.row.LostState && c.row.State == store.AwaitingUnilateral && c.end == nil
}

// wantsPeer reports whether the channel needs a connection.
func (c *channel) wantsPeer() bool { return c.resumable() || c.lost() }

// wantsProcess reports whether the channel gets a process with each connection. One whose closing transaction is
// signed needs none, but the peer may not have that transaction, and either side may want to pay more.
func (c *channel) wantsProcess() bool {
	return c.wantsPeer() || c.row.State == store.ClosingComplete
}

// oldProcessTime is how long the process of an earlier connection may take to end.
const oldProcessTime = 5 * time.Second

// resumeChannel starts a channel's process on what the database has of it, once the process of an
// earlier connection, if any, is gone and what it stored is on disk. It does not run in the loop.
func (n *node) resumeChannel(ctx context.Context, c *channel, conn *peerConn) error {
	c.starting.Lock()
	defer c.starting.Unlock()
	var old *channelProcess
	if err := n.onLoop(func() error { old = c.proc; return nil }); err != nil {
		return err
	}
	if old != nil {
		late := time.AfterFunc(oldProcessTime, old.child.Kill)
		<-old.child.Exited()
		late.Stop()
	}
	if err := n.awaitRest(ctx, c); err != nil {
		return err
	}
	state, err := n.db.LoadChannelLog(c.row.ID)
	if err != nil {
		return err
	}
	var s *channelStart
	resume := &channeldmsg.Resume{Snapshot: state.Snapshot, Records: state.Records}
	if err := n.onLoop(func() (err error) {
		if c.peer.conn != conn {
			return errors.New("the connection is gone")
		}
		c.resuming = false
		if !c.wantsProcess() {
			return errors.New("it was closed meanwhile")
		}
		c.next, resume.Closed = state.Next, c.row.State == store.ClosingComplete
		s, err = c.start(conn)
		return err
	}); err != nil {
		return err
	}
	s.setup.Resume = resume
	return n.startChanneld(ctx, s, c)
}

// start is what a channel's process is started with, but for what it is to do.
func (c *channel) start(conn *peerConn) (*channelStart, error) {
	setup, err := decodeChannelSetup(c.row.Setup)
	if err != nil {
		return nil, err
	}
	s := c.n.channelStart(conn, c.row.ID, c.row.AliasLocal)
	s.channelID = c.row.ChannelID
	s.setup.Policy = c.n.channelPolicy(c.row.IgnoreLimits)
	s.client.Setup = setup
	s.client.LocalRevoked = keys.CommitmentNumber(c.tally.LocalRevoked)
	s.client.RemoteSigned = keys.CommitmentNumber(c.tally.RemoteSigned)
	script := c.row.CloseTo
	if len(script) == 0 { // of a static backup, which never gets as far as a mutual close
		script = c.n.shutdownScript
	}
	s.setShutdownScript(script)
	return s, nil
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
	p.conn, p.served = nil, false
	p.stable.Stop()
	for _, c := range p.channels {
		c.ready = false
	}
}

// scheduleReconnect tries to reach a peer with a channel again, less and less often.
func (n *node) scheduleReconnect(p *peer) {
	if p.conn != nil || p.retry != nil || n.stopping || !p.wanted() || n.cfg.Flag("dev-no-reconnect") {
		return
	}
	if p.backoff == 0 {
		p.backoff = firstReconnect
	}
	// Some randomness, lest two nodes that lost each other call each other at the same moments.
	delay := p.backoff/2 + rand.N(p.backoff)
	p.backoff = min(2*p.backoff, n.longestReconnect())
	p.retry = time.AfterFunc(delay, func() {
		address, err := n.db.PeerAddress(p.id)
		if err == nil {
			_, err = n.connectTo(n.ctx, p.id, []string{address})
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

// onPeerSent handles what no channel's process claims.
func (n *node) onPeerSent(m *connectdmsg.PeerSent) {
	p := n.peers[m.ID]
	if p == nil || p.conn == nil || p.conn.conn != m.Conn {
		return
	}
	msg, err := wire.Decode(m.Wire)
	var unknown *wire.UnknownMessageError
	switch {
	case errors.As(err, &unknown) && (unknown.MayIgnore() || n.isCustom(unknown.Type)):
		n.takeCustom(p, m.Wire)
		return
	case err != nil:
		// BOLT 1, Lightning Message Format: what cannot be read ends the connection.
		n.log.Warn("peer sent a message that cannot be read, disconnecting", "peer_id", m.ID, "error", err)
		n.warnAndDisconnect(p.conn, err.Error())
		return
	}
	switch msg := msg.(type) {
	case *wire.OpenChannel:
		n.acceptChannel(p, msg, m.Wire)
	case *wire.ChannelReestablish:
		n.unknownReestablish(p, msg)
	case *wire.PeerStorage:
		n.onPeerStorage(p, msg.Blob)
	case *wire.PeerStorageRetrieval:
		n.onPeerStorageRetrieval(p, msg.Blob)
	case *wire.Error:
		n.log.Warn("peer sent an error", "peer_id", m.ID, "channel_id", msg.ChannelID, "error", printable(msg.Data))
	case *wire.Warning:
		n.log.Warn("peer sent a warning", "peer_id", m.ID, "channel_id", msg.ChannelID, "warning", printable(msg.Data))
	default:
		if id, ok := wire.ChannelIDOf(m.Wire); ok && !p.hasChannel(id) {
			n.log.Info("peer sent a message for no channel of ours", "peer_id", m.ID, "channel_id", id, "message", msg.Type())
			n.sendError(p.conn, id, "no such channel")
		}
	}
}

// hasChannel reports whether a message is for a channel of ours, whatever its state. If it came here all
// the same, the channel's process has just ended, and the connection is about to: the peer sends again
// what matters on the next one. An error would make it close a channel that lives.
func (p *peer) hasChannel(id wire.ChannelID) bool {
	for _, c := range p.channels {
		if c.row.ChannelID == id {
			return true
		}
	}
	return false
}

// unknownReestablish answers a peer that remembers a channel that we closed or never had: an error
// makes it close the channel on its side (BOLT 2, Message Retransmission).
func (n *node) unknownReestablish(p *peer, m *wire.ChannelReestablish) {
	for _, c := range p.channels {
		if c.row.ChannelID == m.ChannelID {
			if c.row.State == store.AwaitingUnilateral {
				n.sendError(p.conn, m.ChannelID, "the channel has failed: "+c.row.Billboard)
			}
			return
		}
	}
	if p.storage.restoring {
		return // the connection begins again when it is known
	}
	n.sendError(p.conn, m.ChannelID, "no such channel")
}

// sendError tells the peer that a channel has failed.
func (n *node) sendError(conn *peerConn, id wire.ChannelID, text string) {
	n.connectd.send(&connectdmsg.SendPeer{
		ID: conn.id, Conn: conn.conn, Wire: [][]byte{wire.Encode(&wire.Error{ChannelID: id, Data: []byte(text)})},
	})
}

// warnAndDisconnect ends a connection, and says why.
func (n *node) warnAndDisconnect(conn *peerConn, text string) {
	n.warn(conn, text)
	n.connectd.send(&connectdmsg.Disconnect{ID: conn.id, Conn: conn.conn})
}

// warn tells a peer what it did wrong.
func (n *node) warn(conn *peerConn, text string) {
	warning := wire.Encode(&wire.Warning{Data: []byte(text)})
	n.connectd.send(&connectdmsg.SendPeer{ID: conn.id, Conn: conn.conn, Wire: [][]byte{warning}})
}

// printable makes a peer's text safe for a log.
func printable(b []byte) string {
	const most = 500
	out := make([]byte, 0, min(len(b), most))
	for _, c := range b[:min(len(b), most)] {
		if c < ' ' || c > '~' {
			c = '?'
		}
		out = append(out, c)
	}
	return string(out)
}

// channelStart is what every channeld of a peer is started with.
func (n *node) channelStart(conn *peerConn, dbid uint64, alias wire.ShortChannelID) *channelStart {
	return &channelStart{
		conn: conn,
		client: hsmdmsg.NewClient{
			Rights: hsmdmsg.RightCommitment | hsmdmsg.RightECDH, PeerID: conn.id, ChannelDBID: dbid,
		},
		setup: channeldmsg.Setup{
			ChannelDBID: dbid, NodeID: n.id, PeerID: conn.id, ChainHash: n.network.ChainHash, Height: n.blockHeight,
			LocalFeatures: n.initFeatures, RemoteFeatures: conn.features, Policy: n.channelPolicy(false),
			LocalAlias: alias,
		},
	}
}

// setShutdownScript says where our balance goes in a mutual close; hsmd signs for no other place.
func (s *channelStart) setShutdownScript(script []byte) {
	s.setup.ShutdownScript = script
	s.client.ShutdownScripts = [][]byte{script}
}
