package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// maxHints bounds an invoice's route hints: each makes its string some 80 characters longer.
const maxHints = 3

// incomingChannel is what receiving has to know of a channel.
type incomingChannel struct {
	row        *store.Channel
	receivable amount.Msat
	online     bool
	named      bool // in a hint
}

// receiveVia sums up what the channels can receive, and picks the hints that e asks for, for an invoice of
// want; nil asks for unannounced channels only where there is no other. It does not run in the loop.
func (n *node) receiveVia(ctx context.Context, want amount.Msat, e *exposeChannels) (*receiving, error) {
	var list []incomingChannel
	err := n.onLoop(func() error {
		for _, c := range n.channels {
			if c.row.State == store.Normal {
				list = append(list, c.incoming())
			}
		}
		return nil
	})
	return receivingBy(list, want, e, func(peer keys.PubKey) bool { return n.isDeadEnd(ctx, peer) }), err
}

// deadEndTimeout is how long the plugin that knows the network may take to say what leads to a peer.
const deadEndTimeout = 3 * time.Second

// isDeadEnd reports whether no announced channel leads to a peer but from us: then nobody else can pay
// through it. Where nobody knows, it is none.
func (n *node) isDeadEnd(ctx context.Context, peer keys.PubKey) bool {
	ctx, cancel := context.WithTimeout(ctx, deadEndTimeout)
	defer cancel()
	var list struct {
		Channels []struct {
			Source string `json:"source"`
			Active bool   `json:"active"`
		} `json:"channels"`
	}
	if err := n.plugins.Call(ctx, "listchannels", map[string]any{"destination": peer.String()}, &list); err != nil {
		n.log.Warn("it is not known whether others can pay through a peer", "peer_id", peer, "error", err)
		return false
	}
	self := n.id.String()
	for _, c := range list.Channels {
		if c.Active && c.Source != self {
			return false
		}
	}
	return true
}

func (c *channel) incoming() incomingChannel {
	row := *c.row
	in := incomingChannel{row: &row, receivable: c.status.Receivable, online: c.ready}
	if c.proc == nil {
		in.receivable = row.FundingSats.Msat() - min(c.tally.ToUs, row.FundingSats.Msat())
	}
	return in
}

// receiving is how much could reach us, and by which hints.
type receiving struct {
	hints         [][]invoice.HopHint
	total, online amount.Msat
	connected     amount.Msat // of online: through peers to which others have channels
	reachable     amount.Msat // of connected: through announced channels, and those that the invoice may name
	greatest      amount.Msat // of one such channel
	hinted        amount.Msat // through hints whose peers are there
}

// receivingBy orders the channels, the best to be paid through first, and takes hints from there. deadEnd is
// asked about few of the peers: only as far as the answer changes something.
func receivingBy(list []incomingChannel, want amount.Msat, e *exposeChannels, deadEnd func(keys.PubKey) bool) *receiving {
	slices.SortFunc(list, func(a, b incomingChannel) int {
		if a.online != b.online {
			return cmp.Compare(btoi(b.online), btoi(a.online))
		}
		return cmp.Or(cmp.Compare(b.receivable, a.receivable), cmp.Compare(a.row.ID, b.row.ID))
	})
	r, asked := new(receiving), map[keys.PubKey]bool{}
	leadsOn := func(c *incomingChannel) bool {
		dead, known := asked[c.row.PeerID]
		if !known {
			dead = deadEnd(c.row.PeerID)
			asked[c.row.PeerID] = dead
		}
		return !dead
	}
	public := false // there is an announced channel that others can pay through
	for i := range list {
		c := &list[i]
		r.total += c.receivable
		if c.online {
			r.online += c.receivable
		}
		switch {
		case c.row.Private:
		case !c.online:
			public = true
		case enough(r.reachable, want) || leadsOn(c):
			public = true
			r.reach(c)
		}
	}
	r.hint(list, want, e, public, leadsOn)
	r.connected = r.reachable
	for i := range list {
		c := &list[i]
		if c.online && c.row.Private && !c.named && !enough(r.connected, want) && leadsOn(c) {
			r.connected += c.receivable
		}
	}
	return r
}

// enough reports whether sum will do for want, where 0 is any amount.
func enough(sum, want amount.Msat) bool { return sum > 0 && sum >= want }

func (r *receiving) reach(c *incomingChannel) {
	r.reachable += c.receivable
	r.greatest = max(r.greatest, c.receivable)
}

// hint names the first few channels that the invoice may name and that can receive something. Those whose
// peers are away come along only if the others do not do for want; those at dead ends if there is no
// other, as the peer itself may pay, or the network be larger than what we know of it. What the caller
// wants named is named wherever it leads.
func (r *receiving) hint(list []incomingChannel, want amount.Msat, e *exposeChannels, public bool, leadsOn func(*incomingChannel) bool) {
	chosen := e != nil && len(e.Only) > 0
	var deadEnds []*incomingChannel
	for i := range list {
		c := &list[i]
		switch {
		case len(r.hints) == maxHints || !c.exposed(e, public):
		case chosen:
			r.name(c, true)
		case c.receivable == 0 || !c.online && enough(r.hinted, want):
		case leadsOn(c):
			r.name(c, true)
		default:
			deadEnds = append(deadEnds, c)
		}
	}
	if len(r.hints) == 0 {
		for _, c := range deadEnds[:min(len(deadEnds), maxHints)] {
			r.name(c, false)
		}
	}
}

// name adds a hint for c. counts: what it can receive is within reach.
func (r *receiving) name(c *incomingChannel, counts bool) {
	hint, ok := c.hint()
	if !ok {
		return
	}
	r.hints = append(r.hints, []invoice.HopHint{hint})
	c.named = true
	if !c.online || !counts {
		return
	}
	r.hinted += c.receivable
	if c.row.Private {
		r.reach(c)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// exposed reports whether an invoice may name the channel.
func (c *incomingChannel) exposed(e *exposeChannels, public bool) bool {
	switch {
	case e == nil:
		return c.row.Private && !public
	case len(e.Only) > 0:
		return slices.ContainsFunc(e.Only, func(id wire.ShortChannelID) bool {
			return id == c.row.ShortChannelID || id == c.row.AliasLocal || id == c.row.AliasRemote
		})
	}
	return e.All && c.row.Private
}

// hint is the step from the peer to us, at the price that the peer's channel_update asks (BOLT 11,
// Tagged Fields, `r`). An unannounced channel goes by the peer's name for it, which tells less.
func (c *incomingChannel) hint() (invoice.HopHint, bool) {
	u := decodeUpdate(c.row.RemoteUpdate)
	if u == nil || u.ChannelFlags&wire.ChannelFlagDisable != 0 {
		return invoice.HopHint{}, false
	}
	id := c.row.ShortChannelID
	if c.row.Private && c.row.AliasRemote != 0 {
		id = c.row.AliasRemote
	}
	return invoice.HopHint{
		NodeID: c.row.PeerID, ShortChannelID: id, FeeBaseMsat: u.FeeBaseMsat,
		FeeProportionalMillionths: u.FeeProportionalMillionths, CLTVExpiryDelta: u.CLTVExpiryDelta,
	}, true
}

// decodeUpdate reads a stored channel_update; nil where there is none.
func decodeUpdate(raw []byte) *wire.ChannelUpdate {
	m, err := wire.Decode(raw)
	if err != nil {
		return nil
	}
	u, _ := m.(*wire.ChannelUpdate)
	return u
}

// warn tells the caller if an invoice for want may be hard to pay.
func (r *receiving) warn(to *newInvoiceResult, want amount.Msat) {
	switch {
	case !enough(r.total, want):
		to.WarningCapacity = "Insufficient incoming channel capacity to pay invoice"
	case !enough(r.online, want):
		to.WarningOffline = "Insufficient incoming capacity, once offline peers were excluded"
	case !enough(r.connected, want):
		to.WarningDeadEnds = "Insufficient incoming capacity, once dead-end peers were excluded"
	case !enough(r.reachable, want):
		to.WarningPrivate = "Insufficient incoming capacity, once unannounced channels were excluded (try exposeprivatechannels)"
	case r.greatest < want:
		to.WarningMPP = "The invoice is only payable by MPP-capable payers."
	}
}
