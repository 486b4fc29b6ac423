package books

import (
	"cmp"
	"slices"

	"fulmen/internal/amount"
)

// An Income is what came to the node or left it, from the node's point of view.
type Income struct {
	Account   string
	Tag       string
	Credit    amount.Msat
	Debit     amount.Msat
	Fees      amount.Msat // of an invoice that we paid: what its income invoice_fee has
	Timestamp uint64
	Outpoint  string
	Txid      string
	PaymentID string
}

// Period is a time in unix seconds, both ends included.
type Period struct{ Start, End uint64 }

func (p Period) has(at uint64) bool { return p.Start <= at && at <= p.End }

// Incomes are all of a time, in their order. Fees of the chain are one for an account and transaction if they are to be
// consolidated, otherwise each as it became known.
func (b *Books) Incomes(p Period, consolidate bool) []Income {
	list := b.chainIncomes()
	rebalances := b.pairs()
	for i := range b.channel {
		list = append(list, b.channel[i].incomes(rebalances[i])...)
	}
	for _, a := range b.order {
		if b.resolved(a) {
			list = append(list, b.closeIncomes(a)...)
		}
	}
	list = slices.DeleteFunc(list, func(i Income) bool { return !p.has(i.Timestamp) })
	list = append(list, b.feeIncomes(p, consolidate)...)
	slices.SortStableFunc(list, func(x, y Income) int { return cmp.Compare(x.Timestamp, y.Timestamp) })
	return list
}

// chainIncomes are those in the chain but for fees.
func (b *Books) chainIncomes() []Income {
	var list []Income
	shared := map[*transaction]bool{} // transactions that others paid for too, and which were seen
	for i := range b.chain {
		m := &b.chain[i]
		t := b.tx(m.about())
		income := Income{Account: m.owner(), Tag: m.Tag, Credit: m.Credit, Debit: m.Debit, Timestamp: m.Timestamp, Outpoint: m.Outpoint, PaymentID: m.PaymentHash}
		surplus := t.out + t.paid - t.in
		switch {
		case m.Account == External && m.Tag == tagDeposit:
			income.Tag, income.Credit, income.Debit = tagWithdrawal, 0, m.Credit
		case m.Account == External:
			continue
		case m.isLoss():
		case m.Credit == 0 || t.closes || m.Account == Wallet && m.Origin != "" && m.Origin != Wallet:
			continue
		case t.in == 0:
			if m.Tag == tagChannelOpen { // coins that were never ours paid for it
				income.Tag = tagDeposit
			}
		case surplus > 0 && !shared[t]:
			shared[t] = true
			income.Tag, income.Credit, income.Outpoint, income.Txid = tagDeposit, positive(surplus), "", m.about()
		default:
			continue
		}
		list = append(list, income)
	}
	return list
}

// incomes are those of a movement within a channel.
func (m *ChannelMove) incomes(rebalance bool) []Income {
	income := Income{Account: m.Account, Tag: m.Tag, Credit: m.Credit, Debit: m.Debit, Timestamp: m.Timestamp, PaymentID: m.PaymentHash.String()}
	paidFee := income
	paidFee.Tag, paidFee.Credit, paidFee.Debit = tagInvoiceFee, 0, m.Fees
	switch {
	case rebalance && m.Debit > 0:
		paidFee.Tag = tagRebalanceFee
		return nonzero(paidFee)
	case rebalance || m.Tag == tagRouted && m.Debit == 0:
		return nil // told with what left
	case m.Tag == tagRouted:
		income.Credit, income.Debit = m.Fees, 0
		return nonzero(income)
	case m.Tag == tagInvoice && m.Debit > 0:
		income.Debit -= min(m.Fees, m.Debit)
		income.Fees = m.Fees
		return append(nonzero(income), nonzero(paidFee)...)
	}
	return nonzero(income)
}

func nonzero(i Income) []Income {
	if i.Credit+i.Debit == 0 {
		return nil
	}
	return []Income{i}
}

// closeIncomes are those of a close but for its fee.
func (b *Books) closeIncomes(a *account) []Income {
	t, c := b.tx(a.close.SpendingTxid), b.cost(a)
	var list []Income
	for i, part := range c.lost {
		m := &t.lost[i]
		list = append(list, nonzero(Income{
			Account: a.name, Tag: m.Tag, Debit: positive(part), Timestamp: m.Timestamp, Outpoint: m.Outpoint, PaymentID: m.PaymentHash,
		})...)
	}
	gain := Income{Account: a.name, Tag: tagPenaltyAdj, Credit: positive(c.gain), Timestamp: a.last, Txid: a.close.SpendingTxid}
	if a.open == nil { // the books begin after it was opened
		gain.Tag = tagJournal
	}
	gone := Income{Account: a.name, Tag: tagJournal, Debit: positive(c.unknown), Timestamp: a.last, Txid: a.close.SpendingTxid}
	return append(append(list, nonzero(gain)...), nonzero(gone)...)
}

// feeIncomes are the fees of the chain.
func (b *Books) feeIncomes(p Period, consolidate bool) []Income {
	type payer struct{ account, txid string }
	var payers []payer
	sums, last := map[payer]net{}, map[payer]uint64{}
	var list []Income
	for _, f := range b.allFees() {
		if !p.has(f.at) {
			continue
		}
		if !consolidate {
			list = append(list, feeIncome(f.account, f.txid, f.change, f.at))
			continue
		}
		key := payer{f.account, f.txid}
		if _, seen := sums[key]; !seen {
			payers = append(payers, key)
		}
		sums[key] += f.change
		last[key] = max(last[key], f.at)
	}
	for _, key := range payers {
		list = append(list, nonzero(feeIncome(key.account, key.txid, sums[key], last[key]))...)
	}
	return list
}

func feeIncome(account, txid string, paid net, at uint64) Income {
	return Income{Account: account, Tag: tagFee, Debit: positive(paid), Credit: positive(-paid), Timestamp: at, Txid: txid}
}
