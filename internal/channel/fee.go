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
	before := *v
	c.receive(change{feerate: f})
	if !v.affords(false, v.toRemote, v.cost(true, f, 0)) {
		return warnAndClose("update_fee: feerate_per_kw %d: balance %s does not pay fee and reserve", f, v.toRemote)
	}
	if v.trimsMore(&before, c.policy.MaxDustExposure) {
		return failChannel("update_fee: feerate_per_kw %d: dust exposure exceeds %s", f, c.policy.MaxDustExposure)
	}
	return nil
}

// canSetFeerate decides about an update_fee of ours. Once a shutdown is on its way and no HTLCs are
// left, the peer may take the channel for settled at any moment.
func (c *Channel) canSetFeerate(v *view, f amount.FeeratePerKw) bool {
	s := &c.state
	shutdown := s.localShutdown != nil || s.remoteShutdown != nil || c.told.shutdown
	if !s.params.Opener || !s.localReady || !s.remoteReady || shutdown && len(s.offered)+len(s.received) == 0 {
		return false
	}
	after := *v
	after.setFeerate(f)
	if after.trimsMore(v, c.policy.MaxDustExposure) {
		return false
	}
	most := max(after.cost(true, f, 0), after.cost(false, f, 0))
	return after.affords(true, after.toLocal, most)
}

// trimsMore reports whether either commitment trims more than before, and more than limit. Only
// without anchors does that depend on the fee rate.
func (v *view) trimsMore(before *view, limit amount.Msat) bool {
	return v.local.dust > max(limit, before.local.dust) || v.remote.dust > max(limit, before.remote.dust)
}
