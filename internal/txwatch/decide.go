package txwatch

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// patience is for how many blocks a claim that is too dear waits.
const patience = 144

// alone is how close a deadline is when a claim shares its transaction only with others that have the
// same.
const alone block.Height = 24

// decide forms jobs of new claims, and sends what is due.
func (m *Machine) decide(d Decide) []Action {
	news := d.Height != m.height
	m.height, m.fees, m.coins = d.Height, d.Fees, slices.Clone(d.Coins)
	actions := m.group()
	for _, j := range m.sortedJobs() {
		switch {
		case j.pending != nil:
		case j.commitment != nil:
			actions = append(actions, m.pushCommitment(j, news)...)
		default:
			actions = append(actions, m.pursue(j, news)...)
		}
	}
	return actions
}

// group gives a job to each claim that is due and has none.
func (m *Machine) group() []Action {
	var actions []Action
	type batch struct {
		channel            uint64
		deadline           block.Height
		penalty, contested bool
		single             wire.OutPoint
	}
	groups := map[batch][]*claim{}
	var order []batch
	for _, c := range m.sortedClaims() {
		if _, gone := m.spent[c.Outpoint]; gone || c.job != nil || c.left || c.NotBefore > m.height+1 {
			continue
		}
		if c.seen == 0 {
			c.seen = m.height
		}
		if reason, left := m.hopeless(c); left {
			c.left = true
			actions = append(actions, Say{c.Channel, fmt.Sprintf("%s, output %s of %s, is left: %s", c.Name, c.Outpoint, c.Amount, reason)},
				GiveUp{c.Channel, []wire.OutPoint{c.Outpoint}, reason})
			continue
		}
		if c.Fixed != nil {
			j := m.newJob(c.Channel)
			j.claims, c.job = []*claim{c}, j
			continue
		}
		key := batch{channel: c.Channel, deadline: c.Deadline, penalty: c.Penalty}
		key.contested = c.ContestedFrom != 0 && c.ContestedFrom <= m.height+1
		switch {
		case c.Deadline > m.height+alone:
			key.deadline = ^block.Height(0) // all that have time
		case c.Deadline != 0 && key.contested:
			key.single = c.Outpoint
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], c)
	}
	for _, key := range order {
		for part := range slices.Chunk(groups[key], maxInputs) {
			j := m.newJob(key.channel)
			j.claims = slices.Clone(part)
			for _, c := range part {
				c.job = j
			}
		}
	}
	return actions
}

func (c *claim) share() int {
	switch {
	case c.Penalty:
		return penaltyShare
	case c.Fixed != nil:
		return stageShare
	}
	return sweepShare
}

// hopeless says why a claim is given up.
func (m *Machine) hopeless(c *claim) (string, bool) {
	if c.Whole {
		return "", false // its fee is paid already
	}
	least := feeOf(amount.FeerateFloor, inputWeight+c.WitnessWeight)
	most := percent(c.Amount, c.share())
	switch {
	case least > most:
		return fmt.Sprintf("to claim it costs at least %s, at most %s may be spent on it", least, most), true
	case c.said != "" && m.height >= c.seen+patience:
		return fmt.Sprintf("for %d blocks it cost more than it may: %s", patience, c.said), true
	}
	return "", false
}

// deadline is the closest of a job's claims.
func (j *job) deadline() (first block.Height) {
	for _, c := range j.claims {
		if d := c.Deadline; d != 0 && (first == 0 || d < first) {
			first = d
		}
	}
	return first
}

// value is what a job's claims bring, and the most that its fee may be.
func (j *job) value() (value, most amount.Sat) {
	for _, c := range j.claims {
		value += c.Amount
		most += percent(c.Amount, c.share())
	}
	if j.claims[0].Fixed == nil { // the wallet's output must not be dust
		most = min(most, value-min(value, walletDust))
	}
	return value, most
}

// pursue sends a job's transaction: the first, the next, or the same again.
func (m *Machine) pursue(j *job, news bool) []Action {
	if len(j.claims) == 0 {
		// Of a broadcast before a restart or a reorganisation, whose claims have not come yet.
		return m.again(j, news)
	}
	if j.claims[0].Whole {
		return m.pursueWhole(j, news)
	}
	value, most := j.value()
	deadline := j.deadline()
	weight := m.weightOf(j)
	ceiling := rateOf(most, weight)
	rate := max(m.fees.target(deadline, m.height, ceiling), m.fees.Floor)
	if deadline == 0 && rate > ceiling || m.fees.Floor > ceiling {
		return m.tooDear(j, rate, ceiling, news)
	}
	rate = min(max(rate, j.atLeast), ceiling)
	if j.last != nil && !m.barred(j) {
		if rate = m.replacement(j, rate, ceiling, deadline, j.last.fee, weight, weight); rate == 0 {
			return m.again(j, news)
		}
	}
	d := m.draft(j, func(weight int) amount.Sat { return min(feeOf(rate, weight), most) })
	if d == nil {
		return append(j.say("no confirmed coins of the wallet can pay for claiming %s, %s", j.claims[0].Name, value), m.again(j, news)...)
	}
	return m.publish(j, d, nil, rate, most, m.why(j, value, deadline))
}

// weightOf is what a job's transaction will weigh, with one coin if it needs coins.
func (m *Machine) weightOf(j *job) int {
	d := sweep(j.claims)
	if j.claims[0].Fixed != nil {
		d.weight += walletOutput + inputWeight + coinWitness
	}
	return d.weight
}

// draft is a job's transaction, nil if there are not enough coins for its fee.
func (m *Machine) draft(j *job, fee func(weight int) amount.Sat) *draft {
	if j.claims[0].Fixed == nil {
		d := sweep(j.claims)
		if !d.pay(fee(d.weight), j.script) {
			return nil
		}
		return d
	}
	d := newDraft()
	d.claim(j.claims[0])
	fixed := j.claims[0].Fixed
	d.output(amount.Sat(fixed.Value), fixed.PkScript, 4*fixed.SerializeSize())
	if !d.fund(j.coins(), m.coins, fee, j.script) {
		return nil
	}
	return d
}

// coins are those of the version that may be in the mempool.
func (j *job) coins() []Coin {
	if j.last == nil {
		return nil
	}
	return j.last.coins
}

// barred reports whether the last version can never be mined, as a block has spent one of its inputs.
func (m *Machine) barred(j *job) bool {
	return slices.ContainsFunc(j.last.tx.TxIn, func(in *wire.TxIn) bool {
		s, gone := m.spent[in.PreviousOutPoint]
		return gone && s.by != j.last.txid
	})
}

// replacement is the rate of the next version, or 0 if the last one is good enough. paid is what that pays, and
// weight what the next one will weigh, both with the parent's if it has one; own is its weight without.
func (m *Machine) replacement(j *job, rate, ceiling amount.FeeratePerKw, deadline block.Height, paid amount.Sat, weight, own int) amount.FeeratePerKw {
	enough := replacePercent
	if hurried(deadline, m.height) {
		enough = replaceHurryPercent
	}
	if uint64(rate)*100 < uint64(j.last.rate)*uint64(enough) {
		return 0
	}
	least := rateOf(paid+feeOf(incremental, own), weight) + 1
	if rate = max(rate, least); rate > ceiling {
		return 0
	}
	return rate
}

// again sends the last version, with each block.
func (m *Machine) again(j *job, news bool) []Action {
	if j.last == nil || !news || m.mined(j.last) {
		return nil
	}
	return []Action{Send{ID: j.id, Tx: j.last.tx}}
}

// tooDear leaves claims for a better time; each waits for others again.
func (m *Machine) tooDear(j *job, rate, ceiling amount.FeeratePerKw, news bool) []Action {
	if j.last != nil {
		return m.again(j, news)
	}
	var actions []Action
	delete(m.jobs, j.id)
	for _, c := range j.claims {
		c.job = nil
		if text := fmt.Sprintf("it would have to pay %s, and may pay %s", rate, ceiling); c.said == "" {
			c.said = text
			actions = append(actions, Say{c.Channel, fmt.Sprintf("%s, output %s of %s, waits for lower fees: %s", c.Name, c.Outpoint, c.Amount, text)})
		}
	}
	return actions
}

// pursueWhole sends a transaction that the peer's signature prescribes, for ever the same.
func (m *Machine) pursueWhole(j *job, news bool) []Action {
	if j.last != nil {
		return m.again(j, news)
	}
	c := j.claims[0]
	d := newDraft()
	d.claim(c)
	d.output(amount.Sat(c.Fixed.Value), c.Fixed.PkScript, 4*c.Fixed.SerializeSize())
	return m.publish(j, d, nil, rateOf(d.fee(), d.weight), d.fee(), m.why(j, c.Amount, j.deadline()))
}

// publish hands a draft out to be signed and sent.
func (m *Machine) publish(j *job, d *draft, c *Commitment, rate amount.FeeratePerKw, most amount.Sat, why string) []Action {
	p := Publish{
		ID: j.id, Channel: j.channel, Tx: d.tx, Prevouts: d.prevouts, Claims: d.claims, Coins: d.coins, Anchor: d.anchor,
		Fee: d.fee(), Rate: rate, Why: why,
	}
	if c != nil {
		p.Parent = c.Tx
	}
	verb := "sends"
	if j.last != nil {
		verb, p.Replaces = "replaces "+j.last.txid.String()+" with", &j.last.txid
	}
	j.pending = &version{tx: d.tx, fee: d.fee(), rate: rate, coins: d.used}
	m.useCoins(d.used)
	return append(j.say("%s: %s a transaction at %s, fee %s of at most %s", why, verb, rate, d.fee(), most), p)
}

// useCoins keeps coins from other jobs of this Decide.
func (m *Machine) useCoins(used []Coin) {
	m.coins = slices.DeleteFunc(m.coins, func(c Coin) bool {
		return slices.ContainsFunc(used, func(u Coin) bool { return u.Outpoint == c.Outpoint })
	})
}

// why says what a job is about.
func (m *Machine) why(j *job, value amount.Sat, deadline block.Height) string {
	what := j.claims[0].Name
	if n := len(j.claims); n > 1 {
		what = fmt.Sprintf("%d outputs", n)
	}
	if deadline == 0 {
		return fmt.Sprintf("claiming %s, %s", what, value)
	}
	return fmt.Sprintf("claiming %s, %s, before block %d", what, value, deadline)
}

// sortedClaims are the claims in the order of their outpoints.
func (m *Machine) sortedClaims() []*claim {
	list := make([]*claim, 0, len(m.claims))
	for _, c := range m.claims {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *claim) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), bytes.Compare(a.Outpoint.Hash[:], b.Outpoint.Hash[:]), cmp.Compare(a.Outpoint.Index, b.Outpoint.Index))
	})
	return list
}
