package main

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	core "fulmen/internal/channel"
	"fulmen/internal/config"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/store"
)

// policy is what the operator's options ask of channels.
type policy struct {
	FeeBase         amount.Msat
	FeePPM          uint32
	HTLCMin         amount.Msat
	HTLCMax         amount.Msat
	CLTVDelta       block.Delta
	CLTVFinal       block.Delta
	ToSelfDelay     block.Delta
	MaxHTLCs        uint16
	MaxDustExposure amount.Msat
	FundingConfirms uint32
	CommitPercent   uint64
	FeerateOffset   amount.FeeratePerKw
	IgnoreFeeLimits bool
}

func policyFrom(c *config.Config) policy {
	return policy{
		FeeBase: amount.Msat(c.Int("fee-base")), FeePPM: uint32(c.Int("fee-per-satoshi")),
		HTLCMin: c.Msat("htlc-minimum-msat"), HTLCMax: c.Msat("htlc-maximum-msat"),
		CLTVDelta: block.Delta(c.Int("cltv-delta")), CLTVFinal: block.Delta(c.Int("cltv-final")),
		ToSelfDelay: block.Delta(c.Int("watchtime-blocks")), MaxHTLCs: uint16(c.Int("max-concurrent-htlcs")),
		MaxDustExposure: c.Msat("max-dust-htlc-exposure-msat"),
		FundingConfirms: uint32(c.Int("funding-confirms")), CommitPercent: uint64(c.Int("commit-fee")),
		FeerateOffset: amount.FeeratePerKw(c.Int("commit-feerate-offset")), IgnoreFeeLimits: c.Bool("ignore-fee-limits"),
	}
}

// defaultPolicy is what a new channel asks of those who forward through it.
func (n *node) defaultPolicy(capacity amount.Sat) store.Policy {
	return store.Policy{
		FeeBase: n.policy.FeeBase, FeePPM: n.policy.FeePPM, HTLCMin: n.policy.HTLCMin,
		HTLCMax: min(n.policy.HTLCMax, capacity.Msat()), CLTVDelta: n.policy.CLTVDelta,
	}
}

// newPolicy is defaultPolicy within what the peer takes (BOLT 7, The channel_update Message).
func (n *node) newPolicy(p *core.Params) store.Policy {
	policy := n.defaultPolicy(p.FundingSats)
	policy.HTLCMax = min(policy.HTLCMax, p.Remote.MaxHTLCValueInFlight)
	policy.HTLCMin = min(max(policy.HTLCMin, p.Remote.HTLCMinimum), policy.HTLCMax)
	return policy
}

// maxCLTVExpiry is how many blocks ahead an HTLC may expire: two weeks, as most of the network has it.
const maxCLTVExpiry = 2016

// fulfillBefore is how long before its expiry an incoming payment that we took must be resolved. It may
// come with no more blocks left than cltv-final, and one block may be found until it is fulfilled: so
// the channel has to go to the chain for it only from the next one on.
func (p *policy) fulfillBefore() block.Delta { return max(p.CLTVFinal, 2) - 1 }

// channelPolicy is what a channel's process checks the peer and us against.
func (n *node) channelPolicy(ignoreLimits bool) channeldmsg.Policy {
	least, most := n.feerateBounds(ignoreLimits)
	return channeldmsg.Policy{
		MinFeerate: least, MaxFeerate: most, MaxDustExposure: n.policy.MaxDustExposure, MaxCLTVExpiry: maxCLTVExpiry,
		FulfillBefore: n.policy.fulfillBefore(), Close: n.closeFeerates(), TellRevoked: n.revoked.wanted,
	}
}

// feerateBounds is what a peer's fee rate may be for a commitment: at least what relays, at most ten
// times what would be mined soon.
func (n *node) feerateBounds(ignoreLimits bool) (least, most amount.FeeratePerKw) {
	if ignoreLimits || n.policy.IgnoreFeeLimits {
		return 1, ^amount.FeeratePerKw(0)
	}
	f := n.wallet.Feerates()
	return min(f.MinAcceptable, amount.FeerateFloor), max(f.MaxAcceptable, 10*amount.FeerateFloor)
}
