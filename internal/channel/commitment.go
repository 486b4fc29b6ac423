package channel

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
)

// commitment is the content of one commitment. It never changes: the next one is made from it.
type commitment struct {
	number   keys.CommitmentNumber
	feerate  amount.FeeratePerKw
	toLocal  amount.Msat
	toRemote amount.Msat
	htlcs    []*htlc
}

// next applies changes in order and counts on.
func (c *commitment) next(lists ...[]change) (*commitment, error) {
	n := &commitment{number: c.number + 1, feerate: c.feerate, toLocal: c.toLocal, toRemote: c.toRemote}
	gone := make(map[*htlc]bool)
	added := 0
	for _, list := range lists {
		for i := range list {
			switch ch := &list[i]; {
			case ch.remove != nil:
				gone[ch.remove] = true
			case ch.add != nil:
				added++
			}
		}
	}
	n.htlcs = make([]*htlc, 0, len(c.htlcs)+added)
	for _, h := range c.htlcs {
		if gone[h] {
			delete(gone, h)
		} else {
			n.htlcs = append(n.htlcs, h)
		}
	}
	if len(gone) > 0 {
		return nil, fmt.Errorf("commitment %d: %d htlcs removed that are not there: %w", n.number, len(gone), ErrBadRecord)
	}
	for _, list := range lists {
		for i := range list {
			if err := n.apply(&list[i]); err != nil {
				return nil, err
			}
		}
	}
	return n, nil
}

// apply does the sums of one change.
func (c *commitment) apply(ch *change) error {
	switch {
	case ch.add != nil:
		from := c.balance(ch.add.Offered)
		left, err := from.Sub(ch.add.Amount)
		if err != nil {
			return fmt.Errorf("commitment %d: htlc %d: %w", c.number, ch.add.ID, err)
		}
		*from = left
		c.htlcs = append(c.htlcs, ch.add)
	case ch.remove != nil:
		// Fulfilled, it goes to the one it was offered to; else back.
		to := c.balance(ch.remove.Offered != (ch.result.Kind == Fulfill))
		*to += ch.remove.Amount // at most the funding amount: it was taken from it before
	default:
		c.feerate = ch.feerate
	}
	return nil
}

func (c *commitment) balance(local bool) *amount.Msat {
	if local {
		return &c.toLocal
	}
	return &c.toRemote
}

// content is what a signer needs to know.
func (c *commitment) content() Content {
	list := make([]HTLC, len(c.htlcs))
	for i, h := range c.htlcs {
		list[i] = h.HTLC
	}
	return Content{
		Number: c.number, Feerate: c.feerate, ToLocal: c.toLocal, ToRemote: c.toRemote, HTLCs: list,
	}
}
