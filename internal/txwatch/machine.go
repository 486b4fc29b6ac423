package txwatch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// Machine watches all transactions of a node that matter. It belongs to one goroutine.
type Machine struct {
	height block.Height
	fees   Fees
	coins  []Coin // those that no job took in this Decide

	jobs   map[ID]*job
	lastID ID
	claims map[wire.OutPoint]*claim
	spent  map[wire.OutPoint]spend
}

// spend is a transaction in a block.
type spend struct {
	by      chainhash.Hash
	channel uint64
}

// claim is a Claim and what became of it.
type claim struct {
	Claim
	job  *job         // nil: waits, or was given up
	seen block.Height // when it was first decided about; 0: not yet
	said string       // why it waits
	left bool         // given up
}

// job gets one transaction into the chain, in one version after another.
type job struct {
	id         ID
	channel    uint64
	commitment *Commitment // that its transaction is the child of; nil: a sweep
	claims     []*claim
	script     []byte // of the wallet's output, once it has one
	last       *version
	pending    *version            // a Publish that is not answered yet
	atLeast    amount.FeeratePerKw // after a refusal
	refused    string              // why, the last time
	said       string
}

// version is a transaction, at first unsigned.
type version struct {
	tx    *wire.MsgTx
	txid  chainhash.Hash // of a signed one
	fee   amount.Sat
	rate  amount.FeeratePerKw // of the package, for a child
	coins []Coin              // that it spends
}

// New watches nothing.
func New() *Machine {
	return &Machine{jobs: map[ID]*job{}, claims: map[wire.OutPoint]*claim{}, spent: map[wire.OutPoint]spend{}}
}

// Step applies one event.
func (m *Machine) Step(ev Event) []Action {
	switch ev := ev.(type) {
	case Known:
		m.known(ev)
	case Claimed:
		m.claimed(ev.Claims)
	case Unclaimed:
		return m.unclaimed(ev.Outpoints)
	case Push:
		return m.push(ev.Commitment)
	case Spent:
		return m.spentBy(ev.Channel, ev.Tx)
	case Forget:
		m.forget(ev.Channel)
	case Decide:
		return m.decide(ev)
	case Taken:
		m.taken(ev)
	case Refused:
		return m.refuse(ev)
	case Failed:
		return m.failed(ev)
	default:
		panic(fmt.Sprintf("txwatch: unknown event %T", ev))
	}
	return nil
}

// Waits reports whether a Publish is still to be answered: what it was for may have ended meanwhile, or begun
// anew with another job.
func (m *Machine) Waits(id ID) bool {
	j := m.jobs[id]
	return j != nil && j.pending != nil
}

func (m *Machine) newJob(channel uint64) *job {
	m.lastID++
	j := &job{id: m.lastID, channel: channel}
	m.jobs[j.id] = j
	return j
}

// known makes a job of a transaction whose claims will come.
func (m *Machine) known(k Known) {
	j := m.newJob(k.Channel)
	j.script = k.Script
	j.last = &version{tx: k.Tx, txid: k.Tx.TxHash(), fee: k.Fee, rate: k.Rate, coins: k.Coins}
}

// claimed takes claims up, those of a known transaction by its job.
func (m *Machine) claimed(claims []Claim) {
	for _, c := range claims {
		if old := m.claims[c.Outpoint]; old != nil {
			old.Claim = c
			continue
		}
		fresh := &claim{Claim: c}
		m.claims[c.Outpoint] = fresh
		for _, j := range m.sortedJobs() {
			if j.channel == c.Channel && j.commitment == nil && j.last.spends(c.Outpoint) {
				fresh.job = j
				j.claims = append(j.claims, fresh)
				break
			}
		}
	}
}

func (v *version) spends(o wire.OutPoint) bool {
	return v != nil && slices.ContainsFunc(v.tx.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == o })
}

// unclaimed ends claims; a job that has none left ends with them.
func (m *Machine) unclaimed(outpoints []wire.OutPoint) []Action {
	var actions []Action
	for _, o := range outpoints {
		c := m.claims[o]
		if c == nil {
			continue
		}
		delete(m.claims, o)
		actions = append(actions, m.leaveJob(c)...)
	}
	return actions
}

// leaveJob takes a claim out of its job.
func (m *Machine) leaveJob(c *claim) []Action {
	j := c.job
	if j == nil {
		return nil
	}
	c.job = nil
	j.claims = slices.DeleteFunc(j.claims, func(other *claim) bool { return other == c })
	if len(j.claims) > 0 {
		return nil
	}
	return m.end(j)
}

// end forgets a job. Its transaction is void unless it is in a block.
func (m *Machine) end(j *job) []Action {
	delete(m.jobs, j.id)
	if j.last == nil || m.mined(j.last) {
		return nil
	}
	return []Action{Void{j.channel, j.last.txid}}
}

// mined reports whether a block has a version.
func (m *Machine) mined(v *version) bool { return m.spent[v.tx.TxIn[0].PreviousOutPoint].by == v.txid }

// push takes up a commitment. One that is known is replaced: what is at stake may have changed.
func (m *Machine) push(c Commitment) []Action {
	for _, j := range m.jobs {
		if j.commitment != nil && j.channel == c.Channel {
			j.commitment = &c
			return nil
		}
	}
	var known *job
	anchor := c.anchorOutpoint()
	for _, j := range m.sortedJobs() {
		if j.channel == c.Channel && c.Anchor >= 0 && j.last.spends(anchor) {
			known = j
		}
	}
	if known == nil {
		known = m.newJob(c.Channel)
	}
	known.commitment = &c
	return nil
}

func (c *Commitment) anchorOutpoint() wire.OutPoint {
	return wire.OutPoint{Hash: c.Tx.TxHash(), Index: uint32(max(c.Anchor, 0))}
}

// spentBy hears of a transaction in a block: claims that it spends are over, and so are versions of ours
// that it bars.
func (m *Machine) spentBy(channel uint64, tx *wire.MsgTx) []Action {
	txid := tx.TxHash()
	for _, in := range tx.TxIn {
		m.spent[in.PreviousOutPoint] = spend{txid, channel}
	}
	var actions []Action
	for _, in := range tx.TxIn {
		o := in.PreviousOutPoint
		if c := m.claims[o]; c != nil {
			actions = append(actions, m.leaveJob(c)...)
		}
		for _, j := range m.sortedJobs() {
			switch {
			case j.commitment != nil && j.commitment.Tx.TxIn[0].PreviousOutPoint == o:
				actions = append(actions, m.commitmentOver(j, txid)...)
			case j.commitment == nil && len(j.claims) == 0 && j.last.spends(o):
				actions = append(actions, m.end(j)...)
			}
		}
	}
	return actions
}

// commitmentOver ends the effort for a commitment: it is mined, or another transaction is. Its child goes
// on to be a transaction of the wallet.
func (m *Machine) commitmentOver(j *job, by chainhash.Hash) []Action {
	ours := j.commitment.Tx.TxHash() == by
	delete(m.jobs, j.id)
	if ours || j.last == nil {
		return nil
	}
	return []Action{Void{j.channel, j.last.txid}}
}

// forget drops a channel.
func (m *Machine) forget(channel uint64) {
	maps.DeleteFunc(m.claims, func(_ wire.OutPoint, c *claim) bool { return c.Channel == channel })
	maps.DeleteFunc(m.jobs, func(_ ID, j *job) bool { return j.channel == channel })
	maps.DeleteFunc(m.spent, func(_ wire.OutPoint, s spend) bool { return s.channel == channel })
}

// taken notes that the backend has a transaction. If the job has ended, nobody waits for that any more.
func (m *Machine) taken(t Taken) {
	j := m.jobs[t.ID]
	if j == nil || j.isParent(t.Tx) {
		return
	}
	if p := j.pending; p != nil && !j.isLast(t.Tx) {
		j.answered(t.Tx)
		p.tx, p.txid = t.Tx, t.Tx.TxHash()
		j.last = p
	}
	j.atLeast, j.refused = 0, ""
}

func (j *job) isParent(tx *wire.MsgTx) bool {
	return j.commitment != nil && tx.TxHash() == j.commitment.Tx.TxHash()
}

func (j *job) isLast(tx *wire.MsgTx) bool { return j.last != nil && j.last.txid == tx.TxHash() }

// answered ends a Publish, and keeps the wallet's script for the next version.
func (j *job) answered(tx *wire.MsgTx) {
	for i, out := range j.pending.tx.TxOut {
		if out.PkScript == nil {
			j.script = tx.TxOut[i].PkScript
		}
	}
	j.pending = nil
}

// sortedJobs are the jobs in the order in which they were made.
func (m *Machine) sortedJobs() []*job {
	list := make([]*job, 0, len(m.jobs))
	for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
		list = append(list, m.jobs[id])
	}
	return list
}

func (j *job) say(format string, args ...any) []Action {
	text := fmt.Sprintf(format, args...)
	if text == j.said {
		return nil
	}
	j.said = text
	return []Action{Say{j.channel, text}}
}
