package main

import (
	"cmp"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// outgoing is what the loop knows of parts that have no outcome yet.
type outgoing struct {
	parts   map[payments.ID]*payments.Part
	waiters waiters[payments.ID, *payments.Part]
	// here are those that end at this node itself, by their created_index: they wait for an invoice's other parts.
	here map[uint64]*payments.Part
}

func newOutgoing() *outgoing {
	return &outgoing{parts: map[payments.ID]*payments.Part{}, waiters: waiters[payments.ID, *payments.Part]{}, here: map[uint64]*payments.Part{}}
}

// resumeParts finds the parts that the database has as pending: those that a channel committed to
// get their outcome from it; the others never left, and fail.
func (n *node) resumeParts() error {
	pending, err := n.db.PendingParts()
	if err != nil {
		return err
	}
	for _, p := range pending {
		n.out.parts[p.ID] = p
		if c := n.channels[p.Channel]; p.Channel != 0 && c != nil {
			c.outs[p.HTLC] = &partOrigin{n, p}
			continue
		}
		failure := p.Local(n.id, &onion.Failure{Code: onion.TemporaryNodeFailure}, "the node was restarted before the payment left it")
		n.end((&partOrigin{n, p}).ending(nil, failure))
	}
	return nil
}

// startPart stores a new part and offers it to its channel. done gets the part once it is on disk, the
// one that stands for it if it was sent before, or why it may not be sent. The offer need not wait
// for the disk: the channel's own record of the HTLC is stored after the part, in the same order,
// and nothing binds us before that.
func (n *node) startPart(p *payments.Part, packet *onion.Packet, done func(*payments.Part, error)) {
	existing, err := n.partsOf(p.PaymentHash)
	if err != nil {
		done(nil, err)
		return
	}
	same, err := payments.Check(existing, p)
	if same != nil || err != nil {
		done(same, err)
		return
	}
	first := p.Route[0]
	c := n.channelBySCID(first.ShortChannelID)
	if c == nil || c.row.PeerID != first.NodeID {
		done(nil, n.tryOtherRoute(p, onion.UnknownNextPeer, fmt.Sprintf("channel %s to %s: no such channel", first.ShortChannelID, first.NodeID)))
		return
	}
	if !c.usable() {
		done(nil, n.tryOtherRoute(p, onion.TemporaryChannelFailure, fmt.Sprintf("channel %s %s", first.ShortChannelID, c.unusable())))
		return
	}
	n.sendOff(c, p, packet, func() { done(p, nil) })
}

// sendOff stores a part, and offers it to its channel; stored is called once it is on disk.
func (n *node) sendOff(c *channel, p *payments.Part, packet *onion.Packet, stored func()) {
	n.out.parts[p.ID] = p
	n.submit("store payment", func(tx *storeTx) error { return tx.CreatePart(p) }, stored)
	first := p.Route[0]
	c.offer(&partOrigin{n, p}, channeldmsg.OfferHTLC{
		AmountMsat: first.Amount, PaymentHash: p.PaymentHash, CLTVExpiry: first.CLTVExpiry, Onion: packet[:],
	})
}

// outChannel is one of our channels as a payment sees it.
type outChannel struct {
	peer      keys.PubKey
	scid      wire.ShortChannelID
	spendable amount.Msat // the largest HTLC that it takes now
}

// outChannels are our channels that can be used now.
func (n *node) outChannels() []outChannel {
	var list []outChannel
	for _, c := range n.channels {
		if c.usable() {
			list = append(list, outChannel{c.row.PeerID, cmp.Or(c.row.ShortChannelID, c.row.AliasLocal), c.status.Spendable})
		}
	}
	return list
}

// partsOf lists the parts of a payment_hash, those under way as the loop knows them.
func (n *node) partsOf(h payments.Hash) ([]*payments.Part, error) {
	stored, err := n.db.PartsByHash(h)
	if err != nil {
		return nil, err
	}
	var list []*payments.Part
	for _, p := range stored {
		if n.out.parts[p.ID] == nil {
			list = append(list, p)
		}
	}
	for id, p := range n.out.parts {
		if id.PaymentHash == h {
			list = append(list, p)
		}
	}
	return list, nil
}

func (n *node) tryOtherRoute(p *payments.Part, code onion.FailureCode, reason string) error {
	e := rpc.Errorf(rpc.CodePayTryOtherRoute, "%s", reason)
	e.Data = showFailure(p, p.Local(n.id, &onion.Failure{Code: code}, reason))
	return e
}

// outcome is the end of a part.
type outcome struct {
	part  *payments.Part // as the loop knows it
	ended *payments.Part // as it will be
}

// newOutcome copies all of the part but its index, which the writer may be setting at this moment.
func (n *node) newOutcome(p *payments.Part, preimage *[32]byte, f *payments.Failure) outcome {
	ended := &payments.Part{
		ID: p.ID, Status: payments.Failed, Destination: p.Destination, Amount: p.Amount, Sent: p.Sent, Total: p.Total,
		CreatedAt: p.CreatedAt, CompletedAt: n.now(), Label: p.Label, Bolt11: p.Bolt11, Description: p.Description,
		Route: p.Route, Channel: p.Channel, HTLC: p.HTLC, Preimage: preimage, Failure: f, Injected: p.Injected,
	}
	if preimage != nil {
		ended.Status = payments.Complete
	}
	return outcome{p, ended}
}

// store writes the outcome. The part's index is known here at the latest: the writer runs units in
// the order in which they were submitted.
func (o outcome) store(tx *storeTx) error {
	o.ended.CreatedIndex = o.part.CreatedIndex
	return tx.EndPart(o.ended)
}

// partEnded tells those who wait for a part whose outcome is on disk.
func (n *node) partEnded(o outcome) {
	delete(n.out.parts, o.part.ID)
	delete(n.out.here, o.part.CreatedIndex)
	n.out.waiters.tell(o.part.ID, o.ended)
	n.tellPart(o.ended)
}
