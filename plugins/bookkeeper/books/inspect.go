package books

import (
	"slices"
	"strconv"
	"strings"

	"fulmen/internal/amount"
)

// Tx is a transaction of a channel: what funded it, closed it, or came after.
type Tx struct {
	Txid    string
	Height  uint32 // 0: not known
	Fees    amount.Msat
	Outputs []Output
}

// Output is an output of such a transaction, of one account.
type Output struct {
	Account  string
	Index    uint32
	Value    amount.Msat
	Credit   *amount.Msat // as it came; nil: it was not the account's
	Debit    *amount.Msat // as it was spent; nil: it is not spent
	Origin   string
	Tag      string // with Credit
	SpendTag string // with Debit
	Spender  string // transaction; empty: not told
	Payment  string
}

// Inspect lists the transactions of a channel, each before those that spend it; false where there is no such channel.
func (b *Books) Inspect(name string) ([]Tx, bool) {
	a := b.accounts[name]
	if a == nil || !a.isChannel() {
		return nil, false
	}
	var list []Tx
	seen := map[string]bool{}
	var visit []string
	if a.open != nil {
		visit = append(visit, a.open.about())
	} else if a.close != nil {
		visit = append(visit, a.close.SpendingTxid)
	}
	for _, o := range a.outputs { // what others' transactions left us
		if txid := txidOf(o); b.tx(txid).in == 0 {
			visit = append(visit, txid)
		}
	}
	for len(visit) > 0 {
		txid := visit[0]
		visit = visit[1:]
		if seen[txid] {
			continue
		}
		seen[txid] = true
		t := b.inspect(txid)
		list = append(list, t)
		for _, o := range t.Outputs {
			if o.Account == name && o.Spender != "" {
				visit = append(visit, o.Spender)
			}
		}
	}
	return list, true
}

// inspect lists the outputs of a transaction that movements name.
func (b *Books) inspect(txid string) Tx {
	tx := Tx{Txid: txid, Fees: b.feesOf(txid)}
	for i := range b.chain {
		m := &b.chain[i]
		if m.about() == txid && tx.Height == 0 {
			tx.Height = m.Height
		}
		if txidOf(m.Outpoint) != txid {
			continue
		}
		index := outputOf(m.Outpoint)
		at := slices.IndexFunc(tx.Outputs, func(o Output) bool { return o.Index == index && o.Account == m.Account })
		if at < 0 {
			at = len(tx.Outputs)
			tx.Outputs = append(tx.Outputs, Output{Account: m.Account, Index: index, Value: m.Output})
		}
		tx.Outputs[at].take(m)
	}
	slices.SortStableFunc(tx.Outputs, func(x, y Output) int { return int(x.Index) - int(y.Index) })
	return tx
}

func (o *Output) take(m *ChainMove) {
	if m.Origin != "" {
		o.Origin = m.Origin
	}
	if m.PaymentHash != "" {
		o.Payment = m.PaymentHash
	}
	if m.Debit > 0 || m.SpendingTxid != "" {
		o.Debit, o.SpendTag, o.Spender = &m.Debit, m.Tag, m.SpendingTxid
	} else {
		o.Credit, o.Tag = &m.Credit, m.Tag
	}
}

func outputOf(outpoint string) uint32 {
	_, index, _ := strings.Cut(outpoint, ":")
	n, err := strconv.ParseUint(index, 10, 32)
	if err != nil {
		return 0 // lightningd says no such thing
	}
	return uint32(n)
}
