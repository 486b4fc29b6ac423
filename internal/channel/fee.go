package channel

import (
	"fulmen/internal/amount"
	"fulmen/internal/wire"
)

// recvFee checks the peer's update_fee (BOLT 2, Updating Fees).
func (c *Channel) recvFee(m *wire.UpdateFee) error {
	if err := c.operating(m); err != nil {
		return err
	}
	if c.state.params.Opener {
		return warnAndClose("update_fee: we are the opener")
	}
	f := m.FeeratePerKw
	if f < c.policy.MinFeerate || f > c.policy.MaxFeerate {
		return warnAndClose("update_fee: feerate_per_kw %d, limits %d to %d", f, c.policy.MinFeerate, c.policy.MaxFeerate)
	}
	v := c.receivedView()
	old := v.feerate
	c.receive(change{feerate: f})
	if !v.affords(false, v.toRemote, v.cost(true, f, 0)) {
		return warnAndClose("update_fee: feerate_per_kw %d: balance %s does not pay fee and reserve", f, v.toRemote)
	}
	if f > old && v.dustExceeds(c.policy.MaxDustExposure) {
		return failChannel("update_fee: feerate_per_kw %d: dust exposure exceeds %s", f, c.policy.MaxDustExposure)
	}
	return nil
}

// canSetFeerate decides about an update_fee of ours.
func (c *Channel) canSetFeerate(v *view, f amount.FeeratePerKw) bool {
	if !c.state.params.Opener || !c.state.remoteReady || c.closing() {
		return false
	}
	after := *v
	after.setFeerate(f)
	if f > v.feerate && after.dustExceeds(c.policy.MaxDustExposure) {
		return false
	}
	most := max(after.cost(true, f, 0), after.cost(false, f, 0))
	return after.affords(true, after.toLocal, most)
}

// dustExceeds reports whether either commitment trims more than limit.
func (v *view) dustExceeds(limit amount.Msat) bool {
	return v.local.dust > limit || v.remote.dust > limit
}
