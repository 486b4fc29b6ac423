package channel

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// LimitKind says which limit an HTLC breaks, for those who have to tell others.
type LimitKind uint8

// The kinds of limits.
const (
	LimitNotUsable  LimitKind = iota // the channel takes no HTLCs now
	LimitMinimum                     // below htlc_minimum_msat, or zero
	LimitCapacity                    // balance, reserve, fee, HTLCs in flight, dust: it may fit later
	LimitExpirySoon                  // cltv_expiry
	LimitExpiryFar
)

// Limit is a reason why an HTLC cannot be offered.
type Limit struct {
	Kind LimitKind
	Text string
}

func (l *Limit) Error() string { return l.Text }

func limit(kind LimitKind, format string, args ...any) *Limit {
	return &Limit{kind, fmt.Sprintf(format, args...)}
}

// cltvLimit tells block heights from times (BOLT 2, Adding an HTLC).
const cltvLimit block.Height = 500_000_000

// checkAdd holds an HTLC that offered says who offers against what binds both sides alike (BOLT 2,
// Adding an HTLC). The commitment is the one of the receiver of the HTLC.
func (v *view) checkAdd(h *HTLC) *Limit {
	to := v.params.side(!h.Offered)
	flight := v.flight(h.Offered)
	switch {
	case h.Amount == 0:
		return limit(LimitMinimum, "amount_msat 0")
	case h.Amount < to.HTLCMinimum:
		return limit(LimitMinimum, "amount_msat %s, htlc_minimum_msat %s", h.Amount, to.HTLCMinimum)
	case h.CLTVExpiry >= cltvLimit:
		return limit(LimitExpiryFar, "cltv_expiry %d, limit %d", h.CLTVExpiry, cltvLimit)
	case flight.count >= int(to.MaxAcceptedHTLCs):
		return limit(LimitCapacity, "%d htlcs offered, max_accepted_htlcs %d", flight.count+1, to.MaxAcceptedHTLCs)
	}
	balance := *v.balance(h.Offered)
	if h.Amount > balance {
		return limit(LimitCapacity, "amount_msat %s, balance %s", h.Amount, balance)
	}
	if value := flight.value + h.Amount; value > to.MaxHTLCValueInFlight {
		return limit(LimitCapacity, "%s in flight, max_htlc_value_in_flight_msat %s", value, to.MaxHTLCValueInFlight)
	}
	if left := balance - h.Amount; !v.affords(h.Offered, left, v.cost(!h.Offered, v.feerate, v.extra(h, !h.Offered))) {
		return limit(LimitCapacity, "amount_msat %s leaves %s, not enough for reserve and fee", h.Amount, left)
	}
	return nil
}

// extra is the number of outputs that h adds.
func (v *view) extra(h *HTLC, local bool) int {
	if v.trimmed(h, local) {
		return 0
	}
	return 1
}

// checkOffer holds what only we ask of ourselves against an HTLC that checkAdd let pass: that it
// leaves room for the fee of either commitment, now and when the fee rises.
func (v *view) checkOffer(h *HTLC, policy *Policy, height block.Height) *Limit {
	switch {
	case h.CLTVExpiry <= height:
		return limit(LimitExpirySoon, "cltv_expiry %d, height %d", h.CLTVExpiry, height)
	case h.CLTVExpiry > height.Add(policy.MaxCLTVExpiry):
		return limit(LimitExpiryFar, "cltv_expiry %d, height %d, at most %d blocks", h.CLTVExpiry, height, policy.MaxCLTVExpiry)
	}
	left := v.toLocal - h.Amount
	for _, local := range []bool{true, false} {
		extra := v.extra(h, local)
		if v.params.Opener {
			// BOLT 2 recommends a fee spike buffer: twice the fee rate, and one HTLC more.
			if !v.affords(true, left, v.cost(local, 2*v.feerate, extra+1)) {
				return limit(LimitCapacity, "amount_msat %s leaves %s, not enough for reserve and fee spike buffer", h.Amount, left)
			}
		} else if extra > 0 && !v.affords(false, v.toRemote, v.cost(local, v.feerate, extra)) {
			return limit(LimitCapacity, "peer's balance %s cannot pay for another htlc output", v.toRemote)
		}
	}
	if exposure := v.exposure(h); exposure > policy.MaxDustExposure {
		return limit(LimitCapacity, "dust exposure %s, limit %s", exposure, policy.MaxDustExposure)
	}
	return nil
}

// exposure is the larger sum of trimmed HTLCs of both commitments if h is added and trimmed; else 0
// (BOLT 2, Bounding exposure to trimmed in-flight HTLCs).
func (v *view) exposure(h *HTLC) amount.Msat {
	var most amount.Msat
	for _, local := range []bool{true, false} {
		if v.trimmed(h, local) {
			most = max(most, v.sums(local).dust+h.Amount)
		}
	}
	return most
}

// largestOffer is about the largest HTLC that a side could offer, for people and routes.
func (v *view) largestOffer(byUs bool) amount.Msat {
	to := v.params.side(!byUs)
	flight := v.flight(byUs)
	if flight.count >= int(to.MaxAcceptedHTLCs) || flight.value >= to.MaxHTLCValueInFlight {
		return 0
	}
	need := to.ChannelReserve.Msat()
	if v.params.Opener == byUs {
		need += max(v.cost(true, 2*v.feerate, 2), v.cost(false, 2*v.feerate, 2))
	}
	balance := *v.balance(byUs)
	if balance <= need {
		return 0
	}
	most := min(balance-need, to.MaxHTLCValueInFlight-flight.value)
	if most < to.HTLCMinimum {
		return 0
	}
	return most
}
