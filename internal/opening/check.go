package opening

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// Proposal is what open_channel says about the channel as a whole.
type Proposal struct {
	Funding  amount.Sat
	Push     amount.Msat // given to the accepter
	Feerate  amount.FeeratePerKw
	Announce bool
	Type     features.ChannelType
}

func (p *Proposal) anchors() bool { return p.Type.Has(features.Anchors) }

// check holds the rules that are the same for whoever sent open_channel.
func (p *Proposal) check(f Features) error {
	if err := p.checkType(f); err != nil {
		return err
	}
	if p.Funding > amount.MaxSat {
		return fmt.Errorf("funding_satoshis %s, there are %s", p.Funding, amount.MaxSat)
	}
	if p.Funding >= smallFunding && !f.negotiated(features.SupportLargeChannel) {
		return fmt.Errorf("funding_satoshis %s, limit %s without option_support_large_channel", p.Funding, smallFunding-1)
	}
	if p.Push > p.Funding.Msat() {
		return fmt.Errorf("push_msat %s, funding_satoshis %s", p.Push, p.Funding)
	}
	if cost := p.openerCost(); p.toOpener() < cost.Msat() {
		return fmt.Errorf("opener keeps %s, the commitment at %s costs it %s", p.toOpener(), p.Feerate, cost)
	}
	return nil
}

// checkType refuses what was not negotiated, and an alias for a channel that all may know.
func (p *Proposal) checkType(f Features) error {
	if !p.Type.NegotiatedBy(f.Local, f.Remote) {
		return fmt.Errorf("channel_type %s: not all of it is negotiated", p.Type)
	}
	if p.Announce && p.Type.Has(features.SCIDAlias) {
		return fmt.Errorf("channel_type %s for an announced channel", p.Type)
	}
	return nil
}

// toOpener is the opener's balance before fees.
func (p *Proposal) toOpener() amount.Msat { return p.Funding.Msat() - p.Push }

func (p *Proposal) openerCost() amount.Sat { return tx.OpenerCost(p.anchors(), p.Feerate, 0) }

// checkReserve requires that one side starts above the reserve, so that there is an output.
func (p *Proposal) checkReserve(reserve amount.Sat) error {
	opener := p.toOpener().Sat() - p.openerCost() // check has compared them
	if accepter := p.Push.Sat(); opener <= reserve && accepter <= reserve {
		return fmt.Errorf("channel_reserve_satoshis %s: to_local %s and to_remote %s are not above it", reserve, opener, accepter)
	}
	return nil
}

// check holds the rules for one side's terms that BOLT 2 itself sets, ours and the peer's alike.
func (t *Terms) check(f Features) error {
	switch {
	case t.DustLimit < minDustLimit:
		return fmt.Errorf("dust_limit_satoshis %s, at least %s", t.DustLimit, minDustLimit)
	case t.DustLimit > t.ChannelReserve:
		return fmt.Errorf("dust_limit_satoshis %s above channel_reserve_satoshis %s", t.DustLimit, t.ChannelReserve)
	case t.MaxAcceptedHTLCs > maxAcceptedHTLCs:
		return fmt.Errorf("max_accepted_htlcs %d, limit %d", t.MaxAcceptedHTLCs, maxAcceptedHTLCs)
	}
	if len(t.UpfrontShutdownScript) > 0 {
		if err := f.scriptRules().CheckShutdownScript(t.UpfrontShutdownScript); err != nil {
			return fmt.Errorf("upfront_shutdown_script: %w", err)
		}
	}
	return t.checkKeys()
}

func (t *Terms) checkKeys() error {
	for _, k := range []struct {
		field string
		key   keys.PubKey
	}{
		{"funding_pubkey", t.FundingPubkey},
		{"revocation_basepoint", t.Basepoints.Revocation},
		{"payment_basepoint", t.Basepoints.Payment},
		{"delayed_payment_basepoint", t.Basepoints.DelayedPayment},
		{"htlc_basepoint", t.Basepoints.HTLC},
		{"first_per_commitment_point", t.FirstPerCommitmentPoint},
	} {
		if err := k.key.Check(); err != nil {
			return fmt.Errorf("%s: %w", k.field, err)
		}
	}
	return nil
}

// checkTerms holds the peer's terms against our limits.
func (l *Limits) checkTerms(t *Terms, funding amount.Sat) error {
	switch {
	case t.ToSelfDelay > l.MaxToSelfDelay:
		return fmt.Errorf("to_self_delay %d, limit %d", t.ToSelfDelay, l.MaxToSelfDelay)
	case t.DustLimit > l.MaxDustLimit:
		return fmt.Errorf("dust_limit_satoshis %s, limit %s", t.DustLimit, l.MaxDustLimit)
	case t.ChannelReserve > l.maxReserve(funding):
		return fmt.Errorf("channel_reserve_satoshis %s, limit %s", t.ChannelReserve, l.maxReserve(funding))
	case t.HTLCMinimum > l.MaxHTLCMinimum:
		return fmt.Errorf("htlc_minimum_msat %s, limit %s", t.HTLCMinimum, l.MaxHTLCMinimum)
	case t.MaxHTLCValueInFlight < l.MinHTLCValueInFlight:
		return fmt.Errorf("max_htlc_value_in_flight_msat %s, at least %s", t.MaxHTLCValueInFlight, l.MinHTLCValueInFlight)
	case t.MaxAcceptedHTLCs < l.MinAcceptedHTLCs:
		return fmt.Errorf("max_accepted_htlcs %d, at least %d", t.MaxAcceptedHTLCs, l.MinAcceptedHTLCs)
	}
	return nil
}

// checkProposal holds a peer's open_channel against our limits.
func (l *Limits) checkProposal(p *Proposal) error {
	switch {
	case p.Funding < l.MinFunding:
		return fmt.Errorf("funding_satoshis %s, at least %s", p.Funding, l.MinFunding)
	case p.Funding > l.MaxFunding:
		return fmt.Errorf("funding_satoshis %s, limit %s", p.Funding, l.MaxFunding)
	case p.Feerate < l.MinFeerate:
		return fmt.Errorf("feerate_per_kw %s, at least %s", p.Feerate, l.MinFeerate)
	case p.Feerate > l.MaxFeerate:
		return fmt.Errorf("feerate_per_kw %s, limit %s", p.Feerate, l.MaxFeerate)
	}
	return nil
}

// checkPair holds the rules that compare both sides' terms: nobody's reserve may be dust to the
// other (BOLT 2, The accept_channel Message).
func checkPair(opener, accepter *Terms) error {
	if accepter.ChannelReserve < opener.DustLimit {
		return fmt.Errorf("accept_channel's channel_reserve_satoshis %s below open_channel's dust_limit_satoshis %s",
			accepter.ChannelReserve, opener.DustLimit)
	}
	if opener.ChannelReserve < accepter.DustLimit {
		return fmt.Errorf("accept_channel's dust_limit_satoshis %s above open_channel's channel_reserve_satoshis %s",
			accepter.DustLimit, opener.ChannelReserve)
	}
	return nil
}
