package channel

import (
	"fulmen/internal/wire"
)

// receivedView is our next commitment as it would be with all that was received so far.
func (c *Channel) receivedView() *view {
	if c.nextLocal == nil {
		s := &c.state
		c.nextLocal = newView(s.params, s.local.current, s.local.acked, c.received)
	}
	return c.nextLocal
}

// receive takes an update of the peer that has been found good.
func (c *Channel) receive(ch change) {
	c.receivedView().apply(&ch)
	c.received = joined(c.received, ch)
}

// operating holds what every update message needs.
func (c *Channel) operating(m wire.Message) error {
	s := &c.state
	if !s.localReady || !s.remoteReady {
		return warnAndClose("%s before channel_ready", m.Type())
	}
	if c.closing() {
		// BOLT 2, Closing Initiation: after shutdown nothing changes once no HTLCs remain.
		return warnAndClose("%s after shutdown without htlcs", m.Type())
	}
	return nil
}

// recvAdd checks the peer's HTLC (BOLT 2, Adding an HTLC).
func (c *Channel) recvAdd(m *wire.UpdateAddHTLC) error {
	if err := c.operating(m); err != nil {
		return err
	}
	if c.state.remoteShutdown != nil {
		return warnAndClose("update_add_htlc %d after shutdown", m.ID)
	}
	if m.ID != c.newReceived {
		return warnAndClose("update_add_htlc %d: id out of order, want %d", m.ID, c.newReceived)
	}
	h := &htlc{
		HTLC:  HTLC{ID: m.ID, Amount: m.AmountMsat, PaymentHash: m.PaymentHash, CLTVExpiry: m.CLTVExpiry},
		onion: &m.OnionRoutingPacket, blindedPath: m.BlindedPath,
	}
	if len(m.ExtraTLVs) <= MaxExtraTLVs {
		h.extraTLVs = m.ExtraTLVs
	}
	v := c.receivedView()
	if err := v.checkAdd(&h.HTLC); err != nil {
		return warnAndClose("update_add_htlc %d: %w", m.ID, err)
	}
	h.overDust = v.exposure(&h.HTLC) > c.policy.MaxDustExposure
	c.newReceived++
	c.receive(change{add: h})
	return nil
}

func (c *Channel) recvFulfill(m *wire.UpdateFulfillHTLC) error {
	h, err := c.removable(m, m.ID)
	if err != nil {
		return err
	}
	r := &Result{Kind: Fulfill, Preimage: m.PaymentPreimage, Attribution: m.AttributionData}
	if !r.fits(&h.HTLC) {
		return warnAndClose("update_fulfill_htlc %d: payment_preimage does not match payment_hash", m.ID)
	}
	// The preimage is worth something whether or not the peer ever commits to it.
	c.store.Learned = append(c.store.Learned, Learned{m.ID, m.PaymentPreimage, m.AttributionData})
	c.remove(h, r)
	return nil
}

func (c *Channel) recvFail(m *wire.UpdateFailHTLC) error {
	h, err := c.removable(m, m.ID)
	if err != nil {
		return err
	}
	r := &Result{Kind: Fail, Reason: c.recvReason(m.Reason)}
	if len(r.Reason) > 0 { // what it is for
		r.Attribution = m.AttributionData
	}
	c.remove(h, r)
	return nil
}

func (c *Channel) recvFailMalformed(m *wire.UpdateFailMalformedHTLC) error {
	h, err := c.removable(m, m.ID)
	if err != nil {
		return err
	}
	if m.FailureCode&wire.FailBadOnion == 0 {
		return warnAndClose("update_fail_malformed_htlc %d: failure_code %#04x without BADONION", m.ID, uint16(m.FailureCode))
	}
	c.remove(h, &Result{Kind: Malformed, SHA256OfOnion: m.SHA256OfOnion, FailureCode: m.FailureCode})
	return nil
}

// removable finds the HTLC of ours that the peer removes: it has to be in our current commitment
// (BOLT 2, Removing an HTLC).
func (c *Channel) removable(m wire.Message, id uint64) (*htlc, error) {
	if err := c.operating(m); err != nil {
		return nil, err
	}
	h := c.state.offered[id]
	switch {
	case h == nil:
		return nil, warnAndClose("%s %d: no such htlc", m.Type(), id)
	case !h.committed:
		return nil, warnAndClose("%s %d: htlc is not in our commitment", m.Type(), id)
	case h.result != nil || h.settling:
		return nil, warnAndClose("%s %d: htlc is removed already", m.Type(), id)
	}
	return h, nil
}

func (c *Channel) remove(h *htlc, r *Result) {
	h.settling = true
	c.receive(change{remove: h, result: r})
}
