package main

import (
	"fmt"

	"fulmen/internal/channel"
	"fulmen/internal/closing"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/opening"
	"fulmen/internal/wire"
)

// obey carries out an order of lightningd.
func (sh *shell) obey(o order) error {
	switch m := o.msg.(type) {
	case *channeldmsg.FundingChosen:
		return sh.stepOpening(opening.FundingChosen{Txid: m.Txid, OutputIndex: m.OutputIndex})
	case *channeldmsg.SendError:
		// An error relies on nothing that is to be stored, and nothing else may leave any more.
		sh.out, sh.ended = nil, true
		sh.tellPeer([][]byte{wire.Encode(&wire.Error{ChannelID: sh.channelID, Data: []byte(m.Text[:min(len(m.Text), maxText)])})})
		return nil
	case *channeldmsg.SetPolicy:
		sh.setup.Policy = m.Policy
	case *channeldmsg.NewHeight:
		sh.height = m.Height
	}
	if sh.channel == nil {
		if o.id != 0 {
			return sh.lightningd.Reply(o.id, ipc.Failf(0, "channel is being opened"))
		}
		return nil // the others are told again when there is a channel, or mean one
	}
	return sh.obeyChannel(o.id, o.msg)
}

// obeyChannel carries out an order about an open channel.
func (sh *shell) obeyChannel(id uint64, msg ipc.Message) error {
	switch m := msg.(type) {
	case *channeldmsg.Offer:
		return sh.offer(m)
	case *channeldmsg.Settle:
		return sh.settle(m)
	case *channeldmsg.SetFeerate:
		return sh.stepChannel(channel.SetFeerate{Feerate: m.FeeratePerKw})
	case *channeldmsg.Shutdown:
		return sh.shutdown(m)
	case *channeldmsg.FundingDepth:
		return sh.stepChannel(channel.FundingConfirmed{Depth: m.Depth, ShortChannelID: m.ShortChannelID})
	case *channeldmsg.NewHeight:
		return sh.stepChannel(channel.NewHeight{Height: m.Height})
	case *channeldmsg.SetPolicy:
		return sh.stepChannel(channel.SetPolicy{Policy: sh.policy()})
	case *channeldmsg.Describe:
		return sh.describe(id)
	}
	return fmt.Errorf("unexpected %T", msg)
}

func (sh *shell) offer(m *channeldmsg.Offer) error {
	for i := range m.HTLCs {
		h := &m.HTLCs[i]
		if len(h.Onion) != channel.OnionSize {
			return fmt.Errorf("offer %d: onion of %d bytes", h.Ref, len(h.Onion))
		}
		if err := wire.CheckExtraTLVs(h.ExtraTLVs); err != nil || len(h.ExtraTLVs) > channel.MaxExtraTLVs {
			return fmt.Errorf("offer %d: %d bytes of extra_tlvs: %w", h.Ref, len(h.ExtraTLVs), err)
		}
		err := sh.stepChannel(channel.Offer{
			Ref: h.Ref, Amount: h.AmountMsat, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry,
			Onion: (*[channel.OnionSize]byte)(h.Onion), BlindedPath: h.BlindedPath, ExtraTLVs: h.ExtraTLVs,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// shutdown begins the close, or asks for another fee where one is going on.
func (sh *shell) shutdown(m *channeldmsg.Shutdown) error {
	if m.Close != (channeldmsg.CloseFeerates{}) {
		sh.fees = m.Close
	}
	if sh.closing != nil {
		if !sh.simpleClose() {
			return nil // closing_signed agrees on one fee only
		}
		return sh.stepClosing(closing.Bump{Feerate: sh.fees.Target})
	}
	sh.ordered = true
	return sh.stepChannel(channel.Shutdown{Script: m.Script})
}
