package channel

import "fulmen/internal/block"

// Deadlines of BOLT 2, cltv_expiry_delta Selection.
const (
	// timeoutGrace is how long after its expiry we wait for the peer to remove an HTLC of ours.
	timeoutGrace block.Delta = 2
	// defaultFulfillBefore is how long before its expiry an HTLC of the peer that we have the
	// preimage of must be gone: 2R+G+S.
	defaultFulfillBefore block.Height = 18
)

// Deadline is the height at which the channel has to go to the chain because an HTLC was not
// removed in time; 0 if there is none that could be enforced there.
func (c *Channel) Deadline() block.Height {
	var first block.Height
	consider := func(h *htlc, r *Result) {
		at := c.deadlineOf(h, r)
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	for _, h := range c.state.offered {
		consider(h, h.result)
	}
	for _, h := range c.state.received {
		consider(h, h.result)
	}
	for i := range c.queue {
		if o := &c.queue[i]; o.remove != nil {
			consider(o.remove, o.result)
		}
	}
	return first
}

// deadlineOf is the deadline of one HTLC that ends, or will end, with r.
func (c *Channel) deadlineOf(h *htlc, r *Result) block.Height {
	p, feerate := c.state.params, c.state.local.current.feerate
	if isTrimmed(p, feerate, &h.HTLC, true) && isTrimmed(p, feerate, &h.HTLC, false) {
		return 0
	}
	fulfilled := r != nil && r.Kind == Fulfill
	switch {
	case h.Offered && !fulfilled:
		return h.CLTVExpiry.Add(timeoutGrace)
	case !h.Offered && fulfilled:
		return c.fulfillBy(&h.HTLC)
	}
	return 0
}

// fulfillBy is the height from which on an HTLC of the peer is not safe to fulfil any more.
func (c *Channel) fulfillBy(h *HTLC) block.Height {
	before := defaultFulfillBefore
	if c.policy.FulfillBefore != 0 {
		before = block.Height(c.policy.FulfillBefore)
	}
	return max(h.CLTVExpiry, before+1) - before
}

// newHeight takes a block, and holds the deadlines against it. What is overdue when the channel is taken up has time
// until the next block: our state may be an old one, which must never be broadcast, and only the peer's
// channel_reestablish tells; and a peer that is back has what we missed.
func (c *Channel) newHeight(height block.Height) ([]Action, error) {
	c.height = height
	if c.phase == restored {
		return nil, nil
	}
	if at := c.Deadline(); at != 0 && height >= at {
		return nil, failChannel("height %d: an htlc was not removed by %d", height, at)
	}
	return c.failLateOffers(), nil
}

// refuse says why an HTLC of the peer must be failed whatever its onion says. Of one that is told again the height says
// nothing: it may have been taken or forwarded in time, which is not known here.
func (c *Channel) refuse(h *htlc) Refusal {
	switch {
	case h.overDust:
		return RefuseDustExposure
	case c.phase == reestablishing:
		return RefuseNot
	case c.height > c.fulfillBy(&h.HTLC):
		return RefuseTooSoon
	case h.CLTVExpiry > c.height.Add(c.policy.MaxCLTVExpiry):
		return RefuseTooFar
	}
	return RefuseNot
}
