package opening

import (
	"bytes"
	"fmt"
	"math"

	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// NewOpener prepares to propose a channel. An error names what of the proposal or of our own terms
// does not go together.
func NewOpener(config Config, p Proposal) (*Machine, error) {
	if config.Local.ChannelReserve == 0 {
		config.Local.ChannelReserve = reserveFor(p.Funding, config.Local.DustLimit)
	}
	if err := p.check(config.Features); err != nil {
		return nil, err
	}
	if err := config.Local.check(config.Features); err != nil {
		return nil, err
	}
	if err := p.checkReserve(config.Local.ChannelReserve); err != nil {
		return nil, err
	}
	return &Machine{config: config, opener: true, proposal: p, waiting: forStart}, nil
}

func (m *Machine) sendOpenChannel() []Action {
	msg := m.config.Local.openChannel(&m.proposal)
	msg.ChainHash = m.config.ChainHash
	msg.TemporaryChannelID = m.config.TemporaryChannelID
	m.waiting = forAcceptChannel
	return []Action{SendPeer{msg}}
}

// recvAcceptChannel checks the accepter's terms and asks for the funding transaction.
func (m *Machine) recvAcceptChannel(msg *wire.AcceptChannel) ([]Action, error) {
	if msg.TemporaryChannelID != m.config.TemporaryChannelID {
		return nil, fault("accept_channel: temporary_channel_id %s, ours is %s", msg.TemporaryChannelID, m.config.TemporaryChannelID)
	}
	terms := termsOfAccept(msg)
	if err := m.checkAccept(msg, &terms); err != nil {
		return nil, fault("accept_channel: %w", err)
	}
	m.agree(m.config.Local, terms, max(msg.MinimumDepth, m.config.MinimumDepth))
	m.waiting = forFunding
	c := m.channel
	return []Action{AskFunding{PkScript: c.Funding.PkScript(), Amount: c.Funding.Amount, Type: c.Type, MinimumDepth: c.MinimumDepth}}, nil
}

func (m *Machine) checkAccept(msg *wire.AcceptChannel, terms *Terms) error {
	if msg.ChannelType == nil {
		return fmt.Errorf("no channel_type")
	}
	if !bytes.Equal(msg.ChannelType, m.proposal.Type.Vector()) {
		return fmt.Errorf("channel_type %x, open_channel has %x", msg.ChannelType, m.proposal.Type.Vector())
	}
	if msg.MinimumDepth > m.config.Limits.MaxMinimumDepth {
		return fmt.Errorf("minimum_depth %d, limit %d", msg.MinimumDepth, m.config.Limits.MaxMinimumDepth)
	}
	if m.proposal.Type.Has(features.Zeroconf) && msg.MinimumDepth != 0 {
		return fmt.Errorf("minimum_depth %d with option_zeroconf", msg.MinimumDepth)
	}
	if err := checkPair(&m.config.Local, terms); err != nil {
		return err
	}
	if err := terms.check(m.config.Features); err != nil {
		return err
	}
	if err := m.proposal.checkReserve(terms.ChannelReserve); err != nil {
		return err
	}
	return m.config.Limits.checkTerms(terms, m.proposal.Funding)
}

func (m *Machine) afterFunding(ev FundingChosen) ([]Action, error) {
	if ev.OutputIndex > math.MaxUint16 {
		return nil, fmt.Errorf("funding_output_index %d, limit %d", ev.OutputIndex, math.MaxUint16)
	}
	m.fund(ev.Txid, uint16(ev.OutputIndex))
	return m.askSigner(), nil
}

// afterSigning sends what our signature was for.
func (m *Machine) afterSigning(sig keys.Signature) []Action {
	c := m.channel
	if !m.opener {
		m.waiting = forNothing
		return []Action{
			AlsoKnownAs{c.ChannelID},
			Opened{c},
			SendPeer{&wire.FundingSigned{ChannelID: c.ChannelID, Signature: sig}},
		}
	}
	m.waiting = forFundingSigned
	return []Action{
		AlsoKnownAs{c.ChannelID}, // the peer answers with the new id
		SendPeer{&wire.FundingCreated{
			TemporaryChannelID: m.config.TemporaryChannelID,
			FundingTxid:        c.Funding.Outpoint.Hash,
			FundingOutputIndex: uint16(c.Funding.Outpoint.Index),
			Signature:          sig,
		}},
	}
}

// recvFundingSigned gives us a commitment that we could broadcast: only now may the funding
// transaction be.
func (m *Machine) recvFundingSigned(msg *wire.FundingSigned) ([]Action, error) {
	if msg.ChannelID != m.channel.ChannelID {
		return nil, fault("funding_signed: channel_id %s, want %s", msg.ChannelID, m.channel.ChannelID)
	}
	if err := m.checkSignature(msg.Signature); err != nil {
		return nil, fmt.Errorf("funding_signed: %w", err)
	}
	m.waiting = forNothing
	return []Action{Opened{m.channel}}, nil
}
