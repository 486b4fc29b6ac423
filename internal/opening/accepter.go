package opening

import (
	"fmt"

	"fulmen/internal/features"
	"fulmen/internal/wire"
)

// NewAccepter prepares to answer the peer's open_channel, which is the first event. minimumDepth
// is what we ask for if the funding has to confirm.
func NewAccepter(config Config, minimumDepth uint32) *Machine {
	return &Machine{config: config, depth: minimumDepth, waiting: forOpenChannel}
}

// recvOpenChannel checks the opener's proposal and answers with our terms.
func (m *Machine) recvOpenChannel(msg *wire.OpenChannel) ([]Action, error) {
	m.config.TemporaryChannelID = msg.TemporaryChannelID
	terms := termsOfOpen(msg)
	if err := m.checkOpen(msg, &terms); err != nil {
		return nil, fault("open_channel: %w", err)
	}
	local := m.config.Local
	if local.ChannelReserve == 0 {
		local.ChannelReserve = reserveFor(m.proposal.Funding, local.DustLimit, terms.DustLimit)
	}
	if err := checkPair(&terms, &local); err != nil {
		return nil, fault("open_channel: %w", err)
	}
	if err := m.proposal.checkReserve(local.ChannelReserve); err != nil {
		return nil, fault("open_channel: %w", err)
	}
	if err := local.check(m.config.Features); err != nil {
		return nil, fmt.Errorf("our accept_channel: %w", err)
	}
	depth := m.depth
	if m.proposal.Type.Has(features.Zeroconf) {
		depth = 0
	}
	m.agree(local, terms, depth)
	m.waiting = forFundingCreated
	reply := local.acceptChannel(depth, m.proposal.Type)
	reply.TemporaryChannelID = msg.TemporaryChannelID
	return []Action{SendPeer{reply}}, nil
}

// checkOpen holds the rules for the receiver of open_channel.
func (m *Machine) checkOpen(msg *wire.OpenChannel, terms *Terms) error {
	if msg.ChainHash != m.config.ChainHash {
		return fmt.Errorf("chain_hash %x, ours is %x", msg.ChainHash, m.config.ChainHash)
	}
	if m.config.Features.negotiated(features.DualFund) {
		return fmt.Errorf("option_dual_fund is negotiated, so open_channel2 is due")
	}
	if msg.ChannelType == nil {
		return fmt.Errorf("no channel_type")
	}
	typ, err := features.ParseChannelType(msg.ChannelType)
	if err != nil {
		return err
	}
	m.proposal = Proposal{
		Funding:  msg.FundingSatoshis,
		Push:     msg.PushMsat,
		Feerate:  msg.FeeratePerKw,
		Announce: msg.ChannelFlags&wire.ChannelFlagAnnounce != 0, // the other bits are ignored
		Type:     typ,
	}
	if typ.Has(features.Zeroconf) && !m.config.Limits.TrustUnconfirmedFunding {
		return fmt.Errorf("channel_type %s from a peer whose unconfirmed funding we do not trust", typ)
	}
	if err := m.proposal.check(m.config.Features); err != nil {
		return err
	}
	if err := m.config.Limits.checkProposal(&m.proposal); err != nil {
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

// recvFundingCreated checks the signature that lets us go to chain, and has ours made.
func (m *Machine) recvFundingCreated(msg *wire.FundingCreated) ([]Action, error) {
	if msg.TemporaryChannelID != m.config.TemporaryChannelID {
		return nil, fault("funding_created: temporary_channel_id %s, want %s", msg.TemporaryChannelID, m.config.TemporaryChannelID)
	}
	m.fund(msg.FundingTxid, msg.FundingOutputIndex)
	if err := m.checkSignature(msg.Signature); err != nil {
		return nil, fmt.Errorf("funding_created: %w", err)
	}
	return m.askSigner(), nil
}
