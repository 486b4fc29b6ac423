package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/plugin"
	"fulmen/internal/wire"
)

// openHook is the payload of the hook openchannel.
type openHook struct {
	ID                 string             `json:"id"`
	FundingMsat        amount.Msat        `json:"funding_msat"`
	PushMsat           amount.Msat        `json:"push_msat"`
	DustLimitMsat      amount.Msat        `json:"dust_limit_msat"`
	MaxInFlightMsat    amount.Msat        `json:"max_htlc_value_in_flight_msat"`
	ChannelReserveMsat amount.Msat        `json:"channel_reserve_msat"`
	HTLCMinimumMsat    amount.Msat        `json:"htlc_minimum_msat"`
	FeeratePerKw       uint32             `json:"feerate_per_kw"`
	ToSelfDelay        uint32             `json:"to_self_delay"`
	MaxAcceptedHTLCs   uint32             `json:"max_accepted_htlcs"`
	ChannelFlags       uint8              `json:"channel_flags"`
	ShutdownScript     command.Hex        `json:"shutdown_scriptpubkey,omitempty"`
	ChannelType        *channelTypeResult `json:"channel_type"`
}

// openVerdict is an answer to it.
type openVerdict struct {
	Result       string      `json:"result"`
	ErrorMessage string      `json:"error_message"`
	CloseTo      *string     `json:"close_to"`
	MinDepth     *uint32     `json:"mindepth"`
	Reserve      *amount.Sat `json:"reserve"`

	script []byte // that CloseTo stands for
}

// openQuestion asks about a channel that a peer opens; of what the plugins change, the first to change it
// counts. A channel without channel_type, which is never opened, is not asked about.
func (n *node) openQuestion(p *peer, m *wire.OpenChannel, v *openVerdict) plugin.Question {
	return plugin.Question{
		Hook: "openchannel",
		Payload: func() any {
			h := openHook{
				ID: p.id.String(), FundingMsat: m.FundingSatoshis.Msat(), PushMsat: m.PushMsat, DustLimitMsat: m.DustLimitSatoshis.Msat(),
				MaxInFlightMsat: m.MaxHTLCValueInFlightMsat, ChannelReserveMsat: m.ChannelReserveSatoshis.Msat(),
				HTLCMinimumMsat: m.HTLCMinimumMsat, FeeratePerKw: uint32(m.FeeratePerKw), ToSelfDelay: uint32(m.ToSelfDelay),
				MaxAcceptedHTLCs: uint32(m.MaxAcceptedHTLCs), ChannelFlags: m.ChannelFlags, ShutdownScript: m.UpfrontShutdownScript,
				ChannelType: showChannelType(m.ChannelType),
			}
			return map[string]any{"openchannel": h}
		},
		Answer: func(raw json.RawMessage) (bool, error) {
			var next openVerdict
			if err := json.Unmarshal(raw, &next); err != nil {
				return false, err
			}
			if err := n.checkOpenVerdict(&next); err != nil {
				return false, err
			}
			v.Result, v.ErrorMessage = next.Result, next.ErrorMessage
			if v.CloseTo == nil {
				v.CloseTo, v.script = next.CloseTo, next.script
			}
			if v.MinDepth == nil {
				v.MinDepth = next.MinDepth
			}
			if v.Reserve == nil {
				v.Reserve = next.Reserve
			}
			return v.Result != "continue", nil
		},
	}
}

// checkOpenVerdict refuses what we could not keep to.
func (n *node) checkOpenVerdict(v *openVerdict) error {
	switch {
	case v.Result != "continue" && v.Result != "reject":
		return fmt.Errorf("result is %q, neither continue nor reject", v.Result)
	case v.MinDepth != nil && *v.MinDepth == 0:
		return errors.New("mindepth is 0, but channels are not used before their funding transaction is mined")
	case v.CloseTo == nil:
		return nil
	}
	var err error
	if v.script, err = scriptTo(*v.CloseTo, n.network.Params); err != nil {
		return fmt.Errorf("close_to: %w", err)
	}
	return nil
}
