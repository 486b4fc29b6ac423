package txwatch

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// market is a backend with a mempool, random fee rates and a miner who takes what pays enough.
type market struct {
	t       *testing.T
	rng     *rand.Rand
	m       *Machine
	height  block.Height
	minimum amount.FeeratePerKw // to be mined
	claims  map[wire.OutPoint]Claim
	mempool map[wire.OutPoint]*offered // by input
	mined   map[wire.OutPoint]bool
	minedAt map[wire.OutPoint]block.Height
	given   map[wire.OutPoint]bool
	inUse   map[wire.OutPoint]ID // coins
	coins   []Coin
}

type offered struct {
	id     ID
	tx     *wire.MsgTx
	fee    amount.Sat
	weight int
}

func TestRandomMarkets(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &market{
				t: t, rng: rand.New(rand.NewPCG(seed, 1)), m: New(), height: 1000, claims: map[wire.OutPoint]Claim{},
				mempool: map[wire.OutPoint]*offered{}, mined: map[wire.OutPoint]bool{}, minedAt: map[wire.OutPoint]block.Height{}, given: map[wire.OutPoint]bool{}, inUse: map[wire.OutPoint]ID{},
			}
			m.run()
		})
	}
}

func (m *market) run() {
	for i := range 20 {
		m.coins = append(m.coins, Coin{Outpoint: m.outpoint(100 + i), Amount: amount.Sat(500 + m.rng.IntN(100_000)), PkScript: walletScript, WitnessWeight: 66})
	}
	for i := range 1 + m.rng.IntN(12) {
		m.claim(i)
	}
	for range 400 {
		m.height++
		m.minimum = 253 + amount.FeeratePerKw(m.rng.IntN(1+m.rng.IntN(3000)))
		f := Fees{Floor: 253, Slow: 253 + amount.FeeratePerKw(m.rng.IntN(500))}
		f.Normal = f.Slow + amount.FeeratePerKw(m.rng.IntN(500))
		f.Soon = f.Normal + amount.FeeratePerKw(m.rng.IntN(500))
		f.Urgent = f.Soon + amount.FeeratePerKw(m.rng.IntN(500))
		m.do(m.m.Step(Decide{Height: m.height, Fees: f, Coins: m.free()}))
		m.mine()
	}
	for o, c := range m.claims {
		switch {
		case m.minedAt[o] > c.Deadline && c.Deadline != 0 && c.Amount > 50_000 && len(m.free()) > 0:
			m.t.Errorf("%s of %s is mined at %d, after its deadline %d", c.Name, c.Amount, m.minedAt[o], c.Deadline)
		case m.mined[o] || m.given[o] || m.mempool[o] != nil: // its ceiling may be below the market
		case c.Fixed != nil && len(m.free()) == 0: // nothing to pay with
		default:
			m.t.Errorf("%s of %s, deadline %d, is neither mined nor given up", c.Name, c.Amount, c.Deadline)
		}
	}
}

func (m *market) outpoint(i int) wire.OutPoint {
	var h chainhash.Hash
	binary.BigEndian.PutUint32(h[:], uint32(i+1))
	return wire.OutPoint{Hash: h}
}

func (m *market) claim(i int) {
	c := Claim{
		Channel: 1, Outpoint: m.outpoint(i), Amount: amount.Sat(m.rng.IntN(1 << (8 + m.rng.IntN(12)))), Name: fmt.Sprintf("claim %d", i),
		WitnessWeight: 80 + m.rng.IntN(200), NotBefore: m.height + block.Height(m.rng.IntN(100)), Penalty: m.rng.IntN(3) == 0,
	}
	if m.rng.IntN(2) == 0 {
		c.Deadline = c.NotBefore + block.Height(10+m.rng.IntN(200))
	}
	if m.rng.IntN(3) == 0 {
		c.ContestedFrom = c.NotBefore
	}
	if m.rng.IntN(4) == 0 {
		c.Amount += 2000
		c.Fixed = wire.NewTxOut(int64(c.Amount), append([]byte{0, 32}, make([]byte, 32)...))
	}
	m.claims[c.Outpoint] = c
	m.do(m.m.Step(Claimed{[]Claim{c}}))
}

func (m *market) free() []Coin {
	var list []Coin
	for _, c := range m.coins {
		if _, used := m.inUse[c.Outpoint]; !used && !m.mined[c.Outpoint] {
			list = append(list, c)
		}
	}
	return list
}

func (m *market) do(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case Publish:
			m.publish(&a)
		case GiveUp:
			for _, o := range a.Outpoints {
				m.given[o] = true
			}
		}
	}
}

// publish holds a transaction against the rules, and answers as a backend would.
func (m *market) publish(p *Publish) {
	tx, in, out, most := p.Tx.Copy(), amount.Sat(0), amount.Sat(0), amount.Sat(0)
	weight := weightOf(tx) + 2
	for i := range tx.TxIn {
		in += amount.Sat(p.Prevouts[i].Value)
	}
	for i, o := range tx.TxOut {
		if len(o.PkScript) == 0 {
			tx.TxOut[i].PkScript = walletScript
			weight += 4 * len(walletScript)
		}
		out += amount.Sat(o.Value)
		if o.Value < int64(walletDust) {
			m.t.Errorf("output of %d is dust", o.Value)
		}
	}
	for _, i := range p.Claims {
		c := m.claims[tx.TxIn[i].PreviousOutPoint]
		weight += c.WitnessWeight
		share := sweepShare
		if c.Penalty {
			share = penaltyShare
		}
		most += percent(c.Amount, share)
		if c.NotBefore > m.height+1 || m.mined[c.Outpoint] {
			m.t.Errorf("%s cannot be claimed at %d", c.Name, m.height)
		}
		if c.Fixed != nil && tx.TxOut[i] != nil && tx.TxOut[i].Value != c.Fixed.Value {
			m.t.Errorf("%s: output %d is not the prescribed one", c.Name, i)
		}
	}
	weight += 66 * len(p.Coins)
	switch {
	case in-out != p.Fee || p.Fee > most:
		m.t.Errorf("fee %s of %s - %s, at most %s", p.Fee, in, out, most)
	case p.Fee < feeOf(253, weight):
		m.t.Errorf("fee %s for a weight of %d does not relay", p.Fee, weight)
	}
	m.coinsOf(p, tx)
	replaced := map[*offered]bool{}
	for _, in := range tx.TxIn {
		if old := m.mempool[in.PreviousOutPoint]; old != nil {
			replaced[old] = true
		}
	}
	for old := range replaced {
		if p.Fee < old.fee+feeOf(incremental, weight) || rateOf(p.Fee, weight) <= rateOf(old.fee, old.weight) {
			m.t.Errorf("fee %s replaces %s at weight %d", p.Fee, old.fee, weight)
		}
	}
	if m.rng.IntN(8) == 0 {
		m.do(m.m.Step(Refused{p.ID, tx, "min relay fee not met"}))
		return
	}
	for old := range replaced {
		for _, in := range old.tx.TxIn {
			delete(m.mempool, in.PreviousOutPoint)
		}
	}
	for _, in := range tx.TxIn {
		m.mempool[in.PreviousOutPoint] = &offered{p.ID, tx, p.Fee, weight}
	}
	m.do(m.m.Step(Taken{p.ID, tx}))
}

// coinsOf checks that no two jobs spend the same coin.
func (m *market) coinsOf(p *Publish, tx *wire.MsgTx) {
	for o, id := range m.inUse {
		if id == p.ID {
			delete(m.inUse, o)
		}
	}
	for _, i := range p.Coins {
		o := tx.TxIn[i].PreviousOutPoint
		if id, used := m.inUse[o]; used && id != p.ID || m.mined[o] {
			m.t.Errorf("coin %s is used twice", o)
		}
		m.inUse[o] = p.ID
	}
}

// mine takes a random part of what pays enough.
func (m *market) mine() {
	done := map[*wire.MsgTx]bool{}
	for _, x := range m.mempool {
		if rateOf(x.fee, x.weight) < m.minimum || m.rng.IntN(3) == 0 || done[x.tx] {
			continue
		}
		done[x.tx] = true
	}
	for tx := range done {
		for _, in := range tx.TxIn {
			m.mined[in.PreviousOutPoint], m.minedAt[in.PreviousOutPoint] = true, m.height+1
			delete(m.mempool, in.PreviousOutPoint)
		}
		m.do(m.m.Step(Spent{1, tx}))
	}
}
