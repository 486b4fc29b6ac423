package main

import (
	"fmt"
	"os"

	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/store"
)

func (n *node) startGossipd(links []*os.File) error {
	if err := n.startNetworkDaemon(n.gossipd, links, n.gossipdHandles); err != nil {
		return err
	}
	return n.gossipd.child().Send(&gossipdmsg.Init{NodeID: n.id, ChainHash: n.network.ChainHash})
}

// gossipdHandles is the table of what gossipd may send.
func (n *node) gossipdHandles(f *ipc.Frame) (func(), error) {
	switch f.Type {
	case gossipdmsg.TypeOwnUpdate:
		return decodeChecked(f, checkOwnUpdate, n.onOwnUpdate)
	case gossipdmsg.TypePeerUpdate:
		return decodeChecked(f, checkPeerUpdate, n.onPeerUpdate)
	case gossipdmsg.TypeBadPeer:
		return decode(f, n.onBadPeer)
	}
	return nil, fmt.Errorf("message type %d from gossipd", f.Type)
}

// checkPeerUpdate fails unless gossipd passes on what it says.
func checkPeerUpdate(m *gossipdmsg.PeerUpdate) error {
	if decodeUpdate(m.Update) == nil {
		return fmt.Errorf("%d bytes for channel %s are no channel_update", len(m.Update), m.ChannelID)
	}
	return nil
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
	reason := printable([]byte(m.Reason))
	n.log.Warn("peer's gossip is bad, disconnecting", "peer_id", m.ID, "reason", reason)
	if p := n.peers[m.ID]; p != nil && p.conn != nil {
		n.warnAndDisconnect(p.conn, reason)
	}
}

// gossipChannel tells gossipd of a channel as it is now.
func (n *node) gossipChannel(c *channel) {
	if c.row.State != store.Normal {
		n.gossipd.send(&gossipdmsg.ForgetChannel{ChannelID: c.row.ChannelID})
		return
	}
	p := c.row.Policy
	n.gossipd.send(&gossipdmsg.SetChannel{Channel: gossip.Channel{
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
