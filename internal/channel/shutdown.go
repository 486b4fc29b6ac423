package channel

import (
	"bytes"

	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// orderShutdown begins a mutual close, if none has begun.
func (c *Channel) orderShutdown(script []byte) ([]Action, error) {
	if c.told.shutdown || c.state.localShutdown != nil {
		return nil, nil
	}
	if len(script) > 0 {
		c.policy.ShutdownScript = script
	}
	c.told.shutdown = true
	return c.failOffers(limit(LimitNotUsable, "channel is shutting down"), func(*Offer) bool { return true }), nil
}

// dueShutdown makes our shutdown due. Our updates go out with the commitment that covers them, so
// there are never any pending on the peer's side (BOLT 2, Closing Initiation).
func (c *Channel) dueShutdown() error {
	if !c.told.shutdown || c.state.localShutdown != nil {
		return nil
	}
	script := c.policy.ShutdownScript
	if upfront := c.state.params.Local.UpfrontShutdownScript; len(upfront) > 0 {
		script = upfront
	}
	c.due.shutdown = true
	return c.do(&shutdownSent{local: true, script: script})
}

// recvShutdown checks the peer's script, and owes a shutdown in return.
func (c *Channel) recvShutdown(m *wire.Shutdown) ([]Action, error) {
	s := &c.state
	switch upfront := s.params.Remote.UpfrontShutdownScript; {
	case c.told.shutdownReceived:
		return nil, warnAndClose("shutdown: sent twice")
	case len(c.received) > 0:
		return nil, warnAndClose("shutdown with %d updates that are not committed to", len(c.received))
	// BOLT 2 asks whether both sides have advertised option_upfront_shutdown_script. Whoever has stolen the peer's key
	// would not; and a peer that gave a script at the opening has to keep to it in any case.
	case len(upfront) > 0 && !bytes.Equal(upfront, m.ScriptPubkey):
		return nil, warnAndClose("shutdown: scriptpubkey %x, upfront_shutdown_script is %x", m.ScriptPubkey, upfront)
	}
	if err := c.policy.ScriptRules.CheckShutdownScript(m.ScriptPubkey); err != nil {
		return nil, warnAndClose("shutdown: %w", err)
	}
	c.told.shutdownReceived = true
	if !bytes.Equal(s.remoteShutdown, m.ScriptPubkey) {
		if err := c.do(&shutdownSent{script: m.ScriptPubkey}); err != nil {
			return nil, err
		}
	}
	return c.orderShutdown(nil)
}

// closing reports whether both sides have sent shutdown and all updates are settled on both sides:
// nothing but the closing negotiation may follow.
func (c *Channel) closing() bool {
	s := &c.state
	return s.localShutdown != nil && s.remoteShutdown != nil && !c.due.revocation &&
		s.remote.next == nil && len(s.offered)+len(s.received) == 0 &&
		len(s.remote.acked)+len(s.local.acked)+len(c.received) == 0
}

// readyToClose tells, once in a connection, that the negotiation can begin.
func (c *Channel) readyToClose(actions []Action) []Action {
	t := &c.told
	if t.readyToClose || !t.shutdownSent || !t.shutdownReceived || !c.closing() {
		return actions
	}
	t.readyToClose = true
	s := &c.state
	last := s.local.current
	return append(actions, ReadyToClose{
		LocalScript: s.localShutdown, RemoteScript: s.remoteShutdown,
		ToLocal: last.toLocal, ToRemote: last.toRemote,
		CommitmentFee: tx.CommitmentFee(s.params.Anchors, last.feerate, 0),
	})
}
