package main

import (
	"bytes"
	"errors"
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	core "fulmen/internal/channel"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

// What a channeld says is checked as a whole before any of it is done: it reads the peer's bytes, and
// may have been taken over. What is refused here ends that one process. In particular nothing may
// reach the database that it would refuse, because a failure to store ends the node.

// Limits on what a channeld may say.
const (
	maxHTLCID     = 1 << 62   // the database has 63 bits
	maxCommitment = 1<<48 - 1 // BOLT 3, Per-commitment Secret Requirements
	maxIncoming   = 483       // BOLT 2, max_accepted_htlcs
	maxNewHTLCs   = 2 * 483   // of both sides, in one commitment
	maxRevoked    = 16        // commitments in one Store: the next is signed only when the last is revoked
	maxCloses     = 100       // closing transactions of one process
)

// checkStatus fails for numbers that no channel of that capacity has.
func checkStatus(s *channeldmsg.Status, capacity amount.Sat) error {
	if most := max(s.ToLocal, s.Spendable, s.Receivable); most > capacity.Msat() {
		return fmt.Errorf("status: %s in a channel of %s", most, capacity)
	}
	if n := max(s.LocalRevoked, s.RemoteSigned); n > maxCommitment {
		return fmt.Errorf("status: commitment number %d, at most %d", n, uint64(maxCommitment))
	}
	return nil
}

// checkStore fails if the message is not about this channel's payments as they are.
func (c *channel) checkStore(m *channeldmsg.Store) error {
	if err := checkStatus(&m.Status, c.row.FundingSats); err != nil {
		return err
	}
	offered := map[uint64]origin{}
	for _, o := range m.Offered {
		from := c.offered[o.Ref]
		if from == nil {
			continue
		}
		if o.ID > maxHTLCID || c.outs[o.ID] != nil || offered[o.ID] != nil {
			return fmt.Errorf("offered HTLC %d: the id is taken or too large", o.ID)
		}
		offered[o.ID] = from
	}
	for _, l := range m.Learned {
		from := offered[l.ID]
		if from == nil {
			from = c.outs[l.ID]
		}
		if err := preimageFits(l.ID, from, l.Preimage); err != nil {
			return err
		}
		if err := checkAttribution(l.ID, l.Attribution); err != nil {
			return err
		}
	}
	for _, f := range m.Failed {
		if len(f.Reason) > core.MaxReason { // another channel's process has to pass it on
			return fmt.Errorf("HTLC %d: a failure of %d bytes", f.ID, len(f.Reason))
		}
		if err := checkAttribution(f.ID, f.Attribution); err != nil {
			return err
		}
	}
	for _, h := range outcomes(m) {
		if h.ID > maxHTLCID {
			return fmt.Errorf("outcome of HTLC %d: the id is too large", h.ID)
		}
	}
	if err := c.checkRevoked(m); err != nil {
		return err
	}
	return c.checkNewHTLCs(m.NewHTLCs)
}

// checkRevoked fails for a commitment that cannot be revoked yet, or that holds more than the channel.
func (c *channel) checkRevoked(m *channeldmsg.Store) error {
	if len(m.Revoked) > maxRevoked {
		return fmt.Errorf("%d commitments revoked at once, at most %d", len(m.Revoked), maxRevoked)
	}
	for i := range m.Revoked {
		switch r := &m.Revoked[i]; {
		case r.Number >= maxCommitment || r.Number+1 >= m.Status.RemoteSigned:
			return fmt.Errorf("revoked commitment %d: only %d are signed", r.Number, m.Status.RemoteSigned)
		case r.Amount > c.row.FundingSats:
			return fmt.Errorf("revoked commitment %d: an output of %s in a channel of %s", r.Number, r.Amount, c.row.FundingSats)
		}
	}
	return nil
}

func checkAttribution(id uint64, data []byte) error {
	if len(data) != 0 && len(data) != onion.AttributionSize {
		return fmt.Errorf("HTLC %d: attribution_data of %d bytes, want %d", id, len(data), onion.AttributionSize)
	}
	return nil
}

// checkNewHTLCs fails unless each side's HTLCs come once from a process, in the order of their ids.
func (c *channel) checkNewHTLCs(list []channeldmsg.NewHTLC) error {
	if len(list) > maxNewHTLCs {
		return fmt.Errorf("%d new HTLCs in a commitment, at most %d", len(list), maxNewHTLCs)
	}
	next := c.proc.nextNew
	for i := range list {
		h := &list[i]
		side := &next.received
		if h.Offered {
			side = &next.offered
		}
		if h.ID < *side || h.ID > maxHTLCID {
			return fmt.Errorf("new HTLC %d came out of order, after %d", h.ID, *side)
		}
		if h.AmountMsat > c.row.FundingSats.Msat() {
			return fmt.Errorf("new HTLC %d of %s in a channel of %s", h.ID, h.AmountMsat, c.row.FundingSats)
		}
		*side = h.ID + 1
	}
	c.proc.nextNew = next
	return nil
}

// checkIncoming fails unless each HTLC comes once from a process, in the order of their ids, and all of them have room in
// the channel.
func (c *channel) checkIncoming(m *channeldmsg.Incoming) error {
	if len(m.HTLCs) > maxIncoming {
		return fmt.Errorf("%d HTLCs at once, at most %d", len(m.HTLCs), maxIncoming)
	}
	next := c.proc.nextIncoming
	for i := range m.HTLCs {
		h := &m.HTLCs[i]
		if h.ID < next || h.ID > maxHTLCID {
			return fmt.Errorf("HTLC %d came out of order, after %d", h.ID, next)
		}
		if h.AmountMsat > c.row.FundingSats.Msat() {
			return fmt.Errorf("HTLC %d of %s in a channel of %s", h.ID, h.AmountMsat, c.row.FundingSats)
		}
		if len(h.ExtraTLVs) > core.MaxExtraTLVs {
			return fmt.Errorf("HTLC %d: %d bytes of extra_tlvs, at most %d", h.ID, len(h.ExtraTLVs), core.MaxExtraTLVs)
		}
		if err := checkPayload(h); err != nil {
			return fmt.Errorf("HTLC %d: %w", h.ID, err)
		}
		next = h.ID + 1
	}
	if err := c.ledger.take(m.HTLCs, c.row.FundingSats); err != nil {
		return err
	}
	c.proc.nextIncoming = next
	return nil
}

// checkPayload fails unless the HTLC either ends here or goes on. What goes on is handed to another
// channel's process, which must not end of it.
func checkPayload(h *channeldmsg.IncomingHTLC) error {
	switch {
	case (h.Forward == nil) == (h.Final == nil):
		return errors.New("it neither ends here nor goes on, or both")
	case h.Forward != nil && len(h.Forward.NextOnion) != core.OnionSize:
		return fmt.Errorf("an onion of %d bytes, should be %d", len(h.Forward.NextOnion), core.OnionSize)
	}
	return nil
}

// checkClose fails unless the transaction closes this channel and does nothing else.
func (c *channel) checkClose(tx *btcwire.MsgTx) error {
	if len(tx.TxIn) != 1 || tx.TxIn[0].PreviousOutPoint != c.fundingOutpoint() {
		return errors.New("the closing transaction does not spend the funding output alone")
	}
	if c.proc.closes++; c.proc.closes > maxCloses {
		return fmt.Errorf("more than %d closing transactions", maxCloses)
	}
	return nil
}

// checkOpened fails unless the channel is new, and the one that was ordered.
func (o *opening) checkOpened(m *channeldmsg.Opened) error {
	s := &m.Setup
	outpoint := btcwire.OutPoint{Hash: s.FundingTxid, Index: uint32(s.FundingOutput)}
	switch {
	case o.secured != nil:
		return errors.New("the channel is open already")
	case s.FundingSats == 0 || s.FundingSats > amount.MaxSat:
		return fmt.Errorf("a channel of %s", s.FundingSats)
	case m.MinimumDepth < o.minDepth: // an output of any size could be made up, and spent at once
		return fmt.Errorf("a channel that needs %d confirmations, should be at least %d", m.MinimumDepth, o.minDepth)
	case m.Push > s.FundingSats.Msat():
		return fmt.Errorf("%s pushed in a channel of %s", m.Push, s.FundingSats)
	case m.ChannelID != wire.NewChannelID(s.FundingTxid, s.FundingOutput):
		return fmt.Errorf("channel_id %s does not follow from the funding output %s", m.ChannelID, outpoint)
	case o.n.byFunding[outpoint] != nil:
		return fmt.Errorf("the funding output %s is another channel's", outpoint)
	case o.n.uses(m.ChannelID, o):
		return fmt.Errorf("channel_id %s is another channel's", m.ChannelID)
	}
	if known, err := o.n.db.HasChannel(m.ChannelID); err != nil || known {
		return errors.Join(err, fmt.Errorf("channel_id %s was used before", m.ChannelID))
	}
	if _, err := features.ParseChannelType(m.ChannelType); err != nil {
		return err
	}
	if o.ours != nil && (o.outpoint == nil || *o.outpoint != outpoint || s.FundingSats != o.ours.value) {
		return fmt.Errorf("the funding output %s is not the one that was made for the channel", outpoint)
	}
	state, err := core.Restore(m.Snapshot, nil)
	if err != nil {
		return err
	}
	o.params = state.Params()
	return checkStatus(&m.Status, s.FundingSats)
}

// uses reports whether another channel, which need not be on disk yet, has a channel_id, or one that is being opened
// will have it. Many funding outputs follow from one: it is their txid xor their index, both the peer's choice.
func (n *node) uses(id wire.ChannelID, but *opening) bool {
	for _, c := range n.channels {
		if c.row.ChannelID == id {
			return true
		}
	}
	for _, p := range n.peers {
		for _, o := range p.openings {
			if o != but && o.outpoint != nil && wire.NewChannelID(o.outpoint.Hash, uint16(o.outpoint.Index)) == id {
				return true
			}
		}
	}
	return false
}

// checkNeedFunding fails unless a channel of ours waits for its peer's answer, and the answer is about that channel.
func (o *opening) checkNeedFunding(m *channeldmsg.NeedFunding) error {
	switch {
	case o.ours == nil || o.accepted != nil:
		return errors.New("a channeld asks for funds that it has no right to")
	case m.Amount != o.ours.value:
		return fmt.Errorf("a channeld asks for %s, for a channel of %s", m.Amount, o.ours.value)
	case len(m.PkScript) != len(fundingPlaceholder) || !bytes.HasPrefix(m.PkScript, fundingPlaceholder[:2]):
		return fmt.Errorf("a channeld asks for funds to script %x, no P2WSH", m.PkScript)
	}
	_, err := features.ParseChannelType(m.ChannelType)
	return err
}
