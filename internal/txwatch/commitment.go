package txwatch

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

// effort is what is done to get a commitment mined.
type effort struct {
	parentWeight, childWeight int                 // the child with one coin of the wallet
	own                       amount.FeeratePerKw // that the commitment pays itself
	rate, ceiling             amount.FeeratePerKw // that both together should pay, and may
	most                      amount.Sat          // that the child may pay
}

func (m *Machine) effortFor(j *job) effort {
	c := j.commitment
	e := effort{
		parentWeight: weightOf(c.Tx), childWeight: baseWeight + countWeight + 2*inputWeight + c.AnchorWitness + coinWitness + walletOutput,
		rate: m.fees.Normal, most: percent(c.Stake, balanceShare),
	}
	e.own = rateOf(c.Fee, e.parentWeight)
	if c.Deadline != 0 {
		e.most = percent(c.Stake, stakeShare)
	}
	e.ceiling = rateOf(c.Fee+e.most, e.parentWeight+e.childWeight)
	if c.Deadline != 0 {
		e.rate = m.fees.target(c.Deadline, m.height, e.ceiling)
	}
	e.rate = min(max(e.rate, m.fees.Floor, j.atLeast), e.ceiling)
	return e
}

// pushCommitment gets our commitment into the chain: alone while its own rate does, otherwise with a child
// that pays for both.
func (m *Machine) pushCommitment(j *job, news bool) []Action {
	c, e := j.commitment, m.effortFor(j)
	send := news || j.said == "" // the first time, and with each block
	why := fmt.Sprintf("getting our commitment %s mined", c.Tx.TxHash())
	if c.Deadline != 0 {
		why += fmt.Sprintf(" before block %d", c.Deadline)
	}
	switch {
	case e.own >= e.rate:
		return append(j.say("%s: it pays %s itself, which is enough now", why, e.own), m.againWithParent(j, send)...)
	case c.Anchor < 0:
		return append(j.say("%s: it pays %s itself, and nothing can be added: it has no anchor", why, e.own), m.againWithParent(j, send)...)
	case j.last != nil && m.replacement(j, e.rate, e.ceiling, c.Deadline, c.Fee+j.last.fee, e.parentWeight+e.childWeight, e.childWeight) == 0:
		return m.againWithParent(j, news)
	}
	d := newDraft()
	anchor := c.Tx.TxOut[c.Anchor]
	d.anchor = d.input(c.anchorOutpoint(), amount.Sat(anchor.Value), anchor.PkScript, rbf, c.AnchorWitness)
	if !d.fund(j.coins(), m.coins, m.childFee(j, &e), j.script) || len(d.coins) == 0 {
		return append(j.say("%s: no confirmed coins of the wallet can pay for a child at %s; it goes at its own %s", why, e.rate, e.own),
			m.againWithParent(j, send)...)
	}
	return m.publish(j, d, c, e.rate, e.most, why)
}

// childFee is what is missing for both; BIP 125 asks for more than the last child paid.
func (m *Machine) childFee(j *job, e *effort) func(weight int) amount.Sat {
	least := amount.Sat(0)
	if j.last != nil {
		least = j.last.fee + feeOf(incremental, e.childWeight)
	}
	own := j.commitment.Fee
	return func(weight int) amount.Sat {
		both := feeOf(e.rate, e.parentWeight+weight)
		return max(min(both-min(both, own), e.most), feeOf(m.fees.Floor, weight), least)
	}
}

// againWithParent sends the commitment, with the child that was made last.
func (m *Machine) againWithParent(j *job, due bool) []Action {
	if !due {
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
