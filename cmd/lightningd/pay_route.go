package main

import (
	"bytes"
	"cmp"
	"errors"
	"math/bits"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// minPart is the least that a payment is split into.
const minPart = amount.Msat(10_000)

// outChannel is one of our channels as a payment sees it.
type outChannel struct {
	id        uint64 // its number
	peer      keys.PubKey
	scid      wire.ShortChannelID
	spendable amount.Msat // the largest HTLC that it takes now
}

// path is a way to the payee: over a channel of ours to its peer, then along a route hint of the invoice; a
// hint of no steps where the peer is the payee.
type path struct {
	out  outChannel
	hint []invoice.HopHint
}

// pathKey names a path across plannings: the channel's number, and the channel of the hint's first step.
type pathKey struct {
	channel uint64
	hint    wire.ShortChannelID
}

func (p *path) key() pathKey {
	k := pathKey{channel: p.out.id}
	if len(p.hint) > 0 {
		k.hint = p.hint[0].ShortChannelID
	}
	return k
}

// destination is whom to pay, when the last HTLC has to expire, and what the sender excludes.
type destination struct {
	payee     keys.PubKey
	finalCLTV block.Height
	hints     [][]invoice.HopHint
	exclude   exclusions
}

// paths lists the ways over channels, least number of steps first.
func (d *destination) paths(channels []outChannel) []path {
	var list []path
	for _, c := range channels {
		first := command.ShortChannelIDDir{ID: c.scid, Direction: d.exclude.directionTo(c.peer)}
		if d.exclude.nodes[c.peer] || d.exclude.channels[first] {
			continue
		}
		if c.peer == d.payee {
			list = append(list, path{out: c})
		}
		for _, hint := range d.hints {
			if len(hint) > 0 && hint[0].NodeID == c.peer && c.peer != d.payee && !d.exclude.hint(hint, d.payee) {
				list = append(list, path{c, hint})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b path) int {
		return cmp.Or(cmp.Compare(len(a.hint), len(b.hint)), cmp.Compare(b.out.spendable, a.out.spendable))
	})
	return list
}

// forwardingFee is what the node of a hint takes to forward amt (BOLT 7, HTLC Fees). ok is false where the
// sum is no amount of money.
func forwardingFee(h *invoice.HopHint, amt amount.Msat) (fee amount.Msat, ok bool) {
	share, ok := mulDiv(amt, uint64(h.FeeProportionalMillionths), 1e6)
	return amount.Msat(h.FeeBaseMsat) + share, ok
}

// mulDiv is a*b/c, rounded down; false if that is more than all the money there is.
func mulDiv(a amount.Msat, b, c uint64) (amount.Msat, bool) {
	hi, lo := bits.Mul64(uint64(a), b)
	if hi >= c {
		return 0, false
	}
	q, _ := bits.Div64(hi, lo, c)
	return amount.Msat(q), amount.Msat(q) <= amount.MaxMsat
}

// hops is the route that delivers amt to the payee. Amounts and expiries add up from the payee to us.
func (p *path) hops(amt amount.Msat, d *destination) ([]payments.Hop, error) {
	route := make([]payments.Hop, len(p.hint)+1)
	cltv := d.finalCLTV
	for i := len(p.hint); i >= 0; i-- {
		hop := payments.Hop{NodeID: d.payee, ShortChannelID: p.out.scid, Amount: amt, CLTVExpiry: cltv}
		if i < len(p.hint) {
			hop.NodeID = p.hint[i].NodeID
		}
		if i > 0 {
			step := &p.hint[i-1]
			hop.ShortChannelID = step.ShortChannelID
			fee, ok := forwardingFee(step, amt)
			if !ok || amt+fee > amount.MaxMsat {
				return nil, errors.New("the fee of a route hint is beyond all money")
			}
			amt += fee
			cltv = cltv.Add(step.CLTVExpiryDelta)
		}
		route[i] = hop
	}
	return route, nil
}

// mostDelivered is the most that the payee gets if our channel sends at most spendable: fees are taken from
// it on the way.
func (p *path) mostDelivered(spendable amount.Msat) amount.Msat {
	amt := spendable
	for i := range p.hint {
		h := &p.hint[i]
		if amt <= amount.Msat(h.FeeBaseMsat) {
			return 0
		}
		// With its share this is no more than what came in, so with the share rounded down it fits.
		amt, _ = mulDiv(amt-amount.Msat(h.FeeBaseMsat), 1e6, 1e6+uint64(h.FeeProportionalMillionths))
	}
	return amt
}

// plannedPart is a part that is to be sent.
type plannedPart struct {
	key   pathKey
	route []payments.Hop
	amt   amount.Msat
}

func (p *plannedPart) fee() amount.Msat { return p.route[0].Amount - p.amt }

// planner splits what is left of a payment over paths.
type planner struct {
	dest     destination
	height   block.Height
	maxFee   amount.Msat // for these parts together
	maxDelay block.Delta
	split    bool                    // the payee takes several parts
	limits   map[pathKey]amount.Msat // what a path was seen not to carry is at least this
}

// plan finds parts that together deliver amt: one where one path can carry it, otherwise as few as it
// takes. The error has the code for the caller.
func (pl *planner) plan(amt amount.Msat, channels []outChannel) ([]plannedPart, error) {
	paths := pl.dest.paths(channels)
	if len(paths) == 0 {
		return nil, rpc.Errorf(rpc.CodePayRouteNotFound,
			"no usable channel with the payee, nor with the first node of a route hint of the invoice; other routes are not looked for yet")
	}
	var dear error
	for i := range paths {
		if pl.carries(&paths[i], paths[i].out.spendable) < amt {
			continue
		}
		part, err := pl.part(&paths[i], amt)
		if err == nil {
			err = pl.checkCost([]plannedPart{part}, amt)
		}
		if err == nil {
			return []plannedPart{part}, nil
		}
		dear = err
	}
	if !pl.split {
		return nil, cmp.Or(dear, errTooNarrow(amt, "in one part, and the payee takes no more"))
	}
	parts, err := pl.fill(paths, amt)
	if err == nil {
		err = pl.checkCost(parts, amt)
	}
	if err != nil {
		return nil, cmp.Or(dear, err)
	}
	return parts, nil
}

func errTooNarrow(amt amount.Msat, how string) error {
	return rpc.Errorf(rpc.CodePayRouteNotFound, "our channels that lead to the payee cannot carry %s %s", amt, how)
}

// carries is what a path may be asked to deliver while its channel has spendable left.
func (pl *planner) carries(p *path, spendable amount.Msat) amount.Msat {
	most := p.mostDelivered(spendable)
	if limit, known := pl.limits[p.key()]; known {
		most = min(most, limit)
	}
	return most
}

func (pl *planner) part(p *path, amt amount.Msat) (plannedPart, error) {
	route, err := p.hops(amt, &pl.dest)
	if err != nil {
		return plannedPart{}, rpc.Errorf(rpc.CodePayRouteTooExpensive, "%w", err)
	}
	return plannedPart{p.key(), route, amt}, nil
}

// fill gives each path as much as it carries, the shortest first.
func (pl *planner) fill(paths []path, amt amount.Msat) ([]plannedPart, error) {
	left := map[uint64]amount.Msat{}
	for _, p := range paths {
		left[p.out.id] = p.out.spendable
	}
	var parts []plannedPart
	rest := amt
	for i := range paths {
		p := &paths[i]
		take := min(rest, pl.carries(p, left[p.out.id]))
		if after := rest - take; after > 0 && after < minPart && take > 2*minPart {
			take -= minPart - after // lest the last part be too small for a channel
		}
		if take == 0 || take < minPart && take < rest {
			continue
		}
		part, err := pl.part(p, take)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		left[p.out.id] -= min(left[p.out.id], part.route[0].Amount)
		if rest -= take; rest == 0 {
			return parts, nil
		}
	}
	return nil, errTooNarrow(amt, "even in parts")
}

// costData is what an error about the price says.
type costData struct {
	Fee        amount.Msat `json:"fee"`
	FeePercent float64     `json:"feepercent"`
	Delay      uint32      `json:"delay"`
}

// checkCost holds parts that deliver amt to what the caller allows.
func (pl *planner) checkCost(parts []plannedPart, amt amount.Msat) error {
	var fee amount.Msat
	var delay block.Height
	for i := range parts {
		fee += parts[i].fee()
		delay = max(delay, parts[i].route[0].CLTVExpiry-pl.height)
	}
	data := costData{Fee: fee, FeePercent: float64(fee) * 100 / float64(amt), Delay: uint32(delay)}
	switch {
	case fee > pl.maxFee:
		return rpc.Errorf(rpc.CodePayRouteTooExpensive, "the fee would be %s, at most %s is allowed", fee, pl.maxFee).WithData(data)
	case delay > block.Height(pl.maxDelay):
		return rpc.Errorf(rpc.CodePayRouteTooExpensive, "the payment could be delayed for %d blocks, at most %d are allowed", delay, pl.maxDelay).WithData(data)
	}
	return nil
}

// exclusions are what the caller does not want to be used.
type exclusions struct {
	us       keys.PubKey
	nodes    map[keys.PubKey]bool
	channels map[command.ShortChannelIDDir]bool
}

func newExclusions(us keys.PubKey, items []excluded) exclusions {
	e := exclusions{us: us, nodes: map[keys.PubKey]bool{}, channels: map[command.ShortChannelIDDir]bool{}}
	for _, item := range items {
		if item.node != nil {
			e.nodes[*item.node] = true
		} else {
			e.channels[item.channel] = true
		}
	}
	return e
}

func (e *exclusions) directionTo(peer keys.PubKey) uint8 { return directionOf(e.us, peer) }

// directionOf is the direction from one node to another (BOLT 7, channel_flags).
func directionOf(from, to keys.PubKey) uint8 {
	return uint8(btoi(bytes.Compare(from[:], to[:]) > 0))
}

// hint reports whether a route hint uses something excluded.
func (e *exclusions) hint(hint []invoice.HopHint, payee keys.PubKey) bool {
	for i, h := range hint {
		to := payee
		if i+1 < len(hint) {
			to = hint[i+1].NodeID
		}
		if e.nodes[h.NodeID] || e.channels[command.ShortChannelIDDir{ID: h.ShortChannelID, Direction: directionOf(h.NodeID, to)}] {
			return true
		}
	}
	return false
}

// excluded is one thing that the caller excludes: a node, or a direction of a channel.
type excluded struct {
	node    *keys.PubKey
	channel command.ShortChannelIDDir
}

// ParamKind implements command.Value.
func (excluded) ParamKind() string { return "short_channel_id_dir or pubkey" }

// ParseParam implements command.Value.
func (e *excluded) ParseParam(t command.Token) error {
	text, _ := t.Text()
	if id, err := keys.ParsePubKey(text); err == nil {
		e.node = &id
		return nil
	}
	if e.channel.ParseParam(t) != nil {
		return errors.New("should be a short_channel_id and direction such as 539268x845x1/0, or a public key")
	}
	return nil
}
