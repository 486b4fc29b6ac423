package main

import (
	"context"
	"errors"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
)

// ourselves stands for a channel where a part of a payment comes from this node: no channel has the number.
// What stands for the HTLC's id is the part's created_index.
const ourselves uint64 = 0

// ownLayer is the layer of an onion that is for this node.
type ownLayer struct {
	secret  keys.Secret // shared with who made the onion
	payload *onion.Payload
	next    *onion.Packet // nil: it ends here
	amount  amount.Msat   // of the HTLC that it came with, as it were
	expiry  block.Height
}

// peelOwn reads what an onion tells this node.
func (n *node) peelOwn(ctx context.Context, p *injectParams) (*ownLayer, error) {
	packet := (*onion.Packet)(p.Onion)
	point, err := packet.EphemeralKey()
	if err != nil {
		return nil, command.BadParam("onion", "%w", err)
	}
	var reply hsmdmsg.ECDHReply
	if err := n.hsm.request(ctx, &hsmdmsg.ECDH{Points: []keys.PubKey{point}}, &reply); err != nil {
		return nil, err
	}
	if len(reply.Results) != 1 || reply.Results[0].BadPoint {
		return nil, command.BadParam("onion", "has a key that is no point")
	}
	o := &ownLayer{secret: reply.Results[0].SharedSecret, amount: p.AmountMsat, expiry: block.Height(p.CLTVExpiry)}
	raw, next, err := onion.Peel(packet, o.secret, p.PaymentHash[:])
	if err != nil {
		return nil, command.BadParam("onion", "is not for this node and payment_hash: %w", err)
	}
	if next != nil {
		if o.next, err = next.Packet(); err != nil {
			return nil, command.BadParam("onion", "%w", err)
		}
	}
	o.payload, err = onion.DecodePayload(raw, next == nil)
	var unreadable *onion.PayloadError
	switch {
	case errors.As(err, &unreadable):
		return nil, injectFailed((&payments.Part{Injected: &o.secret}).Refused(unreadable.Failure().Encode(), err.Error()))
	case err != nil:
		return nil, command.BadParam("onion", "%w", err)
	}
	return o, nil
}

// waitInjected starts a part and returns it with its outcome.
func (n *node) waitInjected(ctx context.Context, part *payments.Part, o *ownLayer) (*payments.Part, error) {
	var ended chan *payments.Part
	err := n.onLoop(func() error {
		existing, err := n.partsOf(part.PaymentHash)
		if err != nil {
			return err
		}
		paid, err := payments.CheckInjected(existing, part)
		if err != nil {
			return sendError(err)
		}
		if paid != nil {
			e := rpc.Errorf(rpc.CodePayAlreadyPaid, "payment_hash: was paid before")
			e.Data = showPart(paid)
			return e
		}
		start := n.forwardOwn
		if o.next == nil {
			start = n.receiveOwn
		}
		if err := start(part, o); err != nil {
			return err
		}
		ended = n.out.waiters.add(part.ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return await(ctx, n, n.out.waiters, part.ID, ended)
}

// forwardOwn sends a part on. Who made the onion need not pay this node for it, but must not ask it to pay.
func (n *node) forwardOwn(part *payments.Part, o *ownLayer) error {
	refuse := func(f *onion.Failure, reason string) error { return injectFailed(part.Refused(f.Encode(), reason)) }
	p := o.payload
	switch {
	case p.AmtToForward > o.amount:
		return refuse(&onion.Failure{Code: onion.FeeInsufficient, HTLCMsat: o.amount}, "the onion forwards more than amount_msat")
	case p.OutgoingCLTVValue > o.expiry:
		return refuse(&onion.Failure{Code: onion.IncorrectCLTVExpiry, CLTVExpiry: o.expiry}, "the onion forwards with a later expiry than cltv_expiry")
	}
	named := n.channelBySCID(*p.ShortChannelID)
	if named == nil {
		return refuse(&onion.Failure{Code: onion.UnknownNextPeer}, "the onion names channel "+p.ShortChannelID.String()+", which this node does not have")
	}
	c := named.orBetter(p.AmtToForward)
	if !c.usable() {
		return refuse(&onion.Failure{Code: onion.TemporaryChannelFailure}, "channel "+p.ShortChannelID.String()+" "+c.unusable())
	}
	part.Route = []payments.Hop{{
		NodeID: c.row.PeerID, ShortChannelID: c.shownAs(), Amount: p.AmtToForward, CLTVExpiry: p.OutgoingCLTVValue,
	}}
	n.sendOff(c, part, o.next, nil)
	return nil
}

// orBetter is the channel itself if it can take an amount, or else the one with the same peer that can take the most
// (BOLT 4, Non-strict Forwarding).
func (c *channel) orBetter(want amount.Msat) *channel {
	best := c
	for _, other := range c.peer.channels {
		if best.usable() && best.status.Spendable >= want {
			break
		}
		if other.usable() && (!best.usable() || other.status.Spendable > best.status.Spendable) {
			best = other
		}
	}
	return best
}

// receiveOwn takes a part that ends here for its invoice, once it is stored and has a number.
func (n *node) receiveOwn(part *payments.Part, o *ownLayer) error {
	if o.payload.AmtToForward > o.amount { // it may be more than the database holds
		f := &onion.Failure{Code: onion.FinalIncorrectHTLCAmount, HTLCMsat: o.amount}
		return injectFailed(part.Refused(f.Encode(), "the onion is for more than amount_msat"))
	}
	n.out.parts[part.ID] = part
	n.submit("store payment", func(tx *storeTx) error { return tx.CreatePart(part) }, func() {
		n.out.here[part.CreatedIndex] = part
		p := invoices.Part{
			Key: invoices.Key{Channel: ourselves, HTLC: part.CreatedIndex}, PaymentHash: invoices.Hash(part.PaymentHash), Amount: o.amount,
			CLTVExpiry: o.expiry, AmtToForward: o.payload.AmtToForward, OutgoingCLTV: o.payload.OutgoingCLTVValue, Keysend: o.payload.Keysend,
		}
		if d := o.payload.PaymentData; d != nil {
			p.PaymentSecret, p.HasSecret, p.TotalMsat = d.PaymentSecret, true, d.TotalMsat
		}
		n.arrived(p)
	})
	return nil
}

// failHere ends a part that this node sent to itself, with a failure message of BOLT 4 for who made the onion.
func (n *node) failHere(createdIndex uint64, message []byte, reason string) {
	if part := n.out.here[createdIndex]; part != nil {
		n.end((&partOrigin{n, part}).ending(nil, part.Refused(message, reason)))
	}
}

// outcomesHere are the ends of the parts of a payment that this node sent to itself.
func (n *node) outcomesHere(a invoices.Take) []outcome {
	var list []outcome
	for _, p := range a.Parts {
		if p.Channel == ourselves {
			list = append(list, n.newOutcome(n.out.here[p.HTLC], &a.Invoice.Preimage, nil))
		}
	}
	return list
}
