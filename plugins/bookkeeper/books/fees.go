package books

import (
	"slices"

	"fulmen/internal/amount"
)

// fee is a change of what an account has paid for a transaction.
type fee struct {
	account string
	txid    string
	change  net
	at      uint64
}

// assess finds what a transaction's fee is, and whose, and records what has changed: movements of one transaction come
// one after the other.
func (b *Books) assess(txid string, t *transaction, at uint64) {
	shares := t.shares()
	for _, a := range t.parties {
		if change := shares[a] - t.fees[a]; change != 0 {
			t.fees[a] = shares[a]
			b.fees = append(b.fees, fee{a.name, txid, change, at})
		}
	}
}

// shares divides the fee of a transaction.
func (t *transaction) shares() map[*account]net {
	fee := t.in - t.out - t.paid
	if t.closes || t.in == 0 || t.out+t.paid == 0 || fee <= 0 {
		// A close is assessed when it has come to its end (cost); what others put in is not ours to know.
		return nil
	}
	payers := slices.DeleteFunc(slices.Clone(t.parties), func(a *account) bool { return !a.isChannel() })
	if len(payers) == 0 {
		payers = t.parties
	}
	shares, n := map[*account]net{}, net(len(payers))
	for i, a := range payers {
		shares[a] = fee / n
		if net(i) < fee%n {
			shares[a]++
		}
	}
	return shares
}

// cost is what a close has cost that is resolved.
type cost struct {
	lost    []net // of each of the transaction's outputs that the peer took
	fee     net
	unknown net // in place of fee, where it is not known what became of all outputs
	gain    net // what we have more than we had
}

func (b *Books) cost(a *account) cost {
	t := b.tx(a.close.SpendingTxid)
	rest := a.had() - t.out
	var c cost
	for i := range t.lost {
		part := max(0, min(rest, net(t.lost[i].Credit)))
		c.lost = append(c.lost, part)
		rest -= part
	}
	c.gain = max(-rest, 0)
	if b.accounted(a) {
		c.fee = max(rest, 0)
	} else {
		c.unknown = max(rest, 0)
	}
	return c
}

// allFees are the recorded fees, and those of the closes.
func (b *Books) allFees() []fee {
	list := slices.Clone(b.fees)
	for _, a := range b.order {
		if b.resolved(a) {
			if c := b.cost(a); c.fee > 0 {
				list = append(list, fee{a.name, a.close.SpendingTxid, c.fee, a.last})
			}
		}
	}
	return list
}

// feesOf is what all accounts have paid for a transaction.
func (b *Books) feesOf(txid string) amount.Msat {
	var sum net
	for _, f := range b.allFees() {
		if f.txid == txid {
			sum += f.change
		}
	}
	return positive(sum)
}

// positive is an amount, or 0 where there is less.
func positive(n net) amount.Msat { return amount.Msat(max(n, 0)) }
