package tx

import (
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/keys"
)

// ClaimKind is how an output of a commitment, or of one of its HTLC transactions, is spent by the
// side that a claim is for, "we" (BOLT 5). What the key of each depends on, beyond the channel's
// setup, is said beside it.
type ClaimKind uint8

// The kinds.
const (
	// ClaimDelayed is our to_local, and the output of our HTLC transactions, after to_self_delay:
	// our delayed_payment_basepoint, our point of the commitment.
	ClaimDelayed ClaimKind = 1 + iota
	// ClaimToRemote is our to_remote in the peer's commitment, one block later with anchors: our
	// payment_basepoint, as it is.
	ClaimToRemote
	// ClaimHTLCTimeout is the HTLC-timeout transaction of our commitment: our htlc_basepoint, our
	// point, the HTLC, and the peer's signature.
	ClaimHTLCTimeout
	// ClaimHTLCSuccess is the HTLC-success transaction of our commitment: the same, and the preimage.
	ClaimHTLCSuccess
	// ClaimRemoteTimeout is an HTLC that we offered, in the peer's commitment, after cltv_expiry: our
	// htlc_basepoint, the peer's point, the HTLC.
	ClaimRemoteTimeout
	// ClaimRemoteSuccess is an HTLC that the peer offered, in the peer's commitment: the same, and the
	// preimage.
	ClaimRemoteSuccess
	// ClaimPenaltyDelayed is to_local of a revoked commitment, and the output of any HTLC
	// transaction that spends it: our revocation_basepoint, the peer's secret.
	ClaimPenaltyDelayed
	// ClaimPenaltyHTLC is an HTLC output of a revoked commitment, whoever offered it: the same, and
	// the HTLC.
	ClaimPenaltyHTLC
	// ClaimAnchor is our anchor, in any commitment: our funding_pubkey.
	ClaimAnchor
)

var claimNames = [...]string{
	ClaimDelayed:        "delayed",
	ClaimToRemote:       "to_remote",
	ClaimHTLCTimeout:    "htlc_timeout",
	ClaimHTLCSuccess:    "htlc_success",
	ClaimRemoteTimeout:  "remote_htlc_timeout",
	ClaimRemoteSuccess:  "remote_htlc_success",
	ClaimPenaltyDelayed: "penalty_delayed",
	ClaimPenaltyHTLC:    "penalty_htlc",
	ClaimAnchor:         "anchor",
}

// Valid reports whether k is one of the kinds.
func (k ClaimKind) Valid() bool { return k >= ClaimDelayed && k <= ClaimAnchor }

// String is for logs and scripts.
func (k ClaimKind) String() string {
	if !k.Valid() {
		return "unknown"
	}
	return claimNames[k]
}

// Ours reports whether the output is of our own commitment, or follows from it; only an anchor can
// be of either.
func (k ClaimKind) Ours() bool {
	return k == ClaimDelayed || k == ClaimHTLCTimeout || k == ClaimHTLCSuccess
}

// Penalty reports whether the peer's per_commitment_secret is needed.
func (k ClaimKind) Penalty() bool { return k == ClaimPenaltyDelayed || k == ClaimPenaltyHTLC }

// HTLC reports whether the output is that of an HTLC.
func (k ClaimKind) HTLC() bool {
	switch k {
	case ClaimHTLCTimeout, ClaimHTLCSuccess, ClaimRemoteTimeout, ClaimRemoteSuccess, ClaimPenaltyHTLC:
		return true
	}
	return false
}

// Fixed reports whether the transaction's output is prescribed by the peer's signature.
func (k ClaimKind) Fixed() bool { return k == ClaimHTLCTimeout || k == ClaimHTLCSuccess }

// ClaimParams are what the scripts of a claim depend on: the commitment where its output is, or
// that its output follows from.
type ClaimParams struct {
	Anchors     bool
	Keys        *keys.CommitmentKeys // of that commitment
	ToSelfDelay block.Delta          // that binds the commitment's owner
	FundingKey  keys.PubKey          // ours, for an anchor
}

// ClaimScript is the witness script of the output, whose hash is in its output script. Only
// to_remote without anchors has none, as it pays to a key's hash: there it is nil. htlc is as the
// commitment's owner has it (Offered), and needed for the kinds that have HTLC.
func ClaimScript(k ClaimKind, p *ClaimParams, htlc *HTLC) []byte {
	switch k {
	case ClaimDelayed, ClaimPenaltyDelayed:
		return ToLocalScript(p.Keys.Revocation, p.Keys.OwnerDelayed, p.ToSelfDelay)
	case ClaimToRemote:
		if p.Anchors {
			return ToRemoteAnchorsScript(p.Keys.OtherPayment)
		}
		return nil
	case ClaimAnchor:
		return AnchorScript(p.FundingKey)
	default:
		return HTLCScript(p.Keys, p.Anchors, htlc)
	}
}

// ClaimSequence is what the sequence of the claim's input must be. Other than the delays, it signals
// that the transaction may be replaced (BIP 125), which one input does for all of a transaction.
func ClaimSequence(k ClaimKind, p *ClaimParams) uint32 {
	const replaceable = 0xfffffffd
	switch k {
	case ClaimDelayed:
		return uint32(p.ToSelfDelay)
	case ClaimHTLCTimeout, ClaimHTLCSuccess:
		if p.Anchors {
			return 1
		}
		return 0
	case ClaimToRemote, ClaimRemoteTimeout, ClaimRemoteSuccess:
		if p.Anchors {
			return 1
		}
	}
	return replaceable
}

// ClaimWitness is what completes the witness of a claim, beyond our signature.
type ClaimWitness struct {
	Kind     ClaimKind
	Script   []byte      // ClaimScript
	Key      keys.PubKey // ClaimToRemote without anchors: our payment key; ClaimPenaltyHTLC: the revocation key
	Preimage [32]byte    // of the kinds with Success
	// OtherSignature is the peer's of an HTLC transaction of ours, OtherHashType its kind.
	OtherSignature keys.Signature
	OtherHashType  byte
}

// Build makes the witness with our signature, which is always SIGHASH_ALL.
func (w *ClaimWitness) Build(ours keys.Signature) wire.TxWitness {
	return w.build(scriptSig(ours, SigHashAll), scriptSig(w.OtherSignature, w.OtherHashType))
}

func (w *ClaimWitness) build(ours, other []byte) wire.TxWitness {
	switch w.Kind {
	case ClaimDelayed:
		return wire.TxWitness{ours, nil, w.Script}
	case ClaimToRemote:
		if w.Script == nil {
			return wire.TxWitness{ours, w.Key[:]}
		}
		return wire.TxWitness{ours, w.Script}
	case ClaimHTLCTimeout:
		return wire.TxWitness{nil, other, ours, nil, w.Script}
	case ClaimHTLCSuccess:
		return wire.TxWitness{nil, other, ours, w.Preimage[:], w.Script}
	case ClaimRemoteTimeout:
		return wire.TxWitness{ours, nil, w.Script}
	case ClaimRemoteSuccess:
		return wire.TxWitness{ours, w.Preimage[:], w.Script}
	case ClaimPenaltyDelayed:
		return wire.TxWitness{ours, {1}, w.Script}
	case ClaimPenaltyHTLC:
		return wire.TxWitness{ours, w.Key[:], w.Script}
	default: // ClaimAnchor
		return wire.TxWitness{ours, w.Script}
	}
}

// maxScriptSig is a signature of 72 bytes, which ours never exceed as s is low, and its hash type.
const maxScriptSig = 73

// Weight is the most that the witness can weigh, with its count of elements and all lengths.
func (w *ClaimWitness) Weight() int {
	longest := make([]byte, maxScriptSig)
	return w.build(longest, longest).SerializeSize()
}
