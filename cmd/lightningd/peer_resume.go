package main

import (
	"context"
	"errors"
	"time"

	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

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

// raising reports whether somebody waits for a closing transaction that pays more than the one that is signed.
func (c *channel) raising() bool { return c.row.State == store.ClosingComplete && c.close != nil }

// wantsPeer reports whether the channel needs a connection.
func (c *channel) wantsPeer() bool { return c.resumable() || c.lost() || c.raising() }

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
