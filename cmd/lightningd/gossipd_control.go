package main

import (
	"fmt"
	"os"
	"slices"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/store"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

func (n *node) startGossipd(links []*os.File) error {
	file, err := os.OpenFile(n.gossipStorePath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("start gossipd: %w", err)
	}
	return n.startNetworkDaemon(n.gossipd, links, n.gossipdHandles, func(child *subd.Child) error {
		return child.Send(&gossipdmsg.Init{NodeID: n.id, ChainHash: n.network.ChainHash, StoreID: newStoreID()}, file)
	})
}

// gossipdHandles is the table of what gossipd may send.
func (n *node) gossipdHandles(f *ipc.Frame) (func(), error) {
	switch f.Type {
	case gossipdmsg.TypeOwnUpdate:
		return decodeChecked(f, func(m *gossipdmsg.OwnUpdate) error { return checkUpdate(m.ChannelID, m.Update) }, n.onOwnUpdate)
	case gossipdmsg.TypePeerUpdate:
		return decodeChecked(f, func(m *gossipdmsg.PeerUpdate) error { return checkUpdate(m.ChannelID, m.Update) }, n.onPeerUpdate)
	case gossipdmsg.TypeBadPeer:
		return decode(f, n.onBadPeer)
	case gossipdmsg.TypeCheckFunding:
		child := n.gossipd.child()
		return decodeChecked(f, checkCheckFunding, func(m *gossipdmsg.CheckFunding) { n.funding.ask(child, m.IDs) })
	case gossipdmsg.TypeNewStore:
		child := n.gossipd.child()
		return decode(f, func(*gossipdmsg.NewStore) { n.newGossipStore(child) })
	case gossipdmsg.TypeUseStore:
		child := n.gossipd.child()
		return decode(f, func(*gossipdmsg.UseStore) { n.useGossipStore(child) })
	}
	return nil, fmt.Errorf("message type %d from gossipd", f.Type)
}

// checkUpdate fails unless what gossipd tells of a channel is a channel_update.
func checkUpdate(id wire.ChannelID, raw []byte) error {
	if decodeUpdate(raw) == nil {
		return fmt.Errorf("%d bytes for channel %s are no channel_update", len(raw), id)
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
	p := n.peers[m.ID]
	if p == nil || p.conn == nil {
		return
	}
	if m.Disconnect {
		n.log.Warn("peer's gossip is bad, disconnecting", "peer_id", m.ID, "reason", reason)
		n.warnAndDisconnect(p.conn, reason)
		return
	}
	n.log.Info("peer's gossip is bad", "peer_id", m.ID, "reason", reason)
	n.warn(p.conn, reason)
}

// gossipChannel tells gossipd of a channel as it is now. One that is closing is called disabled until
// its end is in the chain, if it ever had a name.
func (n *node) gossipChannel(c *channel) {
	closing := false
	switch c.row.State {
	case store.Normal:
	case store.ShuttingDown, store.SigExchange, store.ClosingComplete, store.AwaitingUnilateral, store.FundingSpendSeen:
		closing = true
	}
	if c.row.State != store.Normal && (!closing || c.row.ShortChannelID == 0) {
		n.gossipd.send(&gossipdmsg.ForgetChannel{ChannelID: c.row.ChannelID})
		return
	}
	p := c.row.Policy
	n.gossipd.send(&gossipdmsg.SetChannel{Channel: gossip.Channel{
		ChannelID: c.row.ChannelID, PeerID: c.row.PeerID, ShortChannelID: c.row.ShortChannelID,
		LocalAlias: c.row.AliasLocal, RemoteAlias: c.row.AliasRemote, Capacity: c.row.FundingSats,
		FundingTxid: c.row.FundingTxid, FundingOutput: c.row.FundingOutput,
		Policy: gossip.Policy{
			FeeBaseMsat: uint32(min(p.FeeBase, 1<<32-1)), FeeProportionalMillionths: p.FeePPM, CLTVExpiryDelta: p.CLTVDelta,
			HTLCMinimum: p.HTLCMin, HTLCMaximum: p.HTLCMax, Disabled: closing,
		},
	}})
}

// How many blocks' spent outputs are kept for the next gossipd: those that the last one may have died with, and more
// while there is none.
const (
	keptSpends     = 12
	keptSpendsAway = 288
	// retoldBlocks are asked for again at the start, as the last run may have stored them and died, and gossipd with it.
	// That the power fails while a node makes up for days, and more are lost, has its end with the channel's last update.
	retoldBlocks = 6
)

// gossipAll tells a new gossipd of ourselves, the chain and all channels. What it hears again it knows, and what a
// reorganisation took back it asks about.
func (n *node) gossipAll() {
	n.gossipd.send(&gossipdmsg.NewBlock{Height: n.blockHeight})
	for _, spent := range n.recentSpends {
		n.gossipd.send(&gossipdmsg.NewBlock{Height: n.blockHeight, Spent: spent})
	}
	for _, c := range n.channels {
		n.gossipChannel(c)
	}
	n.gossipd.send(&gossipdmsg.SetNode{Node: n.announcedNode()})
}

// retellSpends tells gossipd again what the newest blocks of the last run spend, up to tip. It does not run in the loop.
func (n *node) retellSpends(tip block.Height) {
	for h := max(tip, retoldBlocks) - retoldBlocks + 1; h <= tip; h++ {
		b, err := n.chain.Backend.BlockAt(n.ctx, h)
		if err != nil || b == nil {
			n.log.Debug("gossipd is not told of a block again", "height", h, "error", err)
			return
		}
		n.loop.post(func() {
			m := &gossipdmsg.NewBlock{Height: n.blockHeight, Spent: spentBy(b)}
			n.recentSpends = append(n.recentSpends, m.Spent)
			n.gossipd.send(m)
		})
	}
}

// spentBy has the outputs that a block spends.
func spentBy(b *btcwire.MsgBlock) (keys []uint64) {
	for _, tx := range b.Transactions {
		for _, in := range tx.TxIn {
			keys = append(keys, gossip.OutpointKey(in.PreviousOutPoint.Hash, in.PreviousOutPoint.Index))
		}
	}
	return keys
}

// gossipBlock tells gossipd which outputs a block spends: channels may be among them.
func (n *node) gossipBlock(b chain.BlockConnected) {
	m := &gossipdmsg.NewBlock{Height: b.Height, Spent: spentBy(b.Block)}
	most := keptSpends
	if n.restarting {
		most = keptSpendsAway
	}
	n.recentSpends = append(n.recentSpends, m.Spent)
	n.recentSpends = slices.Delete(n.recentSpends, 0, max(0, len(n.recentSpends)-most))
	n.gossipd.send(m)
}

// onAnnouncement takes a channel_announcement with all signatures, which channeld has checked.
func (c *channel) onAnnouncement(m *channeldmsg.Announcement) {
	if !m.Again {
		c.log.Info("channel may be announced to the network")
	}
	c.n.gossipd.send(&gossipdmsg.Announce{ChannelID: c.row.ChannelID, Announcement: m.ChannelAnnouncement})
}
