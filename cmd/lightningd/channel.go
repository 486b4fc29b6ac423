package main

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	core "fulmen/internal/channel"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/store"
)

// channel is a channel that is not forgotten; only the loop touches it.
type channel struct {
	n    *node
	row  *store.Channel
	peer *peer
	log  *slog.Logger

	tally     store.Tally
	ledger    ledger
	status    channeldmsg.Status // as its process told last; zero before
	next      uint32             // number of the next entry of its log
	ready     bool               // its process takes offers
	toldDepth uint32             // of the funding transaction, that its process knows
	params    *core.Params       // what never changes of its state; nil until somebody asks

	proc     *channelProcess   // nil while it has no process
	starting sync.Mutex        // held to start one; not in the loop
	resuming bool              // a new connection waits for the process of the old one to end
	outs     map[uint64]origin // HTLCs that we offered, by id
	// offered are those that its process has, and has not yet committed to or refused, by ref.
	offered map[uint64]origin
	offers  []channeldmsg.OfferHTLC // to go with the next flush
	queued  amount.Msat             // the sum of offered
	settles []channeldmsg.SettleHTLC
	held    map[uint64]*heldHTLC // HTLCs from the peer that plugins are asked about, or were
	// undecided are those that wait until the height is known, by id: a process that tells of one again adds nothing.
	undecided map[uint64]undecidedHTLC
	terms     forwardTerms
	// forwardsBelow is above all ids of HTLCs that were forwarded before this start.
	forwardsBelow uint64
	// resolvedBelow is above all ids of HTLCs that plugins resolved before this start.
	resolvedBelow uint64
	close         *closing // a close that somebody asked for

	end          *closure // in the chain; nil while the funding output is not spent
	pushing      bool     // our commitment is being signed, or is on its way to txwatch
	pushed       bool     // txwatch has it, with all that is at stake now
	anchorScript []byte   // of our anchor in it, once txwatch has it
	lastDecision string   // about our transactions, for people
}

// newChannel takes up a channel of the database, its numbers as of the newest entry of its log.
func (n *node) newChannel(row *store.Channel, tally store.Tally) *channel {
	c := &channel{
		n: n, row: row, tally: tally, ledger: newLedger(tally.ToUs), outs: map[uint64]origin{}, offered: map[uint64]origin{}, held: map[uint64]*heldHTLC{},
		undecided: map[uint64]undecidedHTLC{}, log: n.log.With("channel", row.ID, "peer_id", row.PeerID),
	}
	c.terms.aliasOnly = aliasOnly(row.ChannelType)
	c.peer = n.peerOf(row.PeerID)
	c.peer.channels[row.ID] = c
	n.channels[row.ID] = c
	return c
}

// usable reports whether an HTLC may be offered now.
func (c *channel) usable() bool { return c.operating() && c.n.drain == nil }

// operating reports whether its commitments can be changed now.
func (c *channel) operating() bool {
	return c.proc != nil && c.ready && c.row.State == store.Normal && !c.unfunded()
}

// unfunded reports whether the funding transaction is not as deep in the chain as the channel needs to be used. A
// reorganisation may have taken it out, or the channel's process says that the channel is ready when it is not: what it
// holds may never be worth anything.
func (c *channel) unfunded() bool {
	depth := uint32(0)
	if mined := block.Height(c.row.ShortChannelID.Height()); mined != 0 && mined <= c.n.blockHeight {
		depth = uint32(c.n.blockHeight-mined) + 1
	}
	return depth < c.row.MinDepth
}

// unusable says in words why it is not usable.
func (c *channel) unusable() string {
	switch {
	case c.row.State != store.Normal:
		return fmt.Sprintf("is in %s", c.row.State)
	case c.peer.conn == nil:
		return "has no connected peer"
	case c.unfunded():
		return fmt.Sprintf("waits for its funding transaction to have %d confirmations again", c.row.MinDepth)
	case c.n.drain != nil:
		return "takes no more HTLCs: this node is about to stop (graceful)"
	}
	return "is not reestablished yet"
}

// offer queues an HTLC for the channel's process. Its answer is in a Store or an OfferFailed, by h.Ref,
// which is set here.
func (c *channel) offer(o origin, h channeldmsg.OfferHTLC) {
	c.n.lastRef++
	h.Ref = c.n.lastRef
	c.offered[h.Ref] = o
	c.queued += h.AmountMsat
	c.offers = append(c.offers, h)
	c.n.dirty[c] = true
}

// settle queues the outcome of an HTLC from the peer.
func (c *channel) settle(s channeldmsg.SettleHTLC) {
	c.ledger.settle(&s)
	c.settles = append(c.settles, s)
	if c.proc == nil {
		// Its deadline depends on preimages, and what is at stake with our commitment.
		c.status.State, c.pushed = 0, false
	}
	c.n.dirty[c] = true
}

const (
	// mostSettles is how many outcomes one frame has room for, each with a reason of core.MaxReason bytes.
	mostSettles = 200
	// mostOffers is how many HTLCs one frame has room for, each with core.MaxExtraTLVs bytes of further records.
	mostOffers = 5000
)

// flush sends what was queued at once: so all HTLCs can share a commitment.
func (c *channel) flush() {
	var batch []ipc.Message
	for part := range slices.Chunk(c.settles, mostSettles) {
		batch = append(batch, &channeldmsg.Settle{HTLCs: part})
	}
	for part := range slices.Chunk(c.offers, mostOffers) {
		batch = append(batch, &channeldmsg.Offer{HTLCs: part})
	}
	if c.end != nil {
		c.end.settle(c.settles)
	}
	c.settles, c.offers = nil, nil
	if c.proc != nil && len(batch) > 0 {
		c.proc.send(batch...)
	}
}

// processEnded fails what its process had not committed to: all that it stored was handled before.
func (c *channel) processEnded() {
	c.proc, c.ready, c.toldDepth, c.settles, c.offers = nil, false, 0, nil, nil
	c.status.State = 0
	failure := &onion.Failure{Code: onion.TemporaryChannelFailure}
	for ref := range c.offered {
		c.refuse(ref, failure.Encode(), "the peer was lost before the channel committed to it")
	}
	c.n.invoices.Forget(c.row.ID)
}
