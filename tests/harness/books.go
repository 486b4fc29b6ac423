package harness

import (
	"fmt"

	"fulmen/internal/amount"
)

// Account is an account of the plugin bookkeeper's, as bkpr-listbalances says.
type Account struct {
	Name     string `json:"account"`
	Closed   bool   `json:"account_closed"`
	Resolved bool   `json:"account_resolved"`
	Balances []struct {
		Msat amount.Msat `json:"balance_msat"`
	} `json:"balances"`
}

// Accounts are the wallet and all channels.
func (n *Node) Accounts() []Account {
	n.t.Helper()
	var r struct {
		Accounts []Account `json:"accounts"`
	}
	n.Call("bkpr-listbalances", nil, &r)
	return r.Accounts
}

// Income is an income or expense, as bkpr-listincome says.
type Income struct {
	Account     string      `json:"account"`
	Tag         string      `json:"tag"`
	Credit      amount.Msat `json:"credit_msat"`
	Debit       amount.Msat `json:"debit_msat"`
	Description string      `json:"description"`
	Outpoint    string      `json:"outpoint"`
	Txid        string      `json:"txid"`
	PaymentID   string      `json:"payment_id"`
}

// Incomes are all.
func (n *Node) Incomes() []Income {
	n.t.Helper()
	var r struct {
		List []Income `json:"income_events"`
	}
	n.Call("bkpr-listincome", nil, &r)
	return r.List
}

// CheckBooks fails unless the books are as they should be when nothing is under way: the accounts have what listfunds
// says, channels that are closed are resolved, and what the accounts have is what came less what was spent. The events of
// each account come to what it has.
func (n *Node) CheckBooks() {
	n.t.Helper()
	Eventually(n.t, "the books of "+n.Name+" are right", n.booksRight)
}

func (n *Node) booksRight() error {
	funds := n.Funds()
	var channels, all amount.Msat
	for _, a := range n.Accounts() {
		has := a.Balances[0].Msat
		all += has
		events := n.eventsOf(a.Name)
		switch {
		case a.Name == "wallet" && has != funds.OnChain():
			return fmt.Errorf("the wallet has %s, listfunds says %s", has, funds.OnChain())
		case a.Closed && (!a.Resolved || has != 0):
			return fmt.Errorf("the closed channel has %s, resolved is %v", has, a.Resolved)
		case events != int64(has):
			return fmt.Errorf("%s has %s, its events come to %d", a.Name, has, events)
		case a.Name != "wallet":
			channels += has
		}
	}
	if channels != funds.InChannels() {
		return fmt.Errorf("channels have %s, listfunds says %s", channels, funds.InChannels())
	}
	var sum int64
	incomes := n.Incomes()
	for _, i := range incomes {
		sum += int64(i.Credit) - int64(i.Debit)
	}
	if sum != int64(all) {
		return fmt.Errorf("incomes come to %d, the accounts have %s: %+v", sum, all, incomes)
	}
	return nil
}

// eventsOf is what the events of an account come to, but for fees.
func (n *Node) eventsOf(account string) (sum int64) {
	var r struct {
		Events []struct {
			Type   string      `json:"type"`
			Credit amount.Msat `json:"credit_msat"`
			Debit  amount.Msat `json:"debit_msat"`
		} `json:"events"`
	}
	n.Call("bkpr-listaccountevents", []any{account}, &r)
	for _, e := range r.Events {
		if e.Type != "onchain_fee" {
			sum += int64(e.Credit) - int64(e.Debit)
		}
	}
	return sum
}
