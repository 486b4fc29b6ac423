package books

import (
	"cmp"
	"slices"

	"fulmen/internal/amount"
)

// The types of events.
const (
	TypeChain   = "chain"
	TypeChannel = "channel"
	TypeFee     = "onchain_fee"
)

// The tags that movements do not have.
const (
	tagFee          = "onchain_fee"
	tagInvoiceFee   = "invoice_fee"
	tagRebalanceFee = "rebalance_fee"
	tagJournal      = "journal_entry"
	tagPenaltyAdj   = "penalty_adj"
	tagWithdrawal   = "withdrawal"
)

// An Event is a movement, or a change of what is known of a fee, from its account's point of view.
type Event struct {
	Account   string
	Type      string
	Tag       string
	Credit    amount.Msat
	Debit     amount.Msat
	Timestamp uint64

	// Of the chain.
	Outpoint string
	Height   uint32
	Origin   string
	Txid     string // that spent it; of a fee, that it was paid for

	PaymentID string
	// Of a channel.
	Fees      amount.Msat
	Rebalance bool
	PartID    *uint64
}

// Events are all events in their order in time, or those that keep keeps.
func (b *Books) Events(keep func(*Event) bool) []Event {
	var list []Event
	add := func(e Event) {
		if keep == nil || keep(&e) {
			list = append(list, e)
		}
	}
	for i := range b.chain {
		add(b.chain[i].event())
	}
	rebalances := b.pairs()
	for i := range b.channel {
		e := b.channel[i].event()
		e.Rebalance = rebalances[i]
		add(e)
	}
	for _, a := range b.order {
		if b.resolved(a) {
			if e := a.settlement(); e.Credit+e.Debit != 0 {
				add(e)
			}
		}
	}
	for _, f := range b.allFees() {
		add(Event{
			Account: f.account, Type: TypeFee, Tag: tagFee, Credit: positive(f.change), Debit: positive(-f.change), Timestamp: f.at, Txid: f.txid,
		})
	}
	slices.SortStableFunc(list, func(x, y Event) int { return cmp.Compare(x.Timestamp, y.Timestamp) })
	return list
}

func (m *ChainMove) event() Event {
	return Event{
		Account: m.Account, Type: TypeChain, Tag: m.Tag, Credit: m.Credit, Debit: m.Debit, Timestamp: m.Timestamp,
		Outpoint: m.Outpoint, Height: m.Height, Origin: m.Origin, Txid: m.SpendingTxid, PaymentID: m.PaymentHash,
	}
}

func (m *ChannelMove) event() Event {
	return Event{
		Account: m.Account, Type: TypeChannel, Tag: m.Tag, Credit: m.Credit, Debit: m.Debit, Timestamp: m.Timestamp,
		PaymentID: m.PaymentHash.String(), Fees: m.Fees, PartID: m.PartID,
	}
}

// settlement is what the close of a channel took away beside our part of the commitment: the HTLCs that it had, which came
// to their end in the chain and are counted there, or in the channel as well. With it the events of the account come to 0.
func (a *account) settlement() Event {
	more := a.had() - net(a.close.Debit)
	return Event{Account: a.name, Type: TypeChannel, Tag: tagJournal, Debit: positive(more), Credit: positive(-more), Timestamp: a.last}
}

// OfAccount keeps the events of an account.
func OfAccount(name string) func(*Event) bool {
	return func(e *Event) bool { return e.Account == name }
}

// OfPayment keeps the events with a payment_hash, or of a transaction.
func OfPayment(id string) func(*Event) bool {
	return func(e *Event) bool {
		return e.PaymentID == id || e.Txid == id || e.Type == TypeChain && txidOf(e.Outpoint) == id
	}
}

// pairs are the movements within channels, by their place, of payments that we made to ourselves: what left by one channel
// came by another.
func (b *Books) pairs() map[int]bool {
	if b.paired == len(b.channel) {
		return b.rebalances
	}
	b.paired, b.rebalances = len(b.channel), map[int]bool{}
	var list []int
	for i := range b.channel {
		if m := &b.channel[i]; m.Tag == tagInvoice && m.PaymentHash != (Hash{}) {
			list = append(list, i)
		}
	}
	hash := func(i int) []byte { return b.channel[i].PaymentHash[:] }
	slices.SortStableFunc(list, func(i, j int) int { return slices.Compare(hash(i), hash(j)) })
	for len(list) > 0 {
		n := 1
		for n < len(list) && slices.Equal(hash(list[n]), hash(list[0])) {
			n++
		}
		b.pair(list[:n])
		list = list[n:]
	}
	return b.rebalances
}

// pair finds for each part that left the one that came, among the parts of one payment.
func (b *Books) pair(parts []int) {
	for _, out := range parts {
		for _, in := range parts {
			o, i := &b.channel[out], &b.channel[in]
			if o.Debit > 0 && i.Credit > 0 && o.Debit == i.Credit+o.Fees && !b.rebalances[in] && !b.rebalances[out] {
				b.rebalances[in], b.rebalances[out] = true, true
			}
		}
	}
}
