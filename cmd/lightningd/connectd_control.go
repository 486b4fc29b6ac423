package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/subd"
)

// networkDaemon is connectd or gossipd. It may be replaced by a new one.
type networkDaemon struct {
	name    string
	current atomic.Pointer[subd.Child]
}

func (d *networkDaemon) child() *subd.Child { return d.current.Load() }

// send tells the daemon something. If it has ended, what the message is about has ended too, or is
// told to the next one; so is what happens before the first has started.
func (d *networkDaemon) send(m ipc.Message, fds ...*os.File) {
	if child := d.child(); child != nil {
		_ = child.Send(m, fds...)
	}
}

// startNetworkDaemon starts connectd or gossipd; handles is the table of what it may send. It hears first
// before anybody else can speak to it; nil for nothing.
func (n *node) startNetworkDaemon(d *networkDaemon, links []*os.File, handles func(*ipc.Frame) (func(), error), first func(*subd.Child) error) error {
	known := make(chan struct{})
	var child *subd.Child
	child, err := n.spawn(subd.Spec{
		Name: d.name, Links: links,
		Handle: func(f *ipc.Frame) error {
			do, err := handles(f)
			if err != nil {
				return err
			}
			n.loop.post(do)
			return nil
		},
		OnExit: func(e subd.Exit) {
			<-known
			n.loop.post(func() { n.networkDaemonEnded(d, child, e) })
		},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	if first != nil {
		err = first(child)
	}
	d.current.Store(child)
	close(known)
	return err
}

// networkDaemonEnded starts connectd and gossipd again if the one that ended was in use.
func (n *node) networkDaemonEnded(d *networkDaemon, child *subd.Child, e subd.Exit) {
	if n.stopping || n.networkStarts || child != d.child() || e.Asked {
		return
	}
	n.log.Error("process died, starting it again", "daemon", d.name, "reason", e.Reason, "detail", e.Detail)
	n.restartNetworkDaemons()
}

func (n *node) startConnectd(ctx context.Context, links []*os.File) error {
	if err := n.startNetworkDaemon(n.connectd, links, n.connectdHandles, nil); err != nil {
		return err
	}
	disconnects, err := n.disconnects()
	if err != nil {
		return err
	}
	var reply connectdmsg.InitReply
	_, err = n.connectd.child().Request(ctx, &connectdmsg.Init{
		NodeID: n.id, ChainHash: n.network.ChainHash, Features: n.initFeatures, Listen: n.listenAddresses(),
		Proxy: n.cfg.String("proxy"), AlwaysProxy: n.cfg.Bool("always-use-proxy"), GossipMillis: n.gossipMillis(),
		DevAllowLocalhost: n.cfg.Flag("dev-allow-localhost"), DevDisconnect: disconnects,
	}, &reply)
	if err != nil {
		return fmt.Errorf("set up connectd: %w", err)
	}
	n.bound.Store(&reply.Bound)
	n.tellCustomTypes()
	return n.lendGossipStore()
}

// gossipMillis is how often peers get what is new: once a minute (BOLT 7, Rebroadcasting), but on a
// chain of one's own, where nobody wants to wait.
func (n *node) gossipMillis() uint32 {
	if n.cfg.Flag("dev-fast-gossip") {
		return 100
	}
	if n.network.Name == "regtest" {
		return 500
	}
	return 60_000
}

// connectdHandles is the table of what connectd may send.
func (n *node) connectdHandles(f *ipc.Frame) (func(), error) {
	switch f.Type {
	case connectdmsg.TypePeerConnected:
		return decodeChecked(f, checkPeerConnected, n.onPeerConnected)
	case connectdmsg.TypePeerDisconnected:
		return decode(f, n.onPeerDisconnected)
	case connectdmsg.TypePeerSent:
		return decode(f, n.onPeerSent)
	}
	return nil, fmt.Errorf("message type %d from connectd", f.Type)
}

// servedConn is the connection with a peer that is served, or nil.
func (n *node) servedConn(id keys.PubKey) *peerConn {
	if p := n.peers[id]; p != nil && p.served {
		return p.conn
	}
	return nil
}

// connectTo connects to a peer, or finds that it is connected. It returns once the peer is served.
func (n *node) connectTo(ctx context.Context, id keys.PubKey, addrs []string) (*peerConn, error) {
	var conn *peerConn
	var waiting chan *peerConn
	err := n.onLoop(func() error {
		if conn = n.servedConn(id); conn != nil {
			return nil
		}
		if p := n.peers[id]; n.drain != nil && (p == nil || n.drain.turnsAway(p)) {
			return errDraining
		}
		waiting = n.connectWaiters.add(id)
		return nil
	})
	if err != nil || conn != nil {
		return conn, err
	}
	var reply connectdmsg.ConnectReply
	_, err = n.connectd.child().Request(ctx, &connectdmsg.Connect{ID: id, Addrs: addrs}, &reply)
	if err != nil {
		n.loop.post(func() { n.connectWaiters.remove(id, waiting) })
		return nil, err
	}
	// The connection was announced before the reply; it may be gone again.
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, &ipc.Fail{Code: connectdmsg.FailDisconnected, Message: "disconnected before the peer was served"})
	defer cancel()
	conn, err = await(ctx, n, n.connectWaiters, id, waiting)
	if err == nil && conn == nil {
		return nil, &ipc.Fail{Code: connectdmsg.FailDisconnected, Message: "a plugin refuses the peer"}
	}
	return conn, err
}
