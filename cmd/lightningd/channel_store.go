package main

import (
	"errors"

	"fulmen/internal/htlcswitch"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/store"
)

// onStore makes durable what the channel's process asks for, in one unit with what it means for
// those whose HTLCs they are, and tells the process when it is.
func (c *channel) onStore(m *channeldmsg.Store) {
	if err := c.checkStore(m); err != nil {
		c.proc.kill(err)
		return
	}
	writes := c.takeCommitted(m.Offered)
	ended := c.takeEnded(m)
	writes = append(writes, c.takeResolved(m.Resolved)...)
	for _, e := range ended {
		writes = append(writes, e.store)
	}
	c.setStatus(m.Status)
	entry, snapshot, data, tally, id, added := c.next, m.Snapshot, m.Data, c.tally, c.row.ID, newHTLCs(m)
	over, revoked := outcomes(m), c.revokedIn(m)
	if len(data) > 0 { // a Store may be about payments alone
		c.next++
	}
	apply := func(tx *storeTx) error {
		if err := writeAll(tx, writes); err != nil {
			return err
		}
		if err := errors.Join(tx.AddChannelHTLCs(id, added), tx.EndChannelHTLCs(id, over), tx.AddRevoked(revoked)); err != nil {
			return err
		}
		if len(data) == 0 {
			return nil
		}
		return tx.AppendChannelLog(id, entry, snapshot, data, &tally)
	}
	proc, seq := c.proc, m.Seq
	c.n.db.Submit(apply, func(err error) {
		if err != nil {
			c.n.die("store state of channel", err)
			return
		}
		proc.send(&channeldmsg.Stored{Seq: seq})
		if len(revoked) > 0 {
			c.n.revoked.ring()
		}
		if len(ended) > 0 {
			c.n.loop.post(func() { tellEnded(ended) })
		}
	})
}

// takeCommitted notes the HTLCs of ours that the channel has committed to, and returns what that writes.
func (c *channel) takeCommitted(offered []channeldmsg.OfferedHTLC) (writes []func(*storeTx) error) {
	for _, o := range offered {
		if from := c.offered[o.Ref]; from != nil {
			c.forgetOffer(o.Ref)
			writes = append(writes, c.outCommitted(o.ID, from))
		}
	}
	return writes
}

// takeEnded ends the HTLCs of ours whose outcome m has.
func (c *channel) takeEnded(m *channeldmsg.Store) (ended []ending) {
	for _, l := range m.Learned {
		if e, ok := c.outFulfilled(l.ID, l.Preimage, l.Attribution); ok {
			ended = append(ended, e)
		}
	}
	for i := range m.Failed {
		if e, ok := c.outFailed(m.Failed[i].ID, outFailure{returned: &m.Failed[i]}); ok {
			ended = append(ended, e)
		}
	}
	return ended
}

// takeResolved lets go of the peer's HTLCs that are irrevocably gone, and returns what that writes.
func (c *channel) takeResolved(ids []uint64) (writes []func(*storeTx) error) {
	for _, id := range ids {
		c.letGo(id)
		c.ledger.gone(id)
		key := htlcswitch.Key{Channel: c.row.ID, HTLC: id}
		if c.n.forwards.Gone(key) {
			writes = append(writes, func(tx *storeTx) error { return tx.ForgetReason(key) })
		}
	}
	return writes
}

// newHTLCs are those of m that the peer's commitments get.
func newHTLCs(m *channeldmsg.Store) []store.ChannelHTLC {
	list := make([]store.ChannelHTLC, len(m.NewHTLCs))
	for i := range list {
		h := &m.NewHTLCs[i]
		list[i] = store.ChannelHTLC{Offered: h.Offered, ID: h.ID, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry, Amount: h.AmountMsat}
	}
	return list
}

// outcomes names the HTLCs whose outcome m has.
func outcomes(m *channeldmsg.Store) []store.HTLCName {
	var list []store.HTLCName
	for _, l := range m.Learned {
		list = append(list, store.HTLCName{Offered: true, ID: l.ID})
	}
	for i := range m.Failed {
		list = append(list, store.HTLCName{Offered: true, ID: m.Failed[i].ID})
	}
	for _, id := range m.Resolved {
		list = append(list, store.HTLCName{ID: id})
	}
	return list
}

// setStatus takes what the process tells of the channel in numbers.
func (c *channel) setStatus(s channeldmsg.Status) {
	c.status = s
	t := &c.tally
	t.LocalRevoked, t.RemoteSigned, t.ToUs = uint64(s.LocalRevoked), uint64(s.RemoteSigned), s.ToLocal
	t.MinToUs, t.MaxToUs = min(t.MinToUs, s.ToLocal), max(t.MaxToUs, s.ToLocal)
}

// onOfferFailed ends what the channel could not take.
func (c *channel) onOfferFailed(m *channeldmsg.OfferFailed) {
	for _, f := range m.HTLCs {
		c.refuse(f.Ref, f.Failure, "the channel cannot take it: "+printable([]byte(f.Reason)))
	}
}

// refuse ends what was offered by ref and never entered the channel. failure is what a sender is told.
func (c *channel) refuse(ref uint64, failure []byte, reason string) {
	from := c.offered[ref]
	if from == nil {
		return
	}
	c.forgetOffer(ref)
	from.refused(failure, reason)
}

// forgetOffer takes note that the channel has decided about an offer.
func (c *channel) forgetOffer(ref uint64) {
	c.queued -= c.offered[ref].amount()
	delete(c.offered, ref)
}

// outCommitted notes that the channel has committed to an HTLC that we offered. What it returns is
// written with the channel's record of it.
func (c *channel) outCommitted(id uint64, from origin) func(*storeTx) error {
	c.outs[id] = from
	c.tally.OutOffered.Add(from.amount())
	return from.committed(c.row.ID, id)
}

// outFulfilled ends an HTLC that we offered, as its preimage is known. It is false where nothing waits
// for it. The preimage must be checked (see preimageFits); the ending must be stored (see end).
// attribution is nil where the preimage did not come by update_fulfill_htlc.
func (c *channel) outFulfilled(id uint64, preimage [32]byte, attribution []byte) (ending, bool) {
	from := c.outs[id]
	if from == nil {
		return ending{}, false
	}
	delete(c.outs, id)
	c.tally.OutFulfilled.Add(from.amount())
	c.ledger.spent(from.amount())
	return from.fulfilled(preimage, attribution).with(c.paid(from)), true
}

// outFailure is why an HTLC that we offered is gone for good without a preimage.
type outFailure struct {
	returned *channeldmsg.FailedHTLC // what the peer says; nil where it is this node that decides,
	own      *onion.Failure          // and says this to the sender,
	reason   string                  // and this to the operator
}

// outFailed ends an HTLC that we offered and that cannot be claimed any more. It is false where
// nothing waits for it. The ending must be stored (see end).
func (c *channel) outFailed(id uint64, f outFailure) (ending, bool) {
	from := c.outs[id]
	if from == nil {
		return ending{}, false
	}
	delete(c.outs, id)
	return from.failed(f), true
}
