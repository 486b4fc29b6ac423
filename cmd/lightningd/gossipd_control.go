package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/store"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

// gossipd is the process that knows the network. It may be replaced by a new one.
type gossipd struct {
	current atomic.Pointer[subd.Child]
}

func (d *gossipd) child() *subd.Child { return d.current.Load() }

func (n *node) startGossipd(_ context.Context, links []*os.File) error {
	known := make(chan struct{})
	var child *subd.Child
	child, err := n.spawn(subd.Spec{
		Name: "gossipd", Links: links,
		Handle: func(f *ipc.Frame) error {
			do, err := n.gossipdHandles(f)
			if err != nil {
				return err
			}
			n.loop.post(do)
			return nil
		},
		OnExit: func(e subd.Exit) {
			<-known
			n.loop.post(func() { n.networkDaemonEnded("gossipd", child, n.gossipd.child(), e) })
		},
	})
	if err != nil {
		return fmt.Errorf("start gossipd: %w", err)
	}
	n.gossipd.current.Store(child)
	close(known)
	return child.Send(&gossipdmsg.Init{NodeID: n.id, ChainHash: n.network.ChainHash})
}

// gossipdHandles is the table of what gossipd may send.
func (n *node) gossipdHandles(f *ipc.Frame) (func(), error) {
	switch f.Type {
	case gossipdmsg.TypeOwnUpdate:
		// It is gossipd's to hand on; forwarding will quote it in failures.
		return decode(f, func(*gossipdmsg.OwnUpdate) {})
	case gossipdmsg.TypePeerUpdate:
		return decode(f, n.onPeerUpdate)
	case gossipdmsg.TypeBadPeer:
		return decode(f, n.onBadPeer)
	}
	return nil, fmt.Errorf("message type %d from gossipd", f.Type)
}

// onPeerUpdate keeps the terms under which the peer forwards to us.
func (n *node) onPeerUpdate(m *gossipdmsg.PeerUpdate) {
	for _, c := range n.channels {
		if c.row.ChannelID == m.ChannelID {
			c.row.RemoteUpdate = m.Update
			c.save()
		}
	}
}

func (n *node) onBadPeer(m *gossipdmsg.BadPeer) {
	n.log.Warn("peer's gossip is bad, disconnecting", "peer_id", m.ID, "reason", m.Reason)
	if p := n.peers[m.ID]; p != nil && p.conn != nil {
		warning := wire.Encode(&wire.Warning{Data: []byte(m.Reason)})
		n.connectd.send(&connectdmsg.SendPeer{ID: m.ID, Conn: p.conn.conn, Wire: [][]byte{warning}})
		n.connectd.send(&connectdmsg.Disconnect{ID: m.ID, Conn: p.conn.conn})
	}
}

// gossipChannel tells gossipd of a channel as it is now.
func (n *node) gossipChannel(c *channel) {
	child := n.gossipd.child()
	if child == nil {
		return
	}
	if c.row.State != store.Normal {
		_ = child.Send(&gossipdmsg.ForgetChannel{ChannelID: c.row.ChannelID})
		return
	}
	p := c.row.Policy
	_ = child.Send(&gossipdmsg.SetChannel{Channel: gossip.Channel{
		ChannelID: c.row.ChannelID, PeerID: c.row.PeerID, ShortChannelID: c.row.ShortChannelID,
		LocalAlias: c.row.AliasLocal, RemoteAlias: c.row.AliasRemote, Capacity: c.row.FundingSats,
		Policy: gossip.Policy{
			FeeBaseMsat: uint32(min(p.FeeBase, 1<<32-1)), FeeProportionalMillionths: p.FeePPM, CLTVExpiryDelta: p.CLTVDelta,
			HTLCMinimum: p.HTLCMin, HTLCMaximum: p.HTLCMax,
		},
	}})
}

// gossipAll tells a new gossipd of all channels.
func (n *node) gossipAll() {
	for _, c := range n.channels {
		n.gossipChannel(c)
	}
}

// onAnnouncement takes a channel_announcement with all signatures.
func (c *channel) onAnnouncement(*channeldmsg.Announcement) {
	c.log.Info("channel may be announced to the network")
}
