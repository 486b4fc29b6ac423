package onchain

import (
	"bytes"
	"crypto/sha256"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// path is how an HTLC output was spent, as its witness shows.
type path uint8

const (
	pathUnknown    path = iota // nothing that the script allows: a transaction that is not valid
	pathOwner                  // by the HTLC transaction of the commitment's owner
	pathOther                  // by the other side
	pathRevocation             // by the other side, because the commitment is revoked
)

// htlcPath tells how an HTLC output was spent, and whether a preimage was what allowed it (BOLT 3,
// Commitment Transaction Outputs and HTLC-Timeout and HTLC-Success Transactions).
func htlcPath(w wire.TxWitness) (p path, preimage bool) {
	switch {
	case len(w) == 5 && len(w[0]) == 0:
		return pathOwner, len(w[3]) == 32
	case len(w) == 3 && len(w[1]) == 33:
		return pathRevocation, false
	case len(w) == 3:
		return pathOther, len(w[1]) == 32
	}
	return pathUnknown, false
}

// revocationPath says that an output with a delay was spent because its commitment is revoked.
func revocationPath(w wire.TxWitness) bool { return len(w) == 3 && len(w[1]) != 0 }

// afterSpend takes in a transaction that was mined.
func (m *Machine) afterSpend(t *wire.MsgTx, height block.Height) {
	m.learn(t)
	txid := [32]byte(t.TxHash())
	var ended, unclaimed []wire.OutPoint
	second := role(0) // of outputs that follow
	for _, in := range t.TxIn {
		o := m.byPoint[in.PreviousOutPoint]
		if o == nil || o.spent != 0 || !o.watched() {
			continue
		}
		o.spent = max(height, o.height)
		ended = append(ended, o.outpoint)
		if o.claim != nil {
			o.claim = nil
			unclaimed = append(unclaimed, o.outpoint)
		}
		m.recordSpent(o, in.Witness, txid)
		if p, _ := htlcPath(in.Witness); p == pathOwner {
			switch o.role {
			case ourHTLC:
				second = delayed
			case revokedHTLC:
				second = revokedDelayed
			case unknownOutput:
				if m.closing.local() {
					second = delayed // sent before our state was lost
				}
			}
		}
	}
	if len(ended) > 0 {
		m.say(Unwatch{ended})
	}
	if len(unclaimed) > 0 {
		m.say(Unclaim{unclaimed})
	}
	if second != 0 {
		m.findSecond(t, max(height, m.started), second)
	}
	m.tellStatus()
}

// findSecond notes the outputs of HTLC transactions, of which several may have been put into one (BOLT
// 5, Generation of HTLC Transactions). All of them pay the commitment's owner after its delay.
func (m *Machine) findSecond(t *wire.MsgTx, height block.Height, r role) {
	script, txid := m.closing.ownerDelayedScript(), t.TxHash()
	first := len(m.outputs)
	for i, out := range t.TxOut {
		point := wire.OutPoint{Hash: txid, Index: uint32(i)}
		if m.byPoint[point] == nil && bytes.Equal(out.PkScript, script) {
			m.add(&output{
				outpoint: point, amount: amount.Sat(out.Value), pkScript: out.PkScript,
				height: height, role: r, second: true,
			})
		}
	}
	m.begin(m.outputs[first:])
}

// learn looks for preimages of HTLCs that we offered. One is good for all HTLCs with its hash,
// whichever of them the transaction spends.
func (m *Machine) learn(t *wire.MsgTx) {
	wanted := make(map[[32]byte]bool)
	for _, p := range m.offered {
		if !p.learned {
			wanted[p.PaymentHash] = true
		}
	}
	if len(wanted) == 0 {
		return
	}
	var learned []Preimage
	for _, in := range t.TxIn {
		if m.byPoint[in.PreviousOutPoint] == nil {
			continue
		}
		for _, item := range in.Witness {
			if len(item) != 32 {
				continue
			}
			hash := sha256.Sum256(item)
			if !wanted[hash] {
				continue
			}
			for _, p := range m.offered {
				if p.PaymentHash == hash && !p.learned {
					p.learned = true
					learned = append(learned, Preimage{p.ID, [32]byte(item)})
				}
			}
			delete(wanted, hash)
		}
	}
	if len(learned) > 0 {
		m.say(Learned{learned})
	}
}

// tellKnownPreimages repeats what the peer gave before the close, lest it was lost.
func (m *Machine) tellKnownPreimages() {
	var learned []Preimage
	for _, p := range m.offered {
		if p.Preimage != nil && sha256.Sum256(p.Preimage[:]) == p.PaymentHash {
			p.learned = true
			learned = append(learned, Preimage{p.ID, *p.Preimage})
		}
	}
	if len(learned) > 0 {
		m.say(Learned{learned})
	}
}
