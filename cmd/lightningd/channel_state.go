package main

import (
	"fmt"

	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/subd"
	"fulmen/internal/txwatch"
)

// cause is who made a channel change its state, in the words of the notification
// channel_state_changed.
type cause string

const (
	causeLocal    cause = "local"    // this node, of itself
	causeUser     cause = "user"     // somebody by RPC
	causeRemote   cause = "remote"   // the peer
	causeProtocol cause = "protocol" // a rule of the protocol was broken
	causeOnchain  cause = "onchain"  // something in the chain
)

// started implements channelOwner.
func (c *channel) started(p *channelProcess) {
	c.proc = p
	if !c.wantsProcess() { // it was closed meanwhile: what is read of its state to close it has to stay the last
		p.drop()
	}
}

// ended implements channelOwner: a process that ended while its peer is there has to start again on a
// new connection, because a channel is taken up only at the beginning of one.
func (c *channel) ended(e subd.Exit) {
	title := c.proc.title
	c.processEnded()
	if c.n.stopping || c.resuming {
		return
	}
	if !e.Asked && !e.Clean {
		c.log.Error("process died", "daemon", title, "reason", e.Reason, "detail", e.Detail)
	}
	if conn := c.peer.conn; conn != nil && c.resumable() {
		c.log.Info("reconnecting, so that the channel can go on")
		c.n.connectd.send(&connectdmsg.Disconnect{ID: conn.id, Conn: conn.conn, Ended: c.row.ChannelID})
		return
	}
	c.n.scheduleReconnect(c.peer)
}

// save stores the channel's row.
func (c *channel) save() {
	row := *c.row
	c.n.submit("store channel", func(tx *storeTx) error { return tx.SaveChannel(&row) }, nil)
}

// setState stores a new state, and tells those who wait for one.
func (c *channel) setState(to store.ChannelState, by cause, message string) {
	if c.row.State == to {
		return
	}
	change := store.StateChange{At: c.n.now(), Old: c.row.State, New: to, Cause: string(by), Message: message}
	c.row.State = to
	c.row.Billboard = message
	row := *c.row
	c.log.Info("channel changed its state", "from", change.Old, "to", to, "cause", by, "why", message)
	c.n.submit("store channel's state", func(tx *storeTx) error {
		if err := tx.ChangeState(row.ID, change); err != nil {
			return err
		}
		return tx.SaveChannel(&row)
	}, func() {
		c.n.stateWaiters.tell(row.ID, change.New)
		c.n.tellState(&row, change)
	})
	c.n.gossipChannel(c)
}

// closedBy notes who began to close the channel, and why, once.
func (c *channel) closedBy(closer string, by cause) {
	if c.row.Closer == "" {
		c.row.Closer, c.row.CloseCause = closer, string(by)
	}
}

// onReestablished lets offers through.
func (c *channel) onReestablished(m *channeldmsg.Reestablished) {
	if err := checkStatus(&m.Status, c.row.FundingSats); err != nil {
		c.proc.kill(err)
		return
	}
	c.setStatus(m.Status)
	if c.row.LostState {
		c.askToClose()
		return
	}
	c.ready = true
	c.log.Info("channel is reestablished")
	c.n.tellDepth(c)
	if c.close != nil {
		c.orderShutdown()
		c.n.stateWaiters.tell(c.row.ID, c.row.State) // who asked for the close hears that
	}
	c.n.gossipChannel(c)
}

// onStateChanged follows the channel's process through the life of a channel.
func (c *channel) onStateChanged(m *channeldmsg.StateChanged) {
	if err := checkStatus(&m.Status, c.row.FundingSats); err != nil {
		c.proc.kill(err)
		return
	}
	if !c.resumable() {
		return // the chain, or a failure, was faster: there is no way back
	}
	c.setStatus(m.Status)
	by, closer := causeLocal, "local"
	if m.ByPeer {
		by, closer = causeRemote, "remote"
	}
	if c.close != nil && !m.ByPeer {
		by = causeUser
	}
	if alias := m.Status.RemoteAlias; alias != 0 && alias != c.row.AliasRemote {
		c.row.AliasRemote = alias
		c.save()
	}
	switch m.Status.State {
	case channeldmsg.Normal:
		if c.row.State != store.AwaitingLockin {
			return
		}
		c.ready = true
		c.setState(store.Normal, by, "Lockin complete")
	case channeldmsg.ShuttingDown:
		c.closedBy(closer, by)
		c.setState(store.ShuttingDown, by, "Shutdown: waiting for HTLCs to resolve")
	case channeldmsg.SigExchange:
		c.closedBy(closer, by)
		c.setState(store.SigExchange, by, "Negotiating the fee of the closing transaction")
	}
}

// onPeerText logs what the peer says. After an error the channel has to go to the chain.
func (c *channel) onPeerText(m *channeldmsg.PeerText) {
	text := printable(m.Text)
	if m.Warning {
		c.log.Warn("peer sent a warning", "warning", text)
		return
	}
	c.log.Warn("peer sent an error", "error", text)
	c.closedBy("remote", causeRemote)
	c.failChannel(causeRemote, "peer sent an error: "+text)
}

// onFailing logs which rule the peer broke.
func (c *channel) onFailing(m *channeldmsg.Failing) {
	rule := printable([]byte(m.Text))
	if m.Warning {
		c.log.Warn("peer broke a rule, disconnecting", "rule", rule)
		return
	}
	c.log.Warn("peer broke a rule, the channel fails", "rule", rule)
	c.closedBy("local", causeProtocol)
	c.failChannel(causeProtocol, rule)
}

// onFutureState is the peer's proof that our state is old: to broadcast it would cost us everything.
func (c *channel) onFutureState(m *channeldmsg.FutureState) {
	switch c.row.State {
	case store.ClosingComplete, store.FundingSpendSeen, store.OnChain:
		return // it is closed by both, or in the chain
	}
	c.log.Error("the peer knows a newer state of the channel than this node: it will not be broadcast, the peer has been asked to close")
	c.row.LostState = true
	if m.RemotePerCommitmentPoint != (keys.PubKey{}) {
		c.row.FuturePoint = &m.RemotePerCommitmentPoint
	}
	c.closedBy("remote", causeProtocol)
	c.row.CloseTx, c.row.OwnClose = nil, nil // never our commitment, should that be under way already
	c.n.stepTxs(txwatch.Forget{Channel: c.row.ID})
	c.save()
	c.setState(store.AwaitingUnilateral, causeProtocol, "This node lost state: waiting for the peer to close the channel with its own commitment")
}

// failChannel takes the channel to the chain by our commitment.
func (c *channel) failChannel(by cause, why string) {
	switch c.row.State {
	case store.AwaitingUnilateral, store.ClosingComplete, store.OnChain, store.Closed:
		return
	case store.FundingSpendSeen:
		if !c.adrift() {
			return
		}
		c.row.CloseTx = nil // it is still sent with each block: whichever is mined first counts
	}
	c.setState(store.AwaitingUnilateral, by, fmt.Sprintf("Closing with our commitment: %s", why))
	c.n.dropToChain(c)
}
