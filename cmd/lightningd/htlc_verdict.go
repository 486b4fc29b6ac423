package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	core "fulmen/internal/channel"
	"fulmen/internal/command"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/plugin"
	"fulmen/internal/wire"
)

// What plugins are told of an HTLC, and what they may say, to the schema of the hook htlc_accepted.

type htlcHook struct {
	PeerID    string      `json:"peer_id"`
	Onion     onionHook   `json:"onion"`
	HTLC      htlcFacts   `json:"htlc"`
	ForwardTo command.Hex `json:"forward_to,omitempty"`
}

type onionHook struct {
	Payload           command.Hex  `json:"payload"` // with its length before it
	Type              string       `json:"type"`
	ShortChannelID    string       `json:"short_channel_id,omitempty"`
	ForwardMsat       amount.Msat  `json:"forward_msat"`
	OutgoingCLTVValue block.Height `json:"outgoing_cltv_value"`
	TotalMsat         *amount.Msat `json:"total_msat,omitempty"`
	PaymentSecret     command.Hex  `json:"payment_secret,omitempty"`
	PaymentMetadata   command.Hex  `json:"payment_metadata,omitempty"`
	NextOnion         command.Hex  `json:"next_onion"`
	SharedSecret      command.Hex  `json:"shared_secret"`
}

type htlcFacts struct {
	ShortChannelID     string       `json:"short_channel_id"`
	ID                 uint64       `json:"id"`
	AmountMsat         amount.Msat  `json:"amount_msat"`
	CLTVExpiry         block.Height `json:"cltv_expiry"`
	CLTVExpiryRelative block.Height `json:"cltv_expiry_relative"`
	PaymentHash        command.Hex  `json:"payment_hash"`
	ExtraTLVs          command.Hex  `json:"extra_tlvs,omitempty"`
}

// htlcVerdict is what the plugins said so far.
type htlcVerdict struct {
	Result         string       `json:"result"`
	Payload        *command.Hex `json:"payload"`
	ForwardTo      *command.Hex `json:"forward_to"`
	ExtraTLVs      *command.Hex `json:"extra_tlvs"`
	InvoiceMsat    *amount.Msat `json:"invoice_msat"`
	FailureMessage command.Hex  `json:"failure_message"`
	FailureOnion   command.Hex  `json:"failure_onion"`
	PaymentKey     *command.Hex `json:"payment_key"`

	htlc *channeldmsg.IncomingHTLC // with the payload that they put in place of the sender's
}

// maxFailure bounds what a plugin fails an HTLC with: update_fail_htlc has to hold it, wrapped.
const maxFailure = 32_000

// check refuses what nobody could carry out, before the plugin's word counts for anything.
func (v *htlcVerdict) check() error {
	switch v.Result {
	case "continue":
	case "fail":
		if (v.FailureMessage == nil) == (v.FailureOnion == nil) {
			return errors.New("to fail an HTLC takes one of failure_message and failure_onion")
		}
		if n := len(v.FailureMessage); v.FailureMessage != nil && (n < 2 || n > maxFailure) {
			return fmt.Errorf("failure_message has %d bytes, should have 2 to %d", n, maxFailure)
		}
		if n := len(v.FailureOnion); n > maxFailure {
			return fmt.Errorf("failure_onion has %d bytes, at most %d", n, maxFailure)
		}
	case "resolve":
		if v.PaymentKey == nil || len(*v.PaymentKey) != 32 {
			return errors.New("to resolve an HTLC takes a payment_key of 32 bytes")
		}
	default:
		return fmt.Errorf("result is %q, none of continue, fail and resolve", v.Result)
	}
	if v.ExtraTLVs != nil {
		if n := len(*v.ExtraTLVs); n > core.MaxExtraTLVs {
			return fmt.Errorf("extra_tlvs has %d bytes, at most %d", n, core.MaxExtraTLVs)
		}
		// A peer would end the connection over one that it has to understand, each time that it comes.
		if err := wire.CheckExtraTLVs(*v.ExtraTLVs); err != nil {
			return err
		}
	}
	if v.ForwardTo != nil && len(*v.ForwardTo) != 32 {
		return fmt.Errorf("forward_to has %d bytes, a channel_id has 32", len(*v.ForwardTo))
	}
	return nil
}

// htlcQuestion asks about an HTLC. Each plugin sees the payload as the one before left it; v is the sum
// of what they said.
func (c *channel) htlcQuestion(h *channeldmsg.IncomingHTLC, v *htlcVerdict) plugin.Question {
	return plugin.Question{
		Hook: "htlc_accepted",
		Payload: func() (payload any) {
			c.n.loop.call(func() { payload = c.htlcPayload(v.htlc, v.ForwardTo) })
			return payload
		},
		Answer: func(raw json.RawMessage) (bool, error) {
			next := htlcVerdict{htlc: v.htlc}
			if err := json.Unmarshal(raw, &next); err != nil {
				return false, err
			}
			if err := next.check(); err != nil {
				return false, err
			}
			if next.Payload != nil {
				changed, err := withPayload(v.htlc, *next.Payload)
				if err != nil {
					return false, err
				}
				next.htlc = changed
			}
			if next.ForwardTo == nil {
				next.ForwardTo = v.ForwardTo
			}
			if next.InvoiceMsat == nil {
				next.InvoiceMsat = v.InvoiceMsat
			}
			if next.ExtraTLVs == nil {
				next.ExtraTLVs = v.ExtraTLVs
			}
			*v = next
			return v.Result != "continue", nil
		},
	}
}

// htlcPayload is what the next plugin is told. It runs in the loop.
func (c *channel) htlcPayload(h *channeldmsg.IncomingHTLC, forwardTo *command.Hex) htlcHook {
	p := htlcHook{
		PeerID: c.row.PeerID.String(),
		Onion: onionHook{
			Payload: append(wire.AppendBigSize(nil, uint64(len(h.RawPayload))), h.RawPayload...), Type: "tlv", SharedSecret: h.SharedSecret[:],
			NextOnion: command.Hex{},
		},
		HTLC: htlcFacts{
			ShortChannelID: c.shownAs().String(), ID: h.ID, AmountMsat: h.AmountMsat, CLTVExpiry: h.CLTVExpiry,
			CLTVExpiryRelative: max(h.CLTVExpiry, c.n.blockHeight) - c.n.blockHeight, PaymentHash: h.PaymentHash[:],
			ExtraTLVs: h.ExtraTLVs,
		},
	}
	if f := h.Forward; f != nil {
		p.Onion.ShortChannelID, p.Onion.ForwardMsat, p.Onion.OutgoingCLTVValue = f.ShortChannelID.String(), f.AmtToForward, f.OutgoingCLTV
		p.Onion.NextOnion = f.NextOnion
		if out := c.n.channelByOwnName(f.ShortChannelID); out != nil {
			p.ForwardTo = out.row.ChannelID[:]
		}
		if forwardTo != nil {
			p.ForwardTo = *forwardTo
		}
		return p
	}
	f := h.Final
	p.Onion.ForwardMsat, p.Onion.OutgoingCLTVValue, p.Onion.PaymentMetadata = f.AmtToForward, f.OutgoingCLTV, f.PaymentMetadata
	if f.PaymentSecret != nil {
		p.Onion.PaymentSecret, p.Onion.TotalMsat = f.PaymentSecret[:], &f.TotalMsat
	}
	return p
}

// withPayload is the HTLC as if its onion had held another payload.
func withPayload(h *channeldmsg.IncomingHTLC, raw []byte) (*channeldmsg.IncomingHTLC, error) {
	p, err := onion.DecodePayload(raw, h.Final != nil)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	changed := *h
	changed.RawPayload = raw
	if h.Final != nil {
		changed.Final = &channeldmsg.Final{
			AmtToForward: p.AmtToForward, OutgoingCLTV: p.OutgoingCLTVValue, PaymentMetadata: p.PaymentMetadata, Keysend: p.Keysend,
		}
		if d := p.PaymentData; d != nil {
			changed.Final.PaymentSecret, changed.Final.TotalMsat = &d.PaymentSecret, d.TotalMsat
		}
		return &changed, nil
	}
	changed.Forward = &channeldmsg.Forward{
		ShortChannelID: *p.ShortChannelID, AmtToForward: p.AmtToForward, OutgoingCLTV: p.OutgoingCLTVValue, NextOnion: h.Forward.NextOnion,
	}
	return &changed, nil
}

// changed is the HTLC with all that the plugins changed, on its way through the channel that they chose.
func (v *htlcVerdict) changed(c *channel, h *channeldmsg.IncomingHTLC) *channeldmsg.IncomingHTLC {
	changed := *h
	if v.htlc != nil {
		changed.RawPayload, changed.Forward, changed.Final = v.htlc.RawPayload, v.htlc.Forward, v.htlc.Final
	}
	if v.ForwardTo == nil || changed.Forward == nil {
		return &changed
	}
	forward := *changed.Forward
	forward.ShortChannelID = 0 // no channel has that name
	for _, out := range c.n.channels {
		if hex.EncodeToString(out.row.ChannelID[:]) == hex.EncodeToString(*v.ForwardTo) {
			forward.ShortChannelID = out.row.AliasLocal // it always goes by that
		}
	}
	changed.Forward = &forward
	return &changed
}
