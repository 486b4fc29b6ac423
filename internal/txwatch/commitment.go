package txwatch

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

// pushCommitment gets our commitment into the chain: alone while its own rate does, otherwise with a child
// that pays for both.
func (m *Machine) pushCommitment(j *job, news bool) []Action {
	c := j.commitment
	first := j.said == ""
	why := fmt.Sprintf("getting our commitment %s mined", c.Tx.TxHash())
	if c.Deadline != 0 {
		why += fmt.Sprintf(" before block %d", c.Deadline)
	}
	parentWeight := weightOf(c.Tx)
	childWeight := baseWeight + countWeight + 2*inputWeight + c.AnchorWitness + 66 + walletOutput
	share := balanceShare
	rate := m.fees.Normal
	if c.Deadline != 0 {
		share = stakeShare
	}
	most := percent(c.Stake, share) // for the child
	ceiling := rateOf(c.Fee+most, parentWeight+childWeight)
	if c.Deadline != 0 {
		rate = m.fees.target(c.Deadline, m.height, ceiling)
	}
	rate = min(max(rate, m.fees.Floor, j.atLeast), ceiling)
	own := rateOf(c.Fee, parentWeight)
	if c.Anchor < 0 || own >= rate {
		text := "which is enough now"
		if own < rate {
			text = "and nothing can be added: it has no anchor"
		}
		actions := j.say("%s: it pays %s itself, %s", why, own, text)
		if first || news {
			actions = append(actions, Send{ID: j.id, Parent: c.Tx, Tx: j.lastTx()})
		}
		return actions
	}
	// The child pays what is missing for both; BIP 125 asks for more than the last one paid.
	least := amount.Sat(0)
	if j.last != nil {
		if m.replacement(j, rate, ceiling, c.Deadline, childWeight) == 0 {
			return m.againWithParent(j, news)
		}
		least = j.last.fee + feeOf(incremental, childWeight)
	}
	fee := func(weight int) amount.Sat {
		both := feeOf(rate, parentWeight+weight)
		return max(min(both-min(both, c.Fee), most), feeOf(m.fees.Floor, weight), least)
	}
	d := newDraft()
	anchor := c.Tx.TxOut[c.Anchor]
	d.anchor = d.input(c.anchorOutpoint(), amount.Sat(anchor.Value), anchor.PkScript, rbf, c.AnchorWitness)
	if !d.fund(j.coins(), m.coins, fee, j.script) || len(d.coins) == 0 {
		actions := j.say("%s: no confirmed coins of the wallet can pay for a child at %s; it goes at its own %s", why, rate, own)
		if first || news {
			actions = append(actions, Send{ID: j.id, Parent: c.Tx, Tx: j.lastTx()})
		}
		return actions
	}
	return m.publish(j, d, c, rate, most, why)
}

func (m *Machine) againWithParent(j *job, news bool) []Action {
	if !news {
		return nil
	}
	return []Action{Send{ID: j.id, Parent: j.commitment.Tx, Tx: j.lastTx()}}
}

// lastTx is the child that was sent last, or nil.
func (j *job) lastTx() *wire.MsgTx {
	if j.last == nil {
		return nil
	}
	return j.last.tx
}
