package main

import (
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/store"
)

// feeTolerance is how far, in percent, a commitment's fee rate may be from what it should be before it
// is changed: each change costs a round of commitments.
const feeTolerance = 20

// commitFeerate is what the commitments of channels that we opened should pay.
func (n *node) commitFeerate(channelType []byte) amount.FeeratePerKw {
	f := n.wallet.Feerates()
	rate := f.UnilateralClose * amount.FeeratePerKw(n.policy.CommitPercent) / 100
	if t, err := features.ParseChannelType(channelType); err == nil && t.Has(features.Anchors) {
		rate = f.UnilateralAnchorClose // raised by its anchor, should that not do
	}
	return max(rate+n.policy.FeerateOffset, amount.FeerateFloor)
}

// adjustFeerates has the channels that we opened follow the fee rates of the chain. A channel that
// cannot change now is asked again at the next block.
func (n *node) adjustFeerates() {
	for _, c := range n.channels {
		if c.row.Opener != "local" || !c.operating() {
			continue
		}
		want := n.commitFeerate(c.row.ChannelType)
		if outside(c.status.FeeratePerKw, want) {
			c.log.Debug("changing the fee rate of the commitments", "from", c.status.FeeratePerKw, "to", want)
			c.proc.send(&channeldmsg.SetFeerate{FeeratePerKw: want})
		}
	}
}

func outside(have, want amount.FeeratePerKw) bool {
	h, w := uint64(have)*100, uint64(want)
	return h < w*(100-feeTolerance) || h > w*(100+feeTolerance)
}

// comeBack is for how many blocks after the start of the node a peer whose HTLCs are overdue may still come
// back: the deadlines leave more time than that, and a close costs both sides.
const comeBack = 2

// watchDeadlines takes channels to the chain whose HTLCs cannot wait any longer for a peer that is away, or for a
// close that a reorganisation took back. A channel with a process watches its own.
func (n *node) watchDeadlines(h block.Height) {
	if h%144 == 0 {
		n.submit("forget old storage of peers", func(tx *storeTx) error { return tx.AgePeerStorage(h) }, nil)
	}
	n.watchForwards(h)
	n.forgetStale(h)
	if n.firstHeight == 0 {
		n.firstHeight = h
	}
	n.watchHeld(h)
	for _, c := range n.channels {
		switch {
		case c.proc != nil || c.resuming:
		case c.mayPush():
			if !c.pushed {
				n.closeAlone(c)
			}
		case !c.resumable() && !c.adrift():
		case c.status.State == 0:
			go n.learnDeadline(c)
		case c.status.Deadline != 0 && h >= max(c.status.Deadline, n.firstHeight+comeBack):
			c.closedBy("local", causeLocal)
			c.failChannel(causeLocal, fmt.Sprintf("an HTLC was not resolved by height %d, and %s", c.status.Deadline, c.noHelp()))
		}
	}
}

// noHelp is why only our commitment can resolve an HTLC.
func (c *channel) noHelp() string {
	if c.adrift() {
		return "the close that was lost in a reorganisation is not mined again"
	}
	return "the peer is away"
}

// learnDeadline reads the deadline of a channel that has had no process since the node was started. It
// does not run in the loop.
func (n *node) learnDeadline(c *channel) {
	state, err := n.restore(c.row.ID)
	if err != nil {
		c.log.Error("state cannot be read", "error", err)
		return
	}
	d, err := describeStored(state)
	if err != nil {
		c.log.Error("state cannot be read", "error", err)
		return
	}
	if err := n.considerTaken(c, d); err != nil {
		n.die("look up an HTLC", err)
		return
	}
	n.loop.post(func() {
		if c.status.State == 0 {
			c.status = d.Status
			n.watchDeadlines(n.blockHeight)
		}
	})
}

// considerTaken adds the deadlines of HTLCs of the peer whose preimage this node knows and the channel does
// not: they were taken, or their twins fulfilled, while the peer was away. It does not run in the loop.
func (n *node) considerTaken(c *channel, d *channeldmsg.DescribeReply) error {
	for _, h := range d.HTLCs {
		if h.Offered || h.LocalTrimmed {
			continue
		}
		_, err := n.preimageOf(c.row.ID, h.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		at := h.CLTVExpiry - min(h.CLTVExpiry-1, block.Height(n.policy.fulfillBefore()))
		if d.Status.Deadline == 0 || at < d.Status.Deadline {
			d.Status.Deadline = at
		}
	}
	return nil
}
