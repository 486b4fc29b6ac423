package main

import (
	"crypto/sha256"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
)

// origin is what an HTLC that we offer serves: a part of a payment of ours, or an HTLC of another
// channel that is forwarded. Its methods run in the loop; what they return is written in one unit with
// the channel's own record.
type origin interface {
	hash() [32]byte
	amount() amount.Msat // of the HTLC that is offered
	// committed: a channel has committed to it under an id.
	committed(channel, id uint64) func(*storeTx) error
	// refused: it never entered the channel. failure is what a sender is told, reason is for people.
	refused(failure []byte, reason string)
	// fulfilled: attribution is the attribution_data that came with the preimage, if any did.
	fulfilled(preimage [32]byte, attribution []byte) ending
	failed(f outFailure) ending
}

// ending is the end of an HTLC that we offered.
type ending struct {
	store func(*storeTx) error
	then  func() // runs in the loop, once it is on disk
}

// end stores endings that no record of a channel carries.
func (n *node) end(ended ...ending) {
	n.submit("store the end of HTLCs", func(tx *storeTx) error {
		for _, e := range ended {
			if err := e.store(tx); err != nil {
				return err
			}
		}
		return nil
	}, func() { tellEnded(ended) })
}

func tellEnded(ended []ending) {
	for _, e := range ended {
		e.then()
	}
}

// preimageFits fails unless the preimage is that of HTLC id, which serves o; nil is none of ours.
func preimageFits(id uint64, o origin, preimage [32]byte) error {
	if o != nil && sha256.Sum256(preimage[:]) != o.hash() {
		return fmt.Errorf("HTLC %d: the preimage does not belong to its payment_hash", id)
	}
	return nil
}

// partOrigin is a part of a payment of this node's.
type partOrigin struct {
	n *node
	*payments.Part
}

func (p *partOrigin) hash() [32]byte      { return p.PaymentHash }
func (p *partOrigin) amount() amount.Msat { return p.Route[0].Amount }

// committed implements origin. The part's index is set in an earlier unit.
func (p *partOrigin) committed(channel, id uint64) func(*storeTx) error {
	return func(tx *storeTx) error { return tx.CommitPart(p.CreatedIndex, channel, id) }
}

func (p *partOrigin) refused(_ []byte, reason string) {
	p.n.end(p.ending(nil, p.Local(p.n.id, &onion.Failure{Code: onion.TemporaryChannelFailure}, reason)))
}

func (p *partOrigin) fulfilled(preimage [32]byte, attribution []byte) ending {
	if holds := p.HoldTimes(nil, attribution); len(holds) > 0 {
		p.n.log.Debug("hops told how long they held the HTLC, in units of 100 ms", "payment_hash", p.PaymentHash, "hold_times", holds)
	}
	return p.ending(&preimage, nil)
}

func (p *partOrigin) failed(f outFailure) ending {
	switch r := f.returned; {
	case r == nil:
		return p.ending(nil, p.Local(p.n.id, f.own, f.reason))
	case r.MalformedCode != 0:
		return p.ending(nil, p.Malformed(onion.FailureCode(r.MalformedCode), r.SHA256OfOnion))
	default:
		return p.ending(nil, p.Returned(r.Reason, r.Attribution))
	}
}

func (p *partOrigin) ending(preimage *[32]byte, f *payments.Failure) ending {
	o := p.n.newOutcome(p.Part, preimage, f)
	return ending{store: o.store, then: func() { p.n.partEnded(o) }}
}
