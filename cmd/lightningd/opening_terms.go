package main

import (
	"crypto/rand"
	"encoding/binary"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// newAlias makes a random short_channel_id of a block that never will be (BOLT 7, `scid_alias`).
func newAlias() wire.ShortChannelID {
	var b [8]byte
	rand.Read(b[:])
	// Blocks below 100,000 are long gone, and no channel is in them.
	return wire.NewShortChannelID(1+binary.BigEndian.Uint32(b[:])%100_000, binary.BigEndian.Uint32(b[4:])&0xffffff, 0)
}

// terms are what we ask of the peer in a new channel (BOLT 2, open_channel and accept_channel).
func (n *node) terms() channeldmsg.Terms {
	return channeldmsg.Terms{
		DustLimit: 546, MaxHTLCValueInFlight: amount.MaxMsat, HTLCMinimum: n.policy.HTLCMin,
		ToSelfDelay: n.policy.ToSelfDelay, MaxAcceptedHTLCs: n.policy.MaxHTLCs,
	}
}

// limits are the peer's terms that we still take.
func (n *node) limits() channeldmsg.Limits {
	least, most := n.feerateBounds(false)
	return channeldmsg.Limits{
		MinFunding: amount.Sat(n.cfg.Int("min-capacity-sat")), MaxFunding: amount.MaxSat, MinFeerate: least, MaxFeerate: most,
		MaxToSelfDelay: 2016, MaxDustLimit: 5000, MaxReservePercent: 10, MaxHTLCMinimum: 10_000_000, MinHTLCValueInFlight: 1_000_000,
		MinAcceptedHTLCs: 5, MaxMinimumDepth: maxMinimumDepth,
	}
}

// maxMinimumDepth is how many confirmations a peer may want to wait for, or we.
const maxMinimumDepth = 144

// openParams are what the channel's process is told to open.
func (n *node) openParams(t *channelTerms, value amount.Sat, conn *peerConn) (*channeldmsg.Open, error) {
	if t.push > value.Msat() {
		return nil, rpc.Errorf(rpc.CodeFundCannotAfford, "push_msat: is %s, more than the channel's %s", t.push, value)
	}
	open := &channeldmsg.Open{Funding: value, Push: t.push, Announce: t.announce, ChannelType: t.channelType}
	if t.minDepth != nil {
		open.MinimumDepth = *t.minDepth
	}
	err := n.onLoop(func() error {
		expected := t.channelType
		if len(expected) == 0 && features.Negotiated(n.initFeatures, conn.features, features.Anchors) {
			expected = features.TypeAnchors.Vector()
		}
		open.Feerate = n.commitFeerate(expected)
		if kind, err := features.ParseChannelType(expected); t.feerate != 0 && (err != nil || !kind.Has(features.Anchors)) {
			open.Feerate = max(t.feerate, amount.FeerateFloor)
		}
		open.Terms, open.Limits = n.terms(), n.limits()
		return nil
	})
	if t.reserve != nil {
		open.Terms.ChannelReserve = *t.reserve
	}
	open.Terms.UpfrontShutdownScript = n.heldTo(t, conn)
	return open, err
}

// heldTo is the script that the peer will hold our closes to, so that whoever owns us can close to no other; nil for
// none (BOLT 2, open_channel: upfront_shutdown_script).
func (n *node) heldTo(t *channelTerms, conn *peerConn) []byte {
	if !features.Negotiated(n.initFeatures, conn.features, features.UpfrontShutdownScript) {
		return nil
	}
	return t.closeTo
}

// channelTypeResult is a channel_type as the RPC shows it.
type channelTypeResult struct {
	Bits  []features.Bit `json:"bits" doc:"The feature bits that are set."`
	Names []string       `json:"names" doc:"Their names."`
}

func showChannelType(raw []byte) *channelTypeResult {
	t, err := features.ParseChannelType(raw)
	if err != nil {
		return nil
	}
	return &channelTypeResult{Bits: t.Bits(), Names: t.Names()}
}
