package main

import (
	"cmp"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/invoice"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// maxHints bounds an invoice's route hints: each makes its string some 80 characters longer.
const maxHints = 3

// updateDisabled is the bit of channel_flags that says that a channel cannot be used now (BOLT 7, The
// `channel_update` Message).
const updateDisabled = 1 << 1

// incomingChannel is what receiving has to know of a channel.
type incomingChannel struct {
	row        *store.Channel
	receivable amount.Msat
	online     bool
}

// receiveVia sums up what the channels can receive, and picks the hints that e asks for; nil asks for
// unannounced channels only where there is no other.
func (n *node) receiveVia(e *exposeChannels) (*receiving, error) {
	var list []incomingChannel
	err := n.onLoop(func() error {
		for _, c := range n.channels {
			if c.row.State == store.Normal {
				list = append(list, c.incoming())
			}
		}
		return nil
	})
	return receivingBy(list, e), err
}

func (c *channel) incoming() incomingChannel {
	row := *c.row
	in := incomingChannel{row: &row, receivable: c.status.Receivable, online: c.ready}
	if c.proc == nil {
		in.receivable = row.FundingSats.Msat() - min(c.tally.ToUs, row.FundingSats.Msat())
	}
	return in
}

// receivingBy orders the channels, the best to be paid through first, and takes hints from there.
func receivingBy(list []incomingChannel, e *exposeChannels) *receiving {
	slices.SortFunc(list, func(a, b incomingChannel) int {
		if a.online != b.online {
			return cmp.Compare(btoi(b.online), btoi(a.online))
		}
		return cmp.Or(cmp.Compare(b.receivable, a.receivable), cmp.Compare(a.row.ID, b.row.ID))
	})
	r := new(receiving)
	public := false
	for _, c := range list {
		public = public || !c.row.Private
		r.total += c.receivable
		if c.online {
			r.online += c.receivable
		}
	}
	for _, c := range list {
		if c.online && (!c.row.Private || c.exposed(e, public)) {
			r.reachable += c.receivable
			r.greatest = max(r.greatest, c.receivable)
		}
		if hint, ok := c.hint(); ok && len(r.hints) < maxHints && c.exposed(e, public) {
			r.hints = append(r.hints, []invoice.HopHint{hint})
		}
	}
	return r
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
	if u == nil || u.ChannelFlags&updateDisabled != 0 {
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
