package onchain

import (
	"github.com/btcsuite/btcd/wire/v2"
)

// The tags of coin_movement's chain movements that a channel's end can have. Each output has a line
// when it is found, or in the case of an HTLC when it is known whose it is, and one when it is spent.
const (
	tagChannelClose = "channel_close" // our balance leaves the channel for the outputs
	tagDelayedToUs  = "delayed_to_us" // our balance, until it is swept
	tagToThem       = "to_them"
	tagAnchor       = "anchor"
	tagHTLCTimeout  = "htlc_timeout" // an HTLC that went back to whoever offered it
	tagHTLCFulfill  = "htlc_fulfill" // one that went to the other
	tagHTLCTx       = "htlc_tx"      // the output of an HTLC transaction of ours
	tagPenalty      = "penalty"      // what the peer lost to us
	tagStolen       = "stolen"       // what the peer took from a revoked commitment
	tagPenalized    = "penalized"    // what we lost to the peer
	tagIgnored      = "ignored"      // left, as it costs more than it is worth
	tagToWallet     = "to_wallet"    // swept
)

// recordClose is our balance leaving the channel.
func (m *Machine) recordClose() {
	c := m.closing
	balance := m.state.LocalCommitment.ToLocal
	if c.content != nil {
		balance = c.content.ToLocal
	}
	txid := [32]byte(c.tx.TxHash())
	m.say(Movement{
		Account: AccountChannel, Tag: tagChannelClose, Outpoint: m.state.FundingOutpoint, SpendingTxid: &txid,
		Debit: balance, Output: m.state.FundingAmount, OutputCount: uint32(len(c.tx.TxOut)), Height: m.started,
	})
}

// recordFound is for outputs that are known to be somebody's at once.
func (m *Machine) recordFound(o *output) {
	switch o.role {
	case toUs:
		m.credit(o, AccountChannel, tagDelayedToUs)
	case delayed:
		if o.second {
			m.credit(o, AccountChannel, tagHTLCTx)
		} else {
			m.credit(o, AccountChannel, tagDelayedToUs)
		}
	case toThem:
		m.credit(o, AccountExternal, tagToThem)
	case ourAnchor:
		m.credit(o, AccountChannel, tagAnchor)
	case theirAnchor:
		m.credit(o, AccountExternal, tagAnchor)
	}
}

// recordSpent says whose the output was and how it was spent.
func (m *Machine) recordSpent(o *output, w wire.TxWitness, txid [32]byte) {
	if o.givenUp != 0 {
		return // it has left the accounts
	}
	switch o.role {
	case toUs:
		m.debit(o, tagToWallet, txid)
	case ourAnchor:
		if len(w) == 2 && len(w[0]) == 0 { // anybody, after a while
			m.credit(o, AccountExternal, tagToThem)
			m.debit(o, tagIgnored, txid)
		} else {
			m.debit(o, tagToWallet, txid)
		}
	case delayed:
		if revocationPath(w) {
			m.debit(o, tagPenalized, txid)
		} else {
			m.debit(o, tagToWallet, txid)
		}
	case revokedDelayed:
		if revocationPath(w) {
			m.credit(o, AccountChannel, tagPenalty)
			m.debit(o, tagToWallet, txid)
		} else {
			m.credit(o, AccountExternal, tagStolen)
		}
	case ourHTLC, theirHTLC, revokedHTLC:
		m.recordHTLC(o, w, txid)
	}
}

// recordHTLC does the same for an HTLC, of which it was not known whose it would be.
func (m *Machine) recordHTLC(o *output, w wire.TxWitness, txid [32]byte) {
	p, preimage := htlcPath(w)
	tag := tagHTLCTimeout
	if preimage {
		tag = tagHTLCFulfill
	}
	owner := o.role == ourHTLC // we are the commitment's owner
	switch {
	case p == pathRevocation && owner:
		m.credit(o, AccountExternal, tagPenalized)
	case p == pathRevocation:
		m.credit(o, AccountChannel, tagPenalty)
		m.debit(o, tagToWallet, txid)
	case p == pathOwner && owner:
		m.credit(o, AccountChannel, tag)
		m.debit(o, tag, txid) // its transaction's output goes on
	case p == pathOther && !owner:
		m.credit(o, AccountChannel, tag)
		m.debit(o, tagToWallet, txid)
	case o.role == revokedHTLC:
		// To the cheater's own HTLC transaction, where we follow it.
	default:
		m.credit(o, AccountExternal, tag)
	}
}

// recordIgnored is an output that is left.
func (m *Machine) recordIgnored(o *output) {
	if o.htlc != nil {
		tag := tagHTLCTimeout
		if !o.offeredByUs() {
			tag = tagHTLCFulfill
		}
		if o.role == revokedHTLC {
			tag = tagPenalty
		}
		m.credit(o, AccountChannel, tag)
	} else if o.role == revokedDelayed {
		m.credit(o, AccountChannel, tagPenalty)
	}
	line := m.line(o, AccountChannel, tagIgnored)
	line.Debit, line.Height = o.amount.Msat(), o.givenUp
	m.say(line)
}

// credit is a line about the output itself.
func (m *Machine) credit(o *output, account Account, tag string) {
	line := m.line(o, account, tag)
	line.Credit = o.amount.Msat()
	m.say(line)
}

// debit is a line about its spending, from the channel's account.
func (m *Machine) debit(o *output, tag string, txid [32]byte) {
	line := m.line(o, AccountChannel, tag)
	line.Debit, line.SpendingTxid, line.Height = o.amount.Msat(), &txid, o.spent
	m.say(line)
}

func (m *Machine) line(o *output, account Account, tag string) Movement {
	line := Movement{
		Account: account, Tag: tag, Outpoint: o.outpoint, Output: o.amount, Height: o.height,
	}
	if o.htlc != nil {
		line.PaymentHash = &o.htlc.PaymentHash
	}
	return line
}
