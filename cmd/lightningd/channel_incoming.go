package main

import (
	"errors"
	"maps"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/store"
)

// onIncoming decides about HTLCs that the peer offered, irrevocably committed. After a restart they
// come again: what was decided then stands.
func (c *channel) onIncoming(m *channeldmsg.Incoming) {
	if err := c.checkIncoming(m); err != nil {
		c.proc.kill(err)
		return
	}
	for i := range m.HTLCs {
		h := &m.HTLCs[i]
		if h.ID >= c.tally.NextIn {
			c.tally.NextIn = h.ID + 1
			c.tally.InOffered.Add(h.AmountMsat)
		}
		c.receive(h)
	}
}

// decide forwards an HTLC, or has it paid for an invoice. asked is what a plugin says that the invoice asks
// for; 0 is what it says itself. extra are records that a plugin wants the next node to get.
func (c *channel) decide(h *channeldmsg.IncomingHTLC, asked amount.Msat, extra []byte) {
	switch {
	case h.Forward == nil && c.wasTaken(h.ID):
	case c.unfunded() && !c.decided(h):
		c.log.Warn("failing an HTLC over a channel whose funding transaction is not deep enough in the chain", "htlc_id", h.ID, "amount", h.AmountMsat)
		c.fail(h.ID, &onion.Failure{Code: onion.TemporaryNodeFailure})
	case c.n.blockHeight > c.n.holdUntil(h) && !c.decided(h):
		c.log.Info("failing an HTLC that came too late to be safe", "htlc_id", h.ID, "amount", h.AmountMsat, "cltv_expiry", h.CLTVExpiry)
		c.fail(h.ID, c.n.tooLate(h))
	case c.n.drain.refuses(c, h):
		c.log.Info("failing an HTLC: this node is about to stop", "htlc_id", h.ID, "amount", h.AmountMsat)
		c.fail(h.ID, &onion.Failure{Code: onion.TemporaryNodeFailure})
	case !c.n.knowsHeight() && !c.decided(h):
		c.log.Info("an HTLC waits: this node is still catching up with the chain", "htlc_id", h.ID, "amount", h.AmountMsat)
		c.undecided[h.ID] = undecidedHTLC{c.proc, h, asked, extra}
	case h.Forward != nil:
		c.forward(h, extra)
	default:
		c.arrive(h, asked)
	}
}

// undecidedHTLC came while the node did not know how high the chain is.
type undecidedHTLC struct {
	proc  *channelProcess // a later one tells of it again
	h     *channeldmsg.IncomingHTLC
	asked amount.Msat
	extra []byte
}

// mostBehind is by how many blocks the height may be wrong: far fewer than a forwarded HTLC has between its two expiries.
const mostBehind = 3

// knowsHeight reports whether the height is the chain's, or nearly. After a long pause it is not: what has long expired for
// a peer would look safe, and be paid or forwarded for nothing. The backend may have to catch up, too.
func (n *node) knowsHeight() bool {
	if !n.chainCaughtUp() {
		return false
	}
	info := n.chain.Status().Info
	return n.blockHeight+mostBehind >= max(info.Blocks, info.Headers)
}

// decideAll decides about the HTLCs that wait, or has them wait on.
func (n *node) decideAll() {
	for _, c := range n.channels {
		if len(c.undecided) == 0 {
			continue
		}
		list := c.undecided
		c.undecided = map[uint64]undecidedHTLC{}
		for _, id := range slices.Sorted(maps.Keys(list)) {
			if u := list[id]; u.proc == c.proc {
				c.decide(u.h, u.asked, u.extra)
			}
		}
	}
}

// tooLate is the message for an HTLC whose channel told of it before, to a process that did not decide, and that
// expires too soon by now (BOLT 4, Failure Messages: a final node has no code of its own for that).
func (n *node) tooLate(h *channeldmsg.IncomingHTLC) *onion.Failure {
	if h.Forward != nil {
		return &onion.Failure{Code: onion.ExpiryTooSoon}
	}
	return &onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: h.AmountMsat, Height: n.blockHeight}
}

// decided reports whether it was decided before to forward an HTLC, or to take it, which is not on disk yet.
func (c *channel) decided(h *channeldmsg.IncomingHTLC) bool {
	if h.Forward != nil {
		return c.isForwarded(h)
	}
	return c.n.invoices.Takes(h.PaymentHash, invoices.Key{Channel: c.row.ID, HTLC: h.ID})
}

// arrive decides about an HTLC that ends here and was not taken before.
func (c *channel) arrive(h *channeldmsg.IncomingHTLC, asked amount.Msat) {
	p := invoices.Part{
		Key: invoices.Key{Channel: c.row.ID, HTLC: h.ID}, PaymentHash: h.PaymentHash, Amount: h.AmountMsat, CLTVExpiry: h.CLTVExpiry,
		AmtToForward: h.Final.AmtToForward, OutgoingCLTV: h.Final.OutgoingCLTV, TotalMsat: h.Final.TotalMsat, Keysend: h.Final.Keysend,
		Asked: asked,
	}
	if h.Final.PaymentSecret != nil {
		p.PaymentSecret, p.HasSecret = *h.Final.PaymentSecret, true
	}
	c.n.arrived(p)
}

// wasTaken reports whether an HTLC was taken before, and settles it again if so. It is true, too, where the node
// ends as that cannot be known.
func (c *channel) wasTaken(id uint64) bool {
	preimage, err := c.n.db.HTLCTaken(invoices.Key{Channel: c.row.ID, HTLC: id})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false
	case err != nil:
		c.n.die("look up an HTLC", err)
	default:
		c.settle(channeldmsg.SettleHTLC{ID: id, Preimage: &preimage})
	}
	return true
}

// arrived decides about a part of a payment to this node.
func (n *node) arrived(p invoices.Part) {
	actions, err := n.invoices.Arrive(p, n.now(), n.blockHeight)
	if err != nil {
		n.die("look up an invoice", err)
		return
	}
	if len(actions) == 0 {
		n.log.Debug("part of a payment is here", "channel", p.Channel, "htlc_id", p.HTLC, "amount", p.Amount, "total", p.TotalMsat)
		n.scheduleSetTimeout()
	}
	n.carryOut(actions)
}

// fail queues a failure of ours for an HTLC from the peer.
func (c *channel) fail(htlc uint64, f *onion.Failure) {
	c.settle(channeldmsg.SettleHTLC{ID: htlc, Failure: f.Encode()})
}

// carryOut does what the invoices' machine decided. An HTLC is fulfilled only when the invoice is paid
// on disk: the preimage must not leave before.
func (n *node) carryOut(actions []invoices.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case invoices.Take:
			n.askAboutPayment(a)
		case invoices.Fail:
			n.failPart(a.Key, n.failureFor(a))
		}
	}
}

// failPart fails a part of a payment that ends here.
func (n *node) failPart(key invoices.Key, f *onion.Failure) {
	if key.Channel == ourselves {
		n.failHere(key.HTLC, f.Encode(), "failed: "+f.Code.String())
	} else if c := n.channels[key.Channel]; c != nil {
		c.fail(key.HTLC, f)
	}
}

// take makes an invoice paid.
func (n *node) take(a invoices.Take) {
	at := n.now()
	moves, own := n.received(a), n.outcomesHere(a)
	n.submit("take payment", func(tx *storeTx) error {
		if err := tx.PayInvoice(a, at); err != nil {
			return err
		}
		for _, o := range own {
			if err := o.store(tx); err != nil {
				return err
			}
		}
		return storeChannelMoves(tx, moves)
	}, func() {
		n.taken(a)
		for _, o := range own {
			n.partEnded(o)
		}
	})
}

// taken fulfils the parts of a payment that is on disk.
func (n *node) taken(a invoices.Take) {
	n.invoices.Stored(a.Invoice.PaymentHash)
	for _, p := range a.Parts {
		if c := n.channels[p.Channel]; c != nil {
			c.tally.InFulfilled.Add(p.Amount)
			c.settle(channeldmsg.SettleHTLC{ID: p.HTLC, Preimage: &a.Invoice.Preimage})
		}
	}
	n.tellPaid(a.Invoice, a.Received)
}

// failureFor is the message to the sender (BOLT 4, Failure Messages).
func (n *node) failureFor(f invoices.Fail) *onion.Failure {
	switch f.Reason {
	case invoices.FinalIncorrectCLTV:
		return &onion.Failure{Code: onion.FinalIncorrectCLTVExpiry, CLTVExpiry: f.CLTVExpiry}
	case invoices.FinalIncorrectAmount:
		return &onion.Failure{Code: onion.FinalIncorrectHTLCAmount, HTLCMsat: f.Amount}
	case invoices.MPPTimeout:
		return &onion.Failure{Code: onion.MPPTimeout}
	}
	return &onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: f.Amount, Height: n.blockHeight}
}

// scheduleSetTimeout arranges that parts whose others do not come are failed in time.
func (n *node) scheduleSetTimeout() {
	at, waiting := n.invoices.Deadline()
	if !waiting || n.setTimer != nil {
		return
	}
	n.setTimer = time.AfterFunc(at.Sub(n.now()), func() {
		n.loop.post(func() {
			n.setTimer = nil
			n.carryOut(n.invoices.Expire(n.now()))
			n.scheduleSetTimeout()
		})
	})
}
