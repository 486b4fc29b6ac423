package main

import (
	"errors"
	"fmt"
	"slices"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc/onchaindmsg"
)

// What an onchaind says is checked before anything is done with it, as with a channeld: it reads what the
// peer put into the chain, and may have been taken over. It may lie about its own channel's outputs, and
// about nothing else: not about another channel's, and what it claims must be what the chain says, or coins
// of the wallet would pay for outputs that it makes up.

// Limits on what an onchaind may say.
const (
	maxClaimWitness = 4_000       // weight units: a penalty's has about 300
	maxHeight       = 500_000_000 // from there on a locktime is a time
	htlcScript      = 34          // bytes of the output of an HTLC transaction: p2wsh
	buried          = 100         // blocks on a close, at least, before its channel is forgotten
)

// moveTags are the primary tags of movements in a channel's end.
var moveTags = []string{
	"channel_close", "delayed_to_us", "to_them", "anchor", "htlc_timeout", "htlc_fulfill", "htlc_tx", "penalty", "stolen", "penalized",
	"ignored", "to_wallet",
}

// outputOf is the output of the close, or of a transaction that follows from it.
func (e *closure) outputOf(o onchaindmsg.Outpoint) (*btcwire.TxOut, error) {
	t := e.known[o.Txid]
	if e.txid == o.Txid {
		t = e.tx
	}
	if t == nil || uint64(o.Index) >= uint64(len(t.TxOut)) {
		return nil, fmt.Errorf("output %s is not of this channel", outpointOf(o))
	}
	return t.TxOut[o.Index], nil
}

// ours fails unless all outpoints are this channel's.
func (e *closure) ours(list []onchaindmsg.Outpoint) error {
	for _, o := range list {
		if _, err := e.outputOf(o); err != nil {
			return err
		}
	}
	return nil
}

// checkStarted fails for a kind that there is not.
func (e *closure) checkStarted(m *onchaindmsg.Started) error {
	if m.Kind < onchaindmsg.MutualClose || m.Kind > onchaindmsg.Unknown {
		return fmt.Errorf("started: kind %d", m.Kind)
	}
	return nil
}

// checkClaim fails unless the claim is about an output as it is in the chain.
func (e *closure) checkClaim(m *onchaindmsg.Claim) error {
	out, err := e.outputOf(m.Outpoint)
	switch {
	case err != nil:
		return fmt.Errorf("claim: %w", err)
	case int64(m.Amount) != out.Value || !slices.Equal(m.PkScript, out.PkScript):
		return fmt.Errorf("claim: %s with script %x, the output %s has %d with %x", m.Amount, m.PkScript, outpointOf(m.Outpoint), out.Value, out.PkScript)
	case !m.Kind.Valid():
		return fmt.Errorf("claim: kind %d", m.Kind)
	case m.WitnessWeight > maxClaimWitness:
		return fmt.Errorf("claim: a witness of %d weight units, at most %d", m.WitnessWeight, maxClaimWitness)
	case m.LockTime >= maxHeight || max(m.After, m.Deadline, m.ContestedFrom) >= maxHeight:
		return fmt.Errorf("claim: heights %d, %d, %d, %d, all less than %d", m.LockTime, m.After, m.Deadline, m.ContestedFrom, maxHeight)
	case m.Final && m.Fixed == nil:
		return errors.New("claim: a fixed transaction without an output")
	case m.Fixed != nil && (m.Fixed.Amount > m.Amount || len(m.Fixed.PkScript) != htlcScript):
		return fmt.Errorf("claim: a fixed output of %s with a script of %d bytes, for an HTLC of %s", m.Fixed.Amount, len(m.Fixed.PkScript), m.Amount)
	}
	return nil
}

// checkMovement fails for what no output of the channel can have moved.
func (e *closure) checkMovement(m *onchaindmsg.Movement) error {
	out := btcwire.NewTxOut(int64(e.c.row.FundingSats), nil)
	if outpointOf(m.Outpoint) != e.c.fundingOutpoint() {
		var err error
		if out, err = e.outputOf(m.Outpoint); err != nil {
			return fmt.Errorf("movement: %w", err)
		}
	}
	spender := e.known[m.SpendingTxid]
	if m.SpendingTxid == e.txid {
		spender = e.tx
	}
	switch {
	case !slices.Contains(moveTags, m.Tag) || len(m.ExtraTags) > 0:
		return fmt.Errorf("movement: tags %.20q and %d more", m.Tag, len(m.ExtraTags))
	case m.Account != onchaindmsg.AccountChannel && m.Account != onchaindmsg.AccountExternal:
		return fmt.Errorf("movement: account %d", m.Account)
	case int64(m.Output) != out.Value:
		return fmt.Errorf("movement: %s in output %s, which has %d", m.Output, outpointOf(m.Outpoint), out.Value)
	case max(m.Credit, m.Debit) > e.c.row.FundingSats.Msat():
		return fmt.Errorf("movement: %s and %s in a channel of %s", m.Credit, m.Debit, e.c.row.FundingSats)
	case m.Spent && spender == nil:
		return errors.New("movement: of a transaction that is not of this channel")
	case m.Height > e.c.n.blockHeight:
		return fmt.Errorf("movement: in block %d, the last is %d", m.Height, e.c.n.blockHeight)
	}
	return nil
}

// checkResolved fails while the close is not as deep as anything that follows from it must be (BOLT 5).
func (e *closure) checkResolved(m *onchaindmsg.Resolved) error {
	if from := e.c.row.CloseHeight + buried - 1; e.c.n.blockHeight < from {
		return fmt.Errorf("resolved: at height %d, at the earliest it is so at %d", e.c.n.blockHeight, from)
	}
	return nil
}

// checkedOnchain adds a check to what is done with a message; what fails it ends the process.
func checkedOnchain[P any](check func(*closure, P) error, do func(*closure, P)) func(*closure, P) {
	return func(e *closure, m P) {
		if err := check(e, m); err != nil {
			e.proc.kill(err)
			return
		}
		do(e, m)
	}
}

// ofThisChain leaves out what a process says of a chain that is no more: its successor is told of the other.
func ofThisChain[P any](do func(*closure, P)) func(*closure, P) {
	return func(e *closure, m P) {
		if !e.stale {
			do(e, m)
		}
	}
}
