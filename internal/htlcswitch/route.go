package htlcswitch

import (
	"cmp"
	"math/bits"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

const (
	// leastAhead is how many blocks ahead a twin must expire: less, and its channel would have to go
	// to the chain before its peer had a chance.
	leastAhead block.Delta = 3
	// mostAhead is how many blocks ahead it may (BOLT 4: two weeks, as most of the network has it).
	mostAhead block.Delta = 2016
)

// choose finds the channel that takes h on, or the failure for its sender. The onion names a channel,
// but any other with the same peer does as well (BOLT 4, Non-strict Forwarding): the sender gets what it
// paid for. tried are those that have refused already.
func (s *Switch) choose(h *HTLC, height block.Height, tried []uint64) (*Channel, *onion.Failure) {
	named := s.channels.Named(h.ShortChannelID)
	if named == nil || !named.goesBy(h.ShortChannelID) || named.State == Opening {
		return nil, &onion.Failure{Code: onion.UnknownNextPeer}
	}
	if f := checkExpiry(h, height); f != nil {
		return nil, named.complete(f, h)
	}
	if f := named.fits(h); f != nil {
		return nil, named.complete(f, h)
	}
	if c := s.carrier(named, h, tried); c != nil {
		return c, nil
	}
	return nil, named.complete(&onion.Failure{Code: named.cannot()}, h)
}

// carrier picks the channel that is named, if it can, or else the one with most room.
func (s *Switch) carrier(named *Channel, h *HTLC, tried []uint64) *Channel {
	can := func(c *Channel) bool {
		return c.State == Ready && c.Spendable >= h.AmtToForward && !slices.Contains(tried, c.ID)
	}
	if can(named) {
		return named
	}
	var able []*Channel
	for _, c := range s.channels.With(named.Peer) {
		if c.ID != named.ID && can(c) && c.fits(h) == nil {
			able = append(able, c)
		}
	}
	if len(able) == 0 {
		return nil
	}
	return slices.MaxFunc(able, func(a, b *Channel) int {
		return cmp.Or(cmp.Compare(a.Spendable, b.Spendable), cmp.Compare(b.ID, a.ID))
	})
}

// cannot is why no channel carries what c's terms let pass.
func (c *Channel) cannot() onion.FailureCode {
	switch {
	case c.State == Closing:
		return onion.PermanentChannelFailure
	case c.State == Away && c.Disabled:
		return onion.ChannelDisabled
	}
	return onion.TemporaryChannelFailure
}

// fits reports whether h keeps to the channel's terms, or to those that were in force until a moment ago.
func (c *Channel) fits(h *HTLC) *onion.Failure {
	f := c.Terms.check(h)
	if f != nil && c.Former != nil && c.Former.check(h) == nil {
		return nil
	}
	return f
}

// check holds h against the terms (BOLT 4, Failure Messages, of a forwarding node).
func (t *Terms) check(h *HTLC) *onion.Failure {
	if h.AmtToForward < t.HTLCMin {
		return &onion.Failure{Code: onion.AmountBelowMinimum}
	}
	// BOLT 4, Failure Messages, has no code for more than htlc_maximum_msat.
	if h.AmtToForward > t.HTLCMax {
		return &onion.Failure{Code: onion.TemporaryChannelFailure}
	}
	if !t.paid(h.Amount, h.AmtToForward) {
		return &onion.Failure{Code: onion.FeeInsufficient}
	}
	if h.CLTVExpiry < h.OutgoingCLTV || h.CLTVExpiry-h.OutgoingCLTV < block.Height(t.CLTVDelta) {
		return &onion.Failure{Code: onion.IncorrectCLTVExpiry}
	}
	return nil
}

// paid reports whether in pays for forwarding out (BOLT 7, HTLC Fees). No number of the sender's overflows.
func (t *Terms) paid(in, out amount.Msat) bool {
	if in < out {
		return false
	}
	const million = 1_000_000
	hi, lo := bits.Mul64(uint64(out), uint64(t.FeePPM))
	if hi >= million {
		return false // more than all numbers hold
	}
	proportional, _ := bits.Div64(hi, lo, million)
	fee, err := t.FeeBase.Add(amount.Msat(proportional))
	return err == nil && in-out >= fee
}

func checkExpiry(h *HTLC, height block.Height) *onion.Failure {
	switch {
	case h.OutgoingCLTV < height.Add(leastAhead):
		return &onion.Failure{Code: onion.ExpiryTooSoon}
	case h.OutgoingCLTV > height.Add(mostAhead):
		return &onion.Failure{Code: onion.ExpiryTooFar}
	}
	return nil
}

// complete adds the data that the code asks for (BOLT 4, Failure Messages). A channel_update goes along
// only if it is for the name that the sender used: any other would tell it more than it knows.
func (c *Channel) complete(f *onion.Failure, h *HTLC) *onion.Failure {
	switch f.Code {
	case onion.AmountBelowMinimum:
		f.HTLCMsat = h.AmtToForward
	case onion.FeeInsufficient:
		f.HTLCMsat = h.Amount
	case onion.IncorrectCLTVExpiry:
		f.CLTVExpiry = h.OutgoingCLTV
	}
	if f.Code&onion.Update != 0 && c != nil && c.UpdateFor == h.ShortChannelID {
		f.ChannelUpdate = c.Update
	}
	return f
}

// asked is the name of the channel that f went to, or should have.
func asked(c *Channel, h *HTLC) wire.ShortChannelID {
	if c == nil {
		return h.ShortChannelID
	}
	return c.name()
}
