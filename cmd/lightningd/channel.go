package main

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	core "fulmen/internal/channel"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/store"
)

// channel is a channel that is not forgotten; only the loop touches it.
type channel struct {
	n    *node
	row  *store.Channel
	peer *peer
	log  *slog.Logger

	tally     store.Tally
	status    channeldmsg.Status // as its process told last; zero before
	next      uint32             // number of the next entry of its log
	ready     bool               // its process takes offers
	toldDepth uint32             // of the funding transaction, that its process knows
	params    *core.Params       // what never changes of its state; nil until somebody asks

	proc     *channelProcess // nil while it has no process
	starting sync.Mutex      // held to start one; not in the loop
	resuming bool            // a new connection waits for the process of the old one to end
	parts    map[uint64]*payments.Part
	// offered are the refs that its process has, and has not yet committed to or refused.
	offered map[uint64]bool
	offers  []channeldmsg.OfferHTLC // to go with the next flush
	settles []channeldmsg.SettleHTLC
	close   *closing // a close that somebody asked for
}

// newChannel takes up a channel of the database, its numbers as of the newest entry of its log.
func (n *node) newChannel(row *store.Channel, tally store.Tally) *channel {
	c := &channel{
		n: n, row: row, tally: tally, parts: map[uint64]*payments.Part{}, offered: map[uint64]bool{},
		log: n.log.With("channel", row.ID, "peer_id", row.PeerID),
	}
	c.peer = n.peerOf(row.PeerID)
	c.peer.channels[row.ID] = c
	n.channels[row.ID] = c
	return c
}

// usable reports whether an HTLC may be offered now.
func (c *channel) usable() bool {
	return c.proc != nil && c.ready && c.row.State == store.Normal
}

// unusable says in words why it is not usable.
func (c *channel) unusable() string {
	switch {
	case c.row.State != store.Normal:
		return fmt.Sprintf("is in %s", c.row.State)
	case c.peer.conn == nil:
		return "has no connected peer"
	}
	return "is not reestablished yet"
}

// offer queues an HTLC for the channel's process. Its answer is in a Store or an OfferFailed.
func (c *channel) offer(ref uint64, h channeldmsg.OfferHTLC) {
	c.offered[ref] = true
	c.offers = append(c.offers, h)
	c.n.dirty[c] = true
}

// settle queues the outcome of an HTLC from the peer.
func (c *channel) settle(s channeldmsg.SettleHTLC) {
	c.settles = append(c.settles, s)
	c.n.dirty[c] = true
}

// flush sends what was queued, all HTLCs in one message: so they can share a commitment.
func (c *channel) flush() {
	var batch []ipc.Message
	if len(c.settles) > 0 {
		batch = append(batch, &channeldmsg.Settle{HTLCs: c.settles})
	}
	if len(c.offers) > 0 {
		batch = append(batch, &channeldmsg.Offer{HTLCs: c.offers})
	}
	c.settles, c.offers = nil, nil
	if c.proc != nil && len(batch) > 0 {
		c.proc.send(batch...)
	}
}

// onStore makes durable what the channel's process asks for, in one unit with what it means for
// payments, and tells the process when it is.
func (c *channel) onStore(m *channeldmsg.Store) {
	if err := c.checkStore(m); err != nil {
		c.proc.kill(err)
		return
	}
	var ended []outcome
	var committed []channeldmsg.OfferedHTLC
	commits := map[uint64]*payments.Part{}
	for _, o := range m.Offered {
		if p := c.n.out.byRef[o.Ref]; p != nil && c.offered[o.Ref] {
			delete(c.n.out.byRef, o.Ref)
			delete(c.offered, o.Ref)
			c.parts[o.ID], commits[o.ID] = p, p
			committed = append(committed, o)
			c.tally.OutOffered.Add(p.Route[0].Amount)
		}
	}
	for _, l := range m.Learned {
		if p := c.parts[l.ID]; p != nil {
			preimage := l.Preimage
			ended = append(ended, c.endPart(l.ID, p, &preimage, nil))
			c.tally.OutFulfilled.Add(p.Route[0].Amount)
		}
	}
	for _, f := range m.Failed {
		if p := c.parts[f.ID]; p != nil {
			ended = append(ended, c.endPart(f.ID, p, nil, returned(p, &f)))
		}
	}
	c.setStatus(m.Status)
	entry, snapshot, data, tally, id := c.next, m.Snapshot, m.Data, c.tally, c.row.ID
	if len(data) > 0 { // a Store may be about payments alone
		c.next++
	}
	apply := func(tx *storeTx) error {
		for _, o := range committed {
			if err := tx.CommitPart(commits[o.ID].CreatedIndex, id, o.ID); err != nil {
				return err
			}
		}
		for _, e := range ended {
			if err := e.store(tx); err != nil {
				return err
			}
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
		if len(ended) > 0 {
			c.n.loop.post(func() {
				for _, e := range ended {
					c.n.partEnded(e)
				}
			})
		}
	})
}

// endPart makes the outcome of the part that HTLC id carries, and forgets the HTLC.
func (c *channel) endPart(id uint64, p *payments.Part, preimage *[32]byte, f *payments.Failure) outcome {
	delete(c.parts, id)
	return c.n.newOutcome(p, preimage, f)
}

func returned(p *payments.Part, f *channeldmsg.FailedHTLC) *payments.Failure {
	if f.MalformedCode != 0 {
		return p.Malformed(onion.FailureCode(f.MalformedCode), f.SHA256OfOnion)
	}
	return p.Returned(f.Reason)
}

// setStatus takes what the process tells of the channel in numbers.
func (c *channel) setStatus(s channeldmsg.Status) {
	c.status = s
	t := &c.tally
	t.LocalRevoked, t.RemoteSigned, t.ToUs = uint64(s.LocalRevoked), uint64(s.RemoteSigned), s.ToLocal
	t.MinToUs, t.MaxToUs = min(t.MinToUs, s.ToLocal), max(t.MaxToUs, s.ToLocal)
}

// onOfferFailed ends the parts that the channel could not take.
func (c *channel) onOfferFailed(m *channeldmsg.OfferFailed) {
	for _, f := range m.HTLCs {
		c.refuse(f.Ref, "the channel cannot take it: "+printable([]byte(f.Reason)))
	}
}

// refuse fails the part that was offered by ref.
func (c *channel) refuse(ref uint64, reason string) {
	p := c.n.out.byRef[ref]
	if p == nil || !c.offered[ref] {
		return
	}
	delete(c.n.out.byRef, ref)
	delete(c.offered, ref)
	c.n.endPart(c.n.newOutcome(p, nil, p.Local(&onion.Failure{Code: onion.TemporaryChannelFailure}, reason)))
}

// processEnded fails what its process had not committed to: all that it stored was handled before.
func (c *channel) processEnded() {
	c.proc, c.ready, c.toldDepth, c.settles, c.offers = nil, false, 0, nil, nil
	for ref := range c.offered {
		c.refuse(ref, "the peer was lost before the channel committed to it")
	}
	c.n.invoices.Forget(c.row.ID)
}

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
		key := invoices.Key{Channel: c.row.ID, HTLC: h.ID}
		preimage, err := c.n.db.HTLCTaken(key)
		switch {
		case err == nil:
			c.settle(channeldmsg.SettleHTLC{ID: h.ID, Preimage: &preimage})
		case err != store.ErrNotFound:
			c.n.die("look up an HTLC", err)
		case h.Final == nil:
			c.fail(h.ID, &onion.Failure{Code: onion.UnknownNextPeer})
		default:
			c.arrive(key, h)
		}
	}
}

func (c *channel) arrive(key invoices.Key, h *channeldmsg.IncomingHTLC) {
	p := invoices.Part{
		Key: key, PaymentHash: h.PaymentHash, Amount: h.AmountMsat, CLTVExpiry: h.CLTVExpiry,
		AmtToForward: h.Final.AmtToForward, OutgoingCLTV: h.Final.OutgoingCLTV, TotalMsat: h.Final.TotalMsat,
	}
	if h.Final.PaymentSecret != nil {
		p.PaymentSecret, p.HasSecret = *h.Final.PaymentSecret, true
	}
	actions, err := c.n.invoices.Arrive(p, c.n.now(), c.n.blockHeight)
	if err != nil {
		c.n.die("look up an invoice", err)
		return
	}
	if len(actions) == 0 {
		c.n.scheduleSetTimeout()
	}
	c.n.carryOut(actions)
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
			at := n.now()
			n.submit("take payment", func(tx *storeTx) error { return tx.PayInvoice(a, at) }, func() { n.taken(a) })
		case invoices.Fail:
			if c := n.channels[a.Channel]; c != nil {
				c.fail(a.HTLC, n.failureFor(a))
			}
		}
	}
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
	n.invoiceWaiters.tell(a.Invoice.Label, a.Invoice)
	n.anyInvoiceWaiters.tell(struct{}{}, struct{}{})
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
