package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/store"
)

// heldHTLC is one from a peer that plugins were asked about (hook htlc_accepted). It is kept until it is
// irrevocably gone, so that a channel which tells of it again, on a new connection, asks nobody twice.
type heldHTLC struct {
	h       *channeldmsg.IncomingHTLC
	cancel  context.CancelFunc
	verdict *htlcVerdict // nil while the plugins think
	claimed bool         // the verdict's preimage is on disk, or on its way there
}

// receive asks the plugins about an HTLC that is irrevocably committed, and goes on with what they say.
// One that was decided before is not asked about.
func (c *channel) receive(h *channeldmsg.IncomingHTLC) {
	if held := c.held[h.ID]; held != nil && sameHTLC(held.h, h) {
		held.h = h
		if held.verdict != nil {
			c.carryOutVerdict(h, held.verdict)
		}
		return
	}
	c.letGo(h.ID)
	hooked := c.n.plugins.Hooked("htlc_accepted")
	if (hooked || h.ID < c.resolvedBelow) && c.wasTaken(h.ID) {
		return
	}
	if !hooked || c.isForwarded(h) {
		c.decide(h, 0, nil)
		return
	}
	ctx, cancel := context.WithCancel(c.n.ctx)
	held := &heldHTLC{h: h, cancel: cancel}
	c.held[h.ID] = held
	if c.n.blockHeight >= c.n.holdUntil(h) {
		c.giveUp(held)
		return
	}
	v := &htlcVerdict{htlc: h}
	c.n.askUntil(ctx, c.htlcQuestion(h, v), func() {
		if c.held[h.ID] == held && held.verdict == nil {
			c.judged(held, v)
		}
	})
}

// isForwarded reports whether the switch has an HTLC already.
func (c *channel) isForwarded(h *channeldmsg.IncomingHTLC) bool {
	key := htlcswitch.Key{Channel: c.row.ID, HTLC: h.ID}
	switch {
	case h.Forward == nil:
		return false
	case c.n.forwards.Knows(key):
		return true
	case h.ID >= c.forwardsBelow:
		return false
	}
	_, err := c.n.db.LinkedForward(key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		c.n.die("look up a forward", err)
	}
	return !errors.Is(err, store.ErrNotFound)
}

func sameHTLC(a, b *channeldmsg.IncomingHTLC) bool {
	return a.PaymentHash == b.PaymentHash && a.AmountMsat == b.AmountMsat && a.CLTVExpiry == b.CLTVExpiry && bytes.Equal(a.RawPayload, b.RawPayload)
}

// letGo forgets an HTLC that is gone, and whatever plugins would still say of it.
func (c *channel) letGo(id uint64) {
	if held := c.held[id]; held != nil {
		held.cancel()
		delete(c.held, id)
	}
}

// judged keeps and carries out what becomes of an HTLC.
func (c *channel) judged(held *heldHTLC, v *htlcVerdict) {
	held.cancel()
	held.verdict = v
	c.carryOutVerdict(held.h, v)
}

// holdUntil is the height from which on it is not safe any more to fulfil an HTLC: the channel's process
// would take the channel to the chain for it.
func (n *node) holdUntil(h *channeldmsg.IncomingHTLC) block.Height {
	before := block.Height(n.policy.fulfillBefore())
	return max(h.CLTVExpiry, before+1) - before
}

// watchHeld fails what plugins hold for too long: later it could cost the channel.
func (n *node) watchHeld(h block.Height) {
	for _, c := range n.channels {
		for _, held := range c.held {
			if held.verdict == nil && h >= n.holdUntil(held.h) {
				c.giveUp(held)
			}
		}
	}
	n.watchPaying(h)
}

func (c *channel) giveUp(held *heldHTLC) {
	h := held.h
	c.log.Warn("failing an HTLC that plugins have not decided about in time", "htlc_id", h.ID, "amount", h.AmountMsat, "cltv_expiry", h.CLTVExpiry)
	f := &onion.Failure{Code: onion.TemporaryNodeFailure}
	if h.Final != nil {
		f = &onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: h.AmountMsat, Height: c.n.blockHeight}
	}
	c.judged(held, &htlcVerdict{Result: "fail", FailureMessage: f.Encode()})
}

// carryOutVerdict does what the plugins said.
func (c *channel) carryOutVerdict(h *channeldmsg.IncomingHTLC, v *htlcVerdict) {
	switch v.Result {
	case "fail":
		c.settle(channeldmsg.SettleHTLC{ID: h.ID, Failure: v.FailureMessage, Relay: bytes.Clone(v.FailureOnion)})
	case "resolve":
		c.resolve(c.held[h.ID], [32]byte(*v.PaymentKey))
	default:
		changed := v.changed(c, h)
		var asked amount.Msat
		if v.InvoiceMsat != nil {
			asked = *v.InvoiceMsat
		}
		var extra []byte
		if v.ExtraTLVs != nil {
			extra = *v.ExtraTLVs
		}
		c.decide(changed, asked, extra)
	}
}

// resolve claims an HTLC with a plugin's preimage, once that is on disk.
func (c *channel) resolve(held *heldHTLC, preimage [32]byte) {
	h := held.h
	switch {
	case held.claimed: // on an earlier connection
		c.wasTaken(h.ID) // if it is not on disk yet, it is settled when it is
		return
	case sha256.Sum256(preimage[:]) != h.PaymentHash:
		c.log.Warn("a plugin resolves an HTLC with a payment_key that does not fit, which is failed", "htlc_id", h.ID)
		c.fail(h.ID, &onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: h.AmountMsat, Height: c.n.blockHeight})
		return
	case c.unfunded():
		c.fail(h.ID, &onion.Failure{Code: onion.TemporaryNodeFailure})
		return
	}
	held.claimed = true
	key := invoices.Key{Channel: c.row.ID, HTLC: h.ID}
	c.n.submit("store a preimage", func(tx *storeTx) error { return tx.TakeHTLC(key, h.AmountMsat, preimage) }, func() {
		c.tally.InFulfilled.Add(h.AmountMsat)
		c.settle(channeldmsg.SettleHTLC{ID: h.ID, Preimage: &preimage})
	})
}
