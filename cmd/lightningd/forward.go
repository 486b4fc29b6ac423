package main

import (
	"errors"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/store"
)

// resumeForwards takes up the forwards whose twins have no end yet: their channels tell it.
func (n *node) resumeForwards() error {
	for _, c := range n.channels {
		var err error
		if c.forwardsBelow, err = n.db.ForwardsBelow(c.row.ID); err != nil {
			return err
		}
	}
	offered, err := n.db.OfferedForwards()
	if err != nil {
		return err
	}
	for _, row := range offered {
		f := &row.Forward
		if n.channels[f.Channel] != nil {
			n.forwards.Restore(f)
		}
		o := &forwardOrigin{n, f, f.Out.Channel}
		if out := n.channels[f.Out.Channel]; out != nil {
			out.outs[f.Out.HTLC] = o
			continue
		}
		n.end(o.failed(outFailure{own: &onion.Failure{Code: onion.PermanentChannelFailure}, reason: "its channel is forgotten"}))
	}
	return nil
}

// forward decides about an HTLC from the peer whose onion says that it goes on. extra are records that a plugin wants
// the next node to get.
func (c *channel) forward(h *channeldmsg.IncomingHTLC, extra []byte) {
	c.n.crash.arm()
	key := htlcswitch.Key{Channel: c.row.ID, HTLC: h.ID}
	if h.ID < c.forwardsBelow && !c.n.forwards.Knows(key) { // decided before this start, maybe
		row, err := c.n.db.LinkedForward(key)
		switch {
		case err == nil:
			c.n.forwards.Restore(&row.Forward)
		case !errors.Is(err, store.ErrNotFound):
			c.n.die("look up a forward", err)
			return
		}
	}
	actions := c.n.forwards.Arrive(htlcswitch.HTLC{
		Key: key, Name: c.shownAs(), PaymentHash: h.PaymentHash, Amount: h.AmountMsat, CLTVExpiry: h.CLTVExpiry,
		ShortChannelID: h.Forward.ShortChannelID, AmtToForward: h.Forward.AmtToForward, OutgoingCLTV: h.Forward.OutgoingCLTV,
		Onion: h.Forward.NextOnion, ExtraTLVs: extra,
	}, c.n.now(), c.n.blockHeight)
	for _, a := range actions {
		c.n.doForward(a)
	}
}

// doForward does what the switch decided.
func (n *node) doForward(a htlcswitch.Action) {
	switch a := a.(type) {
	case htlcswitch.Offer:
		f := a.Forward
		n.channels[a.Channel].offer(&forwardOrigin{n, f, a.Channel}, channeldmsg.OfferHTLC{
			AmountMsat: f.AmtToForward, PaymentHash: f.PaymentHash, CLTVExpiry: f.OutgoingCLTV, Onion: f.Onion, ExtraTLVs: f.ExtraTLVs,
		})
	case htlcswitch.End:
		if a.Row.Out.Channel != 0 {
			n.end(n.forwardEnding(a))
			return
		}
		n.submit("store a refused forward", func(tx *storeTx) error { return tx.RefuseForward(&a.Row) }, func() { n.tellForward(&a.Row) })
		n.settleForward(a.Settle)
	case htlcswitch.Settle:
		n.settleForward(a)
	}
}

// forwardEnding stores how a forward ended; then its incoming HTLC ends the same way.
func (n *node) forwardEnding(e htlcswitch.End) ending {
	return ending{
		store: func(tx *storeTx) error { return tx.EndForward(&e.Row) },
		then: func() {
			n.forwards.Stored(e.Row.Key)
			if in := n.channels[e.Row.Channel]; in != nil && e.Row.Status == htlcswitch.Settled {
				in.tally.InFulfilled.Add(e.Row.Amount)
			}
			n.settleForward(e.Settle)
			n.tellForward(&e.Row)
		},
	}
}

func (n *node) settleForward(s htlcswitch.Settle) {
	if in := n.channels[s.Channel]; in != nil {
		in.settle(channeldmsg.SettleHTLC{ID: s.HTLC, Preimage: s.Preimage, Relay: s.Reason, Failure: s.Failure, Attribution: s.Attribution})
	}
}

// watchForwards gives up what cannot wait longer for the chain: its own channel would go there, too.
func (n *node) watchForwards(h block.Height) {
	for _, e := range n.forwards.Tick(n.now(), h) {
		n.log.Error("failing an HTLC that is about to expire, though the one that it was forwarded as may still be claimed on chain",
			"channel", e.Row.Channel, "htlc_id", e.Row.HTLC.HTLC, "out_channel", e.Row.Out.Channel, "out_htlc_id", e.Row.Out.HTLC, "amount", e.Row.AmtToForward)
		n.doForward(e)
	}
}

// forwardOrigin is an HTLC of another channel that we forward.
type forwardOrigin struct {
	n       *node
	f       *htlcswitch.Forward
	channel uint64 // to which its twin was offered
}

func (o *forwardOrigin) hash() [32]byte      { return o.f.PaymentHash }
func (o *forwardOrigin) amount() amount.Msat { return o.f.AmtToForward }

func (o *forwardOrigin) committed(channel, id uint64) func(*storeTx) error {
	row := o.n.forwards.Commit(o.f, htlcswitch.Key{Channel: channel, HTLC: id})
	o.n.tellForward(&row)
	return func(tx *storeTx) error { return tx.OfferForward(&row) }
}

func (o *forwardOrigin) refused(failure []byte, reason string) {
	o.n.log.Debug("channel did not take a forward", "channel", o.f.Channel, "htlc_id", o.f.HTLC.HTLC, "out_channel", o.channel, "reason", reason)
	code := onion.TemporaryChannelFailure
	if f, err := onion.DecodeFailure(failure); f != nil && (err == nil || f.Code != 0) {
		code = f.Code
	}
	o.n.doForward(o.n.forwards.Refuse(o.f, o.channel, code, o.n.now(), o.n.blockHeight))
}

func (o *forwardOrigin) fulfilled(preimage [32]byte, attribution []byte) ending {
	e, ok := o.n.forwards.Fulfill(o.f, preimage, attribution, o.n.now())
	return o.ending(e, ok, "its preimage came too late: the amount is lost")
}

func (o *forwardOrigin) failed(f outFailure) ending {
	now := o.n.now()
	var e htlcswitch.End
	var ok bool
	switch r := f.returned; {
	case r == nil:
		e, ok = o.n.forwards.Fail(o.f, f.own, now)
	case r.MalformedCode != 0:
		// BOLT 2, Removing an HTLC: the next node's code, in a failure of ours.
		e, ok = o.n.forwards.Fail(o.f, &onion.Failure{Code: onion.FailureCode(r.MalformedCode), SHA256OfOnion: r.SHA256OfOnion}, now)
	case len(r.Reason) == 0: // nothing that the sender could read
		e, ok = o.n.forwards.Fail(o.f, &onion.Failure{Code: onion.TemporaryChannelFailure}, now)
	default:
		e, ok = o.n.forwards.Return(o.f, r.Reason, r.Attribution, now)
	}
	return o.ending(e, ok, "it could not be claimed")
}

// ending is e, or nothing if the forward was given up before.
func (o *forwardOrigin) ending(e htlcswitch.End, ok bool, late string) ending {
	if ok {
		return o.n.forwardEnding(e)
	}
	o.n.log.Error("a forward that was given up has an end on chain", "channel", o.f.Channel, "htlc_id", o.f.HTLC.HTLC,
		"out_channel", o.f.Out.Channel, "out_htlc_id", o.f.Out.HTLC, "amount", o.f.AmtToForward, "end", late)
	return ending{store: func(*storeTx) error { return nil }, then: func() {}}
}
