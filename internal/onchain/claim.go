package onchain

import (
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// Claim is an output that is ours to spend, and how. It is an Action: a second one for the same
// outpoint replaces the first. When to spend it, with what fee, and together with what is not
// decided here.
type Claim struct {
	Outpoint wire.OutPoint
	Amount   amount.Sat
	PkScript []byte
	Kind     tx.ClaimKind

	Sequence uint32 // of the input
	// LockTime is that of the transaction: exactly if Fixed is set, and at least otherwise.
	LockTime uint32
	// After is the lowest height of a block that can have the transaction.
	After block.Height
	// Deadline is the lowest height of a block in which what the output is worth could be lost to
	// somebody else; 0: never.
	Deadline block.Height
	// ContestedFrom is the lowest height of a block in which somebody else could spend the output; 0:
	// nobody can.
	ContestedFrom block.Height

	// Fixed is the prescribed output of an HTLC transaction of our commitment, which has the index of
	// the input; the transaction has version 2. nil: the output's value goes wherever we like.
	Fixed *wire.TxOut
	// Final says that the peer's signature covers the whole transaction: one input, one output.
	Final bool

	Key Key

	witness tx.ClaimWitness
}

// Key is what the key of a claim's signature depends on, beyond its kind and the channel's setup:
// what the signer is told, and holds against what it knows. The signature is SIGHASH_ALL.
type Key struct {
	// CommitmentNumber is that of the commitment where the output is, or that it follows from.
	CommitmentNumber keys.CommitmentNumber
	// PerCommitmentPoint is that commitment's; zero where it is neither known nor needed.
	PerCommitmentPoint keys.PubKey
	// PerCommitmentSecret is that commitment's, for penalties.
	PerCommitmentSecret keys.Secret
	// HTLC is set for the kinds that have one. Offered is as seen by the commitment's owner. Only
	// what the output's script depends on is always there: Offered, PaymentHash, CLTVExpiry.
	HTLC *tx.HTLC
}

// WitnessWeight is the most that Witness can weigh.
func (c *Claim) WitnessWeight() int { return c.witness.Weight() }

// WitnessScript is what the signature's digest covers (BIP 143): for to_remote without anchors, which
// has no witness script, the script of P2WPKH's template.
func (c *Claim) WitnessScript() []byte {
	if c.witness.Script == nil {
		return tx.P2PKHTemplate(c.witness.Key)
	}
	return c.witness.Script
}

// Witness completes the claim's input with our signature.
func (c *Claim) Witness(ours keys.Signature) wire.TxWitness { return c.witness.Build(ours) }
