package books

import (
	"slices"
	"strings"
)

// Books are all accounts. The zero Books have none.
type Books struct {
	chain   []ChainMove   // by created_index
	channel []ChannelMove // by created_index
	fees    []fee         // in the order in which they became known

	accounts map[string]*account
	order    []*account // in which they came
	txs      map[string]*transaction

	rebalances map[int]bool // see paired
	paired     int          // how many movements these were looked for in
}

// net is msat that can be negative.
type net = int64

// account is what one account has.
type account struct {
	name    string
	peer    string
	chain   net        // its outputs that are not spent, but for a channel's funding output
	within  net        // what the movements within the channel come to
	open    *ChainMove // nil: not seen
	close   *ChainMove
	outputs []string // of a channel: all outpoints that its movements name, but for the funding output
	over    bool     // lightningd has done with it; see Over
	last    uint64   // timestamp of its newest movement in the chain
	height  uint32   // and the block of it
}

// transaction is what one transaction does to the accounts.
type transaction struct {
	in, out net // of ours
	paid    net // outputs of others that the wallet paid
	parties []*account
	fees    map[*account]net // as they were recorded
	closes  bool             // it spends a channel's funding output
	outputs map[string]bool  // that movements name
	lost    []ChainMove      // outputs of a close that the peer took, by a penalty or by fraud
}

// LastChain and LastChannel are the created_index of the last movement that was added, 0 where there is none.
func (b *Books) LastChain() uint64 {
	if len(b.chain) == 0 {
		return 0
	}
	return b.chain[len(b.chain)-1].CreatedIndex
}

// LastChannel is the same for movements within channels.
func (b *Books) LastChannel() uint64 {
	if len(b.channel) == 0 {
		return 0
	}
	return b.channel[len(b.channel)-1].CreatedIndex
}

func (b *Books) account(name string) *account {
	if a := b.accounts[name]; a != nil {
		return a
	}
	if b.accounts == nil {
		b.accounts = map[string]*account{}
	}
	a := &account{name: strings.Clone(name)}
	b.accounts[a.name] = a
	b.order = append(b.order, a)
	return a
}

func (b *Books) tx(txid string) *transaction {
	if t := b.txs[txid]; t != nil {
		return t
	}
	if b.txs == nil {
		b.txs = map[string]*transaction{}
	}
	t := &transaction{fees: map[*account]net{}, outputs: map[string]bool{}}
	b.txs[txid] = t
	return t
}

// AddChannel takes the next movements within channels, in their order.
func (b *Books) AddChannel(moves ...ChannelMove) {
	for _, m := range moves {
		a := b.account(m.Account)
		m.Account, m.Tag = a.name, shared(m.Tag) // a node that routes has many of them
		a.within += net(m.Credit) - net(m.Debit)
		b.channel = append(b.channel, m)
	}
}

// shared is one copy of a tag that comes again and again.
func shared(tag string) string {
	known := []string{tagInvoice, tagRouted, tagPushed}
	if i := slices.Index(known, tag); i >= 0 {
		return known[i]
	}
	return tag
}

// AddChain takes the next movements in the chain, in their order.
func (b *Books) AddChain(moves ...ChainMove) {
	for _, m := range moves {
		b.chain = append(b.chain, m)
		b.count(m)
	}
}

// count adds a movement to what its account has, and to what its transaction does.
func (b *Books) count(m ChainMove) {
	a := b.account(m.owner())
	a.last, a.height = max(a.last, m.Timestamp), max(a.height, m.Height)
	if m.PeerID != "" {
		a.peer = m.PeerID
	}
	t := b.tx(m.about())
	if m.SpendingTxid == "" {
		t.outputs[m.Outpoint] = true
		if a.isChannel() && m.Tag != tagChannelOpen {
			a.outputs = append(a.outputs, m.Outpoint)
		}
	}
	switch {
	case m.Account == External && m.Tag == tagDeposit:
		t.paid += net(m.Credit)
	case m.Account == External && (m.Tag == tagPenalized || m.Tag == tagStolen):
		t.lost = append(t.lost, m)
	case m.Account == External:
	case m.Tag == tagChannelOpen:
		a.open = &m
		t.takes(a, &m)
	case m.Tag == tagChannelClose:
		a.close, t.closes = &m, true
		t.takes(a, &m)
	case m.isLoss():
		a.chain -= net(m.Debit)
	default:
		a.chain += net(m.Credit) - net(m.Debit)
		t.takes(a, &m)
	}
	b.assess(m.about(), t, m.Timestamp)
}

func (a *account) isChannel() bool { return a.name != Wallet && a.name != External }

// takes adds what a transaction takes from an account, or gives to it.
func (t *transaction) takes(a *account, m *ChainMove) {
	t.in += net(m.Debit)
	t.out += net(m.Credit)
	if !slices.Contains(t.parties, a) {
		t.parties = append(t.parties, a)
	}
}

// resolved reports whether all that a channel had in the chain has come to its end.
func (b *Books) resolved(a *account) bool {
	return a.close != nil && a.chain == 0 && (a.over || b.accounted(a))
}

// accounted reports whether all outputs of the transaction that closed a channel are known to be somebody's.
func (b *Books) accounted(a *account) bool {
	txid := a.close.SpendingTxid
	known := len(b.tx(txid).outputs)
	for _, o := range a.outputs {
		// A cheater's HTLC transaction, of which we took or lost the output, is not ours: the output that it spent has no
		// movement of its own.
		if of := txidOf(o); of != txid && b.tx(of).in == 0 {
			known++
		}
	}
	return known >= int(a.close.OutputCount)
}

// Unresolved reports whether there are channels that are closed, but have not come to their end.
func (b *Books) Unresolved() bool {
	return slices.ContainsFunc(b.order, func(a *account) bool { return a.close != nil && !b.resolved(a) })
}

// Over says that lightningd has done with a channel. Of some outputs movements never say whose they are: where a mutual
// close paid out of the wallet, or where this node has lost the state that it needed to know.
func (b *Books) Over(channel string) {
	if a := b.accounts[channel]; a != nil {
		a.over = true
	}
}

// had is what a channel had before it was closed.
func (a *account) had() net {
	if a.open == nil {
		return a.within
	}
	return net(a.open.Credit) + a.within
}

func (a *account) balance() net {
	if a.isChannel() && a.close == nil {
		return a.had()
	}
	return a.chain
}

// A Balance is what an account has.
type Balance struct {
	Account string
	Msat    net    // less than nothing as long as its deposit is not confirmed
	PeerID  string // of a channel
	// These are a channel's.
	WeOpened, Closed, Resolved bool
	ResolvedAt                 uint32 // block
}

// Balances are those of all accounts of ours, in the order in which they came. The wallet is there in any case.
func (b *Books) Balances() []Balance {
	b.account(Wallet)
	var list []Balance
	for _, a := range b.order {
		if a.name == External {
			continue
		}
		e := Balance{Account: a.name, Msat: a.balance()}
		if a.isChannel() {
			e.PeerID, e.Closed, e.Resolved = a.peer, a.close != nil, b.resolved(a)
			e.WeOpened = a.open != nil && slices.Contains(a.open.ExtraTags, "opener")
			if e.Resolved {
				e.ResolvedAt = a.height
			}
		}
		list = append(list, e)
	}
	return list
}
