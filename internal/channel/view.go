package channel

import (
	"fulmen/internal/amount"
	"fulmen/internal/tx"
)

// view is a commitment in sums: what the limits are held against. It counts what each owner's
// transaction would trim, because the same HTLCs are, or soon will be, in both.
type view struct {
	params   *Params
	feerate  amount.FeeratePerKw
	toLocal  amount.Msat
	toRemote amount.Msat
	offered  inFlight // by us
	received inFlight // offered by the peer

	local, remote ownerSums // as our commitment, as the peer's
	htlcs         map[*htlc]struct{}
}

// inFlight are the HTLCs that one side offered.
type inFlight struct {
	count int
	value amount.Msat
}

// ownerSums are what an owner's dust limit makes of the HTLCs.
type ownerSums struct {
	untrimmed int
	dust      amount.Msat
}

// newView is c with lists of changes applied, which must fit.
func newView(p *Params, c *commitment, lists ...[]change) *view {
	v := &view{params: p, feerate: c.feerate, toLocal: c.toLocal, toRemote: c.toRemote, htlcs: make(map[*htlc]struct{}, len(c.htlcs))}
	for _, h := range c.htlcs {
		v.count(h)
	}
	for _, list := range lists {
		for i := range list {
			v.apply(&list[i])
		}
	}
	return v
}

// apply takes in one change.
func (v *view) apply(ch *change) {
	switch {
	case ch.add != nil:
		*v.balance(ch.add.Offered) -= ch.add.Amount
		v.count(ch.add)
	case ch.remove != nil:
		*v.balance(ch.remove.Offered != (ch.result.Kind == Fulfill)) += ch.remove.Amount
		v.uncount(ch.remove)
	default:
		v.setFeerate(ch.feerate)
	}
}

func (v *view) balance(local bool) *amount.Msat {
	if local {
		return &v.toLocal
	}
	return &v.toRemote
}

func (v *view) flight(offered bool) *inFlight {
	if offered {
		return &v.offered
	}
	return &v.received
}

func (v *view) sums(local bool) *ownerSums {
	if local {
		return &v.local
	}
	return &v.remote
}

// trimmed reports whether h has no output in the commitment that local says whose it is.
func (v *view) trimmed(h *HTLC, local bool) bool {
	return isTrimmed(v.params, v.feerate, h, local)
}

func isTrimmed(p *Params, feerate amount.FeeratePerKw, h *HTLC, local bool) bool {
	return h.Amount.Sat() < tx.TrimThreshold(p.Anchors, h.Offered == local, feerate, p.side(local).DustLimit)
}

func (v *view) count(h *htlc) {
	v.htlcs[h] = struct{}{}
	f := v.flight(h.Offered)
	f.count++
	f.value += h.Amount
	v.sum(h, 1)
}

func (v *view) uncount(h *htlc) {
	delete(v.htlcs, h)
	f := v.flight(h.Offered)
	f.count--
	f.value -= h.Amount
	v.sum(h, -1)
}

// sum counts h, or with sign -1 takes it back.
func (v *view) sum(h *htlc, sign int) {
	for _, local := range []bool{true, false} {
		s := v.sums(local)
		switch {
		case !v.trimmed(&h.HTLC, local):
			s.untrimmed += sign
		case sign > 0:
			s.dust += h.Amount
		default:
			s.dust -= h.Amount
		}
	}
}

// setFeerate counts anew what is trimmed.
func (v *view) setFeerate(f amount.FeeratePerKw) {
	v.feerate = f
	v.local, v.remote = ownerSums{}, ownerSums{}
	for h := range v.htlcs {
		v.sum(h, 1)
	}
}

// cost is what the opener pays for the commitment that local says whose it is, with extra more
// HTLCs that are not trimmed.
func (v *view) cost(local bool, feerate amount.FeeratePerKw, extra int) amount.Msat {
	return tx.OpenerCost(v.params.Anchors, feerate, v.sums(local).untrimmed+extra).Msat()
}

// affords reports whether a side whose balance is left after what it is about to do can keep its
// reserve, and as opener pay cost.
func (v *view) affords(local bool, left, cost amount.Msat) bool {
	need := v.params.side(!local).ChannelReserve.Msat()
	if v.params.Opener == local {
		need += cost
	}
	return left >= need
}
