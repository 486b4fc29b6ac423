package onchain

import (
	"math"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/tx"
)

// role is what an output is to us.
type role uint8

const (
	toUs           role = 1 + iota // our to_remote in a commitment of the peer
	delayed                        // our to_local, or the output of an HTLC transaction of ours
	toThem                         // nothing of ours
	ourAnchor                      //
	theirAnchor                    //
	ourHTLC                        // HTLC in our commitment
	theirHTLC                      // HTLC in a valid commitment of the peer
	revokedHTLC                    // HTLC in a revoked one
	revokedDelayed                 // its to_local, or the output of an HTLC transaction that spends it
	unknownOutput                  // in a commitment that we do not know
	closeOutput                    // of a mutual close
)

// output is one output that the channel left on chain, or that followed from one.
type output struct {
	outpoint wire.OutPoint
	amount   amount.Sat
	pkScript []byte
	height   block.Height // of the transaction that made it
	role     role
	second   bool // it followed from an HTLC

	htlc     *tx.HTLC // of an HTLC output; Offered by the commitment's owner
	pending  *pending // the HTLC, if it still has to end
	index    int      // of an HTLC in our commitment, among its HTLCs
	preimage *[32]byte

	claim    *Claim       // ours to spend now, or when its time comes
	spent    block.Height // 0: not
	givenUp  block.Height // 0: not
	why      string       // it was given up, in words
	lapsesAt block.Height // from then on it counts as resolved though unspent; 0: never
}

// offeredByUs says who offered the output's HTLC.
func (o *output) offeredByUs() bool { return o.htlc.Offered == (o.role == ourHTLC) }

// watched says that we must see who spends it.
func (o *output) watched() bool {
	return o.role != toThem && o.role != theirAnchor && o.role != closeOutput
}

// resolvedAt is the height of the block that resolved the output (BOLT 5, General Nomenclature); 0: it
// is not.
func (o *output) resolvedAt(now block.Height) block.Height {
	switch {
	case o.spent != 0:
		return o.spent
	case !o.watched():
		return o.height
	case o.givenUp != 0:
		return o.givenUp
	case o.claim == nil && o.lapsesAt != 0 && now >= o.lapsesAt:
		return max(o.lapsesAt, o.height)
	case o.role == ourAnchor:
		return o.height // nothing waits for an anchor
	}
	return 0
}

// pending is an HTLC that still has to end.
type pending struct {
	PendingHTLC
	output *output // in the commitment that was mined; nil: none
	// possible says that a valid commitment of either side has an output for it.
	possible bool
	upstream block.Height // when the one that it forwards expires; 0: none
	learned  bool         // the preimage was told
	failed   bool         // or that it can be failed back
}

// ended says that the outcome of an HTLC that we offered is told.
func (p *pending) ended() bool { return p.learned || p.failed }

// anchorDelay is when anybody may spend an anchor (BOLT 3, to_local_anchor).
const anchorDelay = 16

// newClaim describes how we spend an output.
func (m *Machine) newClaim(o *output, kind tx.ClaimKind) *Claim {
	p := tx.ClaimParams{Anchors: m.state.Anchors, FundingKey: m.state.Local.FundingPubKey}
	if m.closing.params != nil {
		p.Keys, p.ToSelfDelay = m.closing.params.Keys, m.closing.params.ToSelfDelay
	} else {
		p.Keys = m.staticKeys()
	}
	c := &Claim{
		Outpoint: o.outpoint, Amount: o.amount, PkScript: o.pkScript, Kind: kind,
		Sequence: tx.ClaimSequence(kind, &p),
		Key: Key{
			CommitmentNumber:   m.closing.CommitmentNumber,
			PerCommitmentPoint: m.closing.point,
			HTLC:               o.htlc,
		},
		witness: tx.ClaimWitness{Kind: kind, Script: tx.ClaimScript(kind, &p, o.htlc)},
	}
	if kind.Penalty() {
		c.Key.PerCommitmentSecret = m.closing.secret
	}
	switch kind {
	case tx.ClaimToRemote:
		c.witness.Key = p.Keys.OtherPayment
	case tx.ClaimPenaltyHTLC:
		c.witness.Key = p.Keys.Revocation
	}
	if o.preimage != nil {
		c.witness.Preimage = *o.preimage
	}
	m.schedule(c, o, &p)
	if kind.Fixed() {
		m.prescribe(c, o)
	}
	c.After = o.height + 1
	if c.Sequence <= math.MaxUint16 {
		c.After = max(c.After, o.height.Add(block.Delta(c.Sequence)))
	}
	if c.LockTime > 0 {
		c.After = max(c.After, block.Height(c.LockTime).Add(1))
	}
	return c
}

// schedule says from when the claim can be made and until when it is ours alone.
func (m *Machine) schedule(c *Claim, o *output, p *tx.ClaimParams) {
	switch c.Kind {
	case tx.ClaimHTLCTimeout, tx.ClaimRemoteTimeout:
		c.LockTime = uint32(o.htlc.CLTVExpiry)
		c.ContestedFrom = o.height + 1 // the peer may have the preimage
		if o.pending != nil {
			c.Deadline = o.pending.upstream
		}
	case tx.ClaimHTLCSuccess, tx.ClaimRemoteSuccess:
		c.ContestedFrom = o.htlc.CLTVExpiry.Add(1)
		c.Deadline = c.ContestedFrom
	case tx.ClaimPenaltyDelayed:
		c.ContestedFrom = o.height.Add(p.ToSelfDelay)
		c.Deadline = c.ContestedFrom
	case tx.ClaimPenaltyHTLC:
		// The cheater can move it to where it has to wait for the delay: nothing is lost before.
		c.Deadline = o.height.Add(p.ToSelfDelay)
		c.ContestedFrom = o.height + 1
		if o.htlc.Offered {
			c.ContestedFrom = max(c.ContestedFrom, o.htlc.CLTVExpiry.Add(1))
		}
	case tx.ClaimAnchor:
		c.ContestedFrom = o.height.Add(anchorDelay)
		c.Deadline = c.ContestedFrom
	}
}

// prescribe takes from our commitment what the peer has signed of an HTLC transaction.
func (m *Machine) prescribe(c *Claim, o *output) {
	t := m.closing.commitment.HTLCTx(o.index)
	c.Fixed, c.LockTime, c.Sequence = t.TxOut[0], t.LockTime, t.TxIn[0].Sequence
	c.Final = !m.state.Anchors
	c.witness.OtherSignature = m.state.HTLCSignatures[o.index]
	c.witness.OtherHashType = m.closing.commitment.OtherHTLCSigHashType()
}
