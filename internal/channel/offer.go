package channel

import "fmt"

// order is an Offer or a Settle that no commitment covers yet.
type order struct {
	offer  *Offer
	remove *htlc
	result *Result
}

// offer queues an HTLC; whether it fits is decided when it can be committed to, and nothing makes room.
func (c *Channel) offer(o *Offer) []Action {
	if err := c.usable(); err != nil {
		return []Action{OfferFailed{o.Ref, err}}
	}
	c.queue = append(c.queue, order{offer: o})
	return nil
}

// usable says why no HTLC can be offered.
func (c *Channel) usable() *Limit {
	s := &c.state
	switch {
	case !s.localReady || !s.remoteReady:
		return limit(LimitNotUsable, "channel is not ready")
	case c.told.shutdown || s.localShutdown != nil || s.remoteShutdown != nil:
		return limit(LimitNotUsable, "channel is shutting down")
	}
	return nil
}

// failOffers drops the HTLCs that wait and that fails names.
func (c *Channel) failOffers(why *Limit, fails func(*Offer) bool) []Action {
	var actions []Action
	kept := c.queue[:0]
	for _, o := range c.queue {
		if o.offer != nil && fails(o.offer) {
			actions = append(actions, OfferFailed{o.offer.Ref, why})
		} else {
			kept = append(kept, o)
		}
	}
	c.queue = kept
	return actions
}

// failLateOffers drops the HTLCs that have expired while they waited. The peer may keep its revoke_and_ack back for as
// long as it likes: what is forwarded has to be failed before the channel that it came through is lost for it.
func (c *Channel) failLateOffers() []Action {
	return c.failOffers(limit(LimitExpirySoon, "it expired while it waited for the peer, height %d", c.height),
		func(o *Offer) bool { return o.CLTVExpiry <= c.height })
}

// settle queues the end of an HTLC of the peer.
func (c *Channel) settle(ev *Settle) error {
	h := c.state.received[ev.HTLCID]
	if h == nil || h.result != nil || h.settling {
		return nil
	}
	if !h.committed {
		return fmt.Errorf("settle htlc %d: not irrevocably committed: %w", h.ID, ErrOrder)
	}
	if !ev.Result.fits(&h.HTLC) {
		return fmt.Errorf("settle htlc %d: preimage of another payment_hash: %w", h.ID, ErrOrder)
	}
	h.settling = true
	c.queue = append(c.queue, order{remove: h, result: &ev.Result})
	return nil
}

// takeQueue makes the changes of the next commitment from what waits and fits.
func (c *Channel) takeQueue() (changes []change, failed []Action) {
	s := &c.state
	v := newView(s.params, s.remote.current, s.remote.acked)
	id := s.nextOffered
	take := func(ch change) {
		v.apply(&ch)
		changes = append(changes, ch)
	}
	// What is removed first makes room, and costs the peer nothing.
	for _, o := range c.queue {
		if o.remove != nil {
			take(change{remove: o.remove, result: o.result})
		}
	}
	if f := c.wantFeerate; f != 0 && f != v.feerate && c.canSetFeerate(v, f) {
		take(change{feerate: f})
	}
	c.wantFeerate = 0
	var waiting []order
	for _, o := range c.queue {
		if o.offer == nil {
			continue
		}
		h := &htlc{
			HTLC: HTLC{
				Offered: true, ID: id, Amount: o.offer.Amount,
				PaymentHash: o.offer.PaymentHash, CLTVExpiry: o.offer.CLTVExpiry,
			},
			onion: o.offer.Onion, blindedPath: o.offer.BlindedPath, extraTLVs: o.offer.ExtraTLVs,
		}
		err := v.checkAdd(&h.HTLC)
		if err == nil {
			err = v.checkOffer(&h.HTLC, &c.policy, c.height)
		}
		if err != nil && err.Kind == LimitCapacity && c.roomIsComing() {
			waiting = append(waiting, o)
			continue
		}
		if err != nil {
			failed = append(failed, OfferFailed{o.offer.Ref, err})
			continue
		}
		take(change{add: h})
		c.store.Offered = append(c.store.Offered, Offered{o.offer.Ref, id})
		id++
	}
	c.queue = waiting
	return changes, failed
}

// roomIsComing reports whether the peer has ended HTLCs of ours that still count in its commitment: who
// knows that they are over may offer the next before they are gone.
func (c *Channel) roomIsComing() bool {
	for i := range c.received {
		if c.received[i].remove != nil {
			return true
		}
	}
	for _, h := range c.state.offered {
		if h.result != nil {
			return true
		}
	}
	return false
}
