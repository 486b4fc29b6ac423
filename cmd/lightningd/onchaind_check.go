package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc/onchaindmsg"
)

// What an onchaind says is checked as a whole before any of it is done, as a channeld's words are: it
// reads what strangers put into the chain. What is refused here ends that one process. It may be wrong
// about what is to be done with its channel's outputs; it may not speak of other outputs, have coins of
// the wallet pay for anything but fees, or bring numbers that the database refuses.

// Limits on what an onchaind may say.
const (
	maxOnchainText  = 4000        // bytes of a text for people
	maxClaimWitness = 2000        // weight: the largest witness of BOLT 3 has about 400
	maxHeight       = 500_000_000 // from there on a locktime is a time
	htlcScript      = 34          // bytes of the output of an HTLC transaction: p2wsh
	irrevocable     = 100         // BOLT 5, Requirements: the depth at which an output is resolved for good
)

// chainTags are the tags of movements that a channel's end has.
var chainTags = []string{
	"channel_close", "delayed_to_us", "to_them", "anchor", "htlc_timeout", "htlc_fulfill", "htlc_tx", "penalty", "stolen",
	"penalized", "ignored", "to_wallet",
}

// extraTags are the other tags that a movement in the chain may have.
var extraTags = []string{"opener", "leased", "stealable", "splice", "foreign"}

func checkOnchainText(s string) error {
	if len(s) > maxOnchainText {
		return fmt.Errorf("a text of %d bytes, at most %d", len(s), maxOnchainText)
	}
	return nil
}

// output is an output of the close or of a transaction that followed it.
func (e *closure) output(o onchaindmsg.Outpoint) (*btcwire.TxOut, error) {
	tx := e.known[o.Txid]
	if tx == nil || o.Index >= uint32(len(tx.TxOut)) {
		return nil, fmt.Errorf("output %s does not follow from the close of the channel", outpointOf(o))
	}
	return tx.TxOut[o.Index], nil
}

func (e *closure) checkOutputs(list []onchaindmsg.Outpoint) error {
	for _, o := range list {
		if _, err := e.output(o); err != nil {
			return err
		}
	}
	return nil
}

func (e *closure) checkNeedHTLCs(m *onchaindmsg.NeedHTLCs) error {
	if e.live || e.proc.sendingHTLCs || m.FromID > maxHTLCID+1 {
		return fmt.Errorf("old HTLCs from %d on, asked for out of turn", m.FromID)
	}
	return nil
}

func (e *closure) checkStarted(m *onchaindmsg.Started) error {
	switch {
	case e.live:
		return errors.New("it has started before")
	case m.Kind < onchaindmsg.MutualClose || m.Kind > onchaindmsg.Unknown:
		return fmt.Errorf("kind of close %d", m.Kind)
	case m.CommitmentNumber > maxCommitment:
		return fmt.Errorf("commitment number %d, at most %d", m.CommitmentNumber, uint64(maxCommitment))
	}
	return checkOnchainText(m.Text)
}

func (e *closure) checkWatch(m *onchaindmsg.Watch) error     { return e.checkOutputs(m.Outpoints) }
func (e *closure) checkUnwatch(m *onchaindmsg.Unwatch) error { return e.checkOutputs(m.Outpoints) }
func (e *closure) checkUnclaim(m *onchaindmsg.Unclaim) error { return e.checkOutputs(m.Outpoints) }

// checkClaim fails unless the output exists as described. The output of an HTLC transaction is worth no
// more than the HTLC: coins of the wallet, which are added to it, could otherwise be paid to anybody. And it spends
// the commitment itself: what follows from that may have outputs of any value beside the channel's, and the fee that
// coins may pay is a share of the value.
func (e *closure) checkClaim(m *onchaindmsg.Claim) error {
	out, err := e.output(m.Outpoint)
	if err != nil {
		return err
	}
	o := outpointOf(m.Outpoint)
	switch {
	case m.Amount != amount.Sat(out.Value) || !bytes.Equal(m.PkScript, out.PkScript):
		return fmt.Errorf("claim of %s: the output is not as said", o)
	case !m.Kind.Valid():
		return fmt.Errorf("claim of %s: kind %d", o, m.Kind)
	case m.Kind.Fixed() != (m.Fixed != nil) || m.Final && m.Fixed == nil:
		return fmt.Errorf("claim of %s: a fixed output is for HTLC transactions of our commitment, and they have one", o)
	case m.Fixed != nil && e.txid != m.Outpoint.Txid:
		return fmt.Errorf("claim of %s: an HTLC transaction spends our commitment, and nothing that follows from it", o)
	case m.Fixed != nil && (m.Fixed.Amount > m.Amount || len(m.Fixed.PkScript) != htlcScript):
		return fmt.Errorf("claim of %s, %s: a fixed output of %s to a script of %d bytes", o, m.Amount, m.Fixed.Amount, len(m.Fixed.PkScript))
	case m.WitnessWeight == 0 || m.WitnessWeight > maxClaimWitness:
		return fmt.Errorf("claim of %s: a witness of weight %d, at most %d", o, m.WitnessWeight, maxClaimWitness)
	case max(block.Height(m.LockTime), m.After, m.Deadline, m.ContestedFrom) >= maxHeight:
		return fmt.Errorf("claim of %s: heights %d, %d, %d, %d", o, m.LockTime, m.After, m.Deadline, m.ContestedFrom)
	}
	return nil
}

func (e *closure) checkLearned(m *onchaindmsg.Learned) error {
	for _, h := range m.HTLCs {
		if err := preimageFits(h.HTLCID, e.c.outs[h.HTLCID], h.Preimage); err != nil {
			return err
		}
	}
	return nil
}

func (e *closure) checkFailedUpstream(m *onchaindmsg.FailedUpstream) error {
	for _, h := range m.HTLCs {
		if err := checkOnchainText(h.Reason); err != nil {
			return fmt.Errorf("HTLC %d: %w", h.HTLCID, err)
		}
	}
	return nil
}

// checkMovement fails unless the line is about an output of the channel, within what it is worth.
func (e *closure) checkMovement(m *onchaindmsg.Movement) error {
	o := outpointOf(m.Outpoint)
	value := e.c.row.FundingSats
	if o != e.c.fundingOutpoint() {
		out, err := e.output(m.Outpoint)
		if err != nil {
			return err
		}
		value = amount.Sat(out.Value)
	}
	switch {
	case m.Account != onchaindmsg.AccountChannel && m.Account != onchaindmsg.AccountExternal:
		return fmt.Errorf("movement of %s: account %d", o, m.Account)
	case !slices.Contains(chainTags, m.Tag):
		return fmt.Errorf("movement of %s: unknown tag %.30q", o, m.Tag)
	case m.Output != value || max(m.Credit, m.Debit) > value.Msat() || m.Credit != 0 && m.Debit != 0:
		return fmt.Errorf("movement of %s, %s: credit %s, debit %s of %s", o, value, m.Credit, m.Debit, m.Output)
	case m.Height < e.c.row.CloseHeight || m.Height > e.c.n.blockHeight:
		return fmt.Errorf("movement of %s: in block %d, the channel was closed in block %d", o, m.Height, e.c.row.CloseHeight)
	}
	if len(m.ExtraTags) > len(extraTags) {
		return fmt.Errorf("movement of %s: %d tags, at most %d", o, len(m.ExtraTags), len(extraTags))
	}
	for _, t := range m.ExtraTags {
		if !slices.Contains(extraTags, t) {
			return fmt.Errorf("movement of %s: unknown tag %.30q", o, t)
		}
	}
	return e.checkSpending(m)
}

// checkSpending fails unless the transaction that a movement is about spends the output.
func (e *closure) checkSpending(m *onchaindmsg.Movement) error {
	o := outpointOf(m.Outpoint)
	if !m.Spent {
		if m.OutputCount != 0 {
			return fmt.Errorf("movement of %s: outputs of a transaction that it does not name", o)
		}
		return nil
	}
	tx := e.known[m.SpendingTxid]
	if tx == nil || !slices.ContainsFunc(tx.TxIn, func(in *btcwire.TxIn) bool { return in.PreviousOutPoint == o }) {
		return fmt.Errorf("movement of %s: it is not spent by what is said", o)
	}
	if m.OutputCount != 0 && m.OutputCount != uint32(len(tx.TxOut)) {
		return fmt.Errorf("movement of %s: %d outputs, there are %d", o, m.OutputCount, len(tx.TxOut))
	}
	return nil
}

func (e *closure) checkProcessed(m *onchaindmsg.Processed) error {
	if !e.live || m.Height > e.c.n.blockHeight {
		return fmt.Errorf("block %d was not told", m.Height)
	}
	return nil
}

func (e *closure) checkStatusText(m *onchaindmsg.Status) error { return checkOnchainText(m.Text) }

// checkResolved fails for a channel that cannot be resolved for good yet, whatever became of its outputs.
func (e *closure) checkResolved(m *onchaindmsg.Resolved) error {
	if !e.live || m.Height > e.c.n.blockHeight || m.Height < e.c.row.CloseHeight+irrevocable-1 {
		return fmt.Errorf("resolved as of block %d: the channel was closed in block %d, and it is block %d", m.Height, e.c.row.CloseHeight, e.c.n.blockHeight)
	}
	return nil
}

// checkWitnesses fails for what completes no claim.
func checkWitnesses(list [][][]byte, inputs int) error {
	if len(list) != inputs {
		return fmt.Errorf("%d witnesses for %d inputs", len(list), inputs)
	}
	for i, w := range list {
		if n := btcwire.TxWitness(w).SerializeSize(); n > maxClaimWitness {
			return fmt.Errorf("witness %d of %d bytes, at most %d", i, n, maxClaimWitness)
		}
	}
	return nil
}
