package opening

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// Terms are what one side says of itself in open_channel or accept_channel. Those that limit or
// delay do so to the other side.
type Terms struct {
	FundingPubkey           keys.PubKey
	Basepoints              keys.Basepoints
	FirstPerCommitmentPoint keys.PubKey
	DustLimit               amount.Sat  // for this side's own commitments
	MaxHTLCValueInFlight    amount.Msat // of HTLCs that the other offers
	ChannelReserve          amount.Sat  // that the other has to keep
	HTLCMinimum             amount.Msat // of HTLCs that the other offers
	ToSelfDelay             block.Delta // of the other's own outputs
	MaxAcceptedHTLCs        uint16      // that the other offers
	UpfrontShutdownScript   []byte      // this side's own; empty if it has not said
}

// Features are what the two sides advertised in init.
type Features struct{ Local, Remote features.Vector }

func (f Features) negotiated(b features.Bit) bool { return features.Negotiated(f.Local, f.Remote, b) }

func (f Features) scriptRules() tx.ScriptRules {
	return tx.ScriptRules{
		AnySegwit: f.negotiated(features.ShutdownAnysegwit),
		OpReturn:  f.negotiated(features.SimpleClose),
	}
}

// Limits are the peer's terms that we still take.
type Limits struct {
	MinFunding              amount.Sat // of a channel that the peer opens
	MaxFunding              amount.Sat
	MinFeerate              amount.FeeratePerKw
	MaxFeerate              amount.FeeratePerKw
	MaxToSelfDelay          block.Delta
	MaxDustLimit            amount.Sat
	MaxReservePercent       uint8 // of the funding amount, though never below minReserve
	MaxHTLCMinimum          amount.Msat
	MinHTLCValueInFlight    amount.Msat
	MinAcceptedHTLCs        uint16
	MaxMinimumDepth         uint32
	TrustUnconfirmedFunding bool // accept option_zeroconf
}

// Limits of BOLT 2 itself.
const (
	minDustLimit     amount.Sat = 354     // The open_channel Message
	maxAcceptedHTLCs            = 483     // the same: more would not fit a penalty transaction
	smallFunding     amount.Sat = 1 << 24 // from here on option_support_large_channel is needed
)

// minReserve keeps a small channel's reserve above any dust limit that a peer is likely to choose,
// because accept_channel must not have a dust limit above our reserve.
const minReserve amount.Sat = 1000

// reserveFor is what we ask the other side to keep: 1%, as BOLT 2 suggests, and no dust.
func reserveFor(funding amount.Sat, dustLimits ...amount.Sat) amount.Sat {
	reserve := max(funding/100, minReserve)
	for _, d := range dustLimits {
		reserve = max(reserve, d)
	}
	return reserve
}

// maxReserve is the largest reserve that we agree to keep.
func (l *Limits) maxReserve(funding amount.Sat) amount.Sat {
	return max(funding/100*amount.Sat(l.MaxReservePercent), minReserve)
}

func termsOfOpen(m *wire.OpenChannel) Terms {
	return Terms{
		FundingPubkey: m.FundingPubkey,
		Basepoints: keys.Basepoints{
			Revocation: m.RevocationBasepoint, Payment: m.PaymentBasepoint,
			DelayedPayment: m.DelayedPaymentBasepoint, HTLC: m.HTLCBasepoint,
		},
		FirstPerCommitmentPoint: m.FirstPerCommitmentPoint,
		DustLimit:               m.DustLimitSatoshis,
		MaxHTLCValueInFlight:    m.MaxHTLCValueInFlightMsat,
		ChannelReserve:          m.ChannelReserveSatoshis,
		HTLCMinimum:             m.HTLCMinimumMsat,
		ToSelfDelay:             m.ToSelfDelay,
		MaxAcceptedHTLCs:        m.MaxAcceptedHTLCs,
		UpfrontShutdownScript:   m.UpfrontShutdownScript,
	}
}

func termsOfAccept(m *wire.AcceptChannel) Terms {
	return Terms{
		FundingPubkey: m.FundingPubkey,
		Basepoints: keys.Basepoints{
			Revocation: m.RevocationBasepoint, Payment: m.PaymentBasepoint,
			DelayedPayment: m.DelayedPaymentBasepoint, HTLC: m.HTLCBasepoint,
		},
		FirstPerCommitmentPoint: m.FirstPerCommitmentPoint,
		DustLimit:               m.DustLimitSatoshis,
		MaxHTLCValueInFlight:    m.MaxHTLCValueInFlightMsat,
		ChannelReserve:          m.ChannelReserveSatoshis,
		HTLCMinimum:             m.HTLCMinimumMsat,
		ToSelfDelay:             m.ToSelfDelay,
		MaxAcceptedHTLCs:        m.MaxAcceptedHTLCs,
		UpfrontShutdownScript:   m.UpfrontShutdownScript,
	}
}

// openChannel puts our terms into open_channel.
func (t *Terms) openChannel(p *Proposal) *wire.OpenChannel {
	m := &wire.OpenChannel{
		FundingSatoshis:          p.Funding,
		PushMsat:                 p.Push,
		FeeratePerKw:             p.Feerate,
		DustLimitSatoshis:        t.DustLimit,
		MaxHTLCValueInFlightMsat: t.MaxHTLCValueInFlight,
		ChannelReserveSatoshis:   t.ChannelReserve,
		HTLCMinimumMsat:          t.HTLCMinimum,
		ToSelfDelay:              t.ToSelfDelay,
		MaxAcceptedHTLCs:         t.MaxAcceptedHTLCs,
		FundingPubkey:            t.FundingPubkey,
		RevocationBasepoint:      t.Basepoints.Revocation,
		PaymentBasepoint:         t.Basepoints.Payment,
		DelayedPaymentBasepoint:  t.Basepoints.DelayedPayment,
		HTLCBasepoint:            t.Basepoints.HTLC,
		FirstPerCommitmentPoint:  t.FirstPerCommitmentPoint,
		UpfrontShutdownScript:    t.upfrontRecord(),
		ChannelType:              p.Type.Vector(),
	}
	if p.Announce {
		m.ChannelFlags = wire.ChannelFlagAnnounce
	}
	return m
}

// acceptChannel puts our terms into accept_channel.
func (t *Terms) acceptChannel(minimumDepth uint32, typ features.ChannelType) *wire.AcceptChannel {
	return &wire.AcceptChannel{
		DustLimitSatoshis:        t.DustLimit,
		MaxHTLCValueInFlightMsat: t.MaxHTLCValueInFlight,
		ChannelReserveSatoshis:   t.ChannelReserve,
		HTLCMinimumMsat:          t.HTLCMinimum,
		MinimumDepth:             minimumDepth,
		ToSelfDelay:              t.ToSelfDelay,
		MaxAcceptedHTLCs:         t.MaxAcceptedHTLCs,
		FundingPubkey:            t.FundingPubkey,
		RevocationBasepoint:      t.Basepoints.Revocation,
		PaymentBasepoint:         t.Basepoints.Payment,
		DelayedPaymentBasepoint:  t.Basepoints.DelayedPayment,
		HTLCBasepoint:            t.Basepoints.HTLC,
		FirstPerCommitmentPoint:  t.FirstPerCommitmentPoint,
		UpfrontShutdownScript:    t.upfrontRecord(),
		ChannelType:              typ.Vector(),
	}
}

// upfrontRecord is never nil: with channel_type there must be an upfront_shutdown_script, empty
// where we do not commit to one.
func (t *Terms) upfrontRecord() []byte { return append([]byte{}, t.UpfrontShutdownScript...) }
