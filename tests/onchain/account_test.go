package onchain

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// account knows what each node had before a channel was closed.
type account struct {
	s          *stage
	opener     *harness.Node
	before     map[*harness.Node]amount.Msat
	known      map[*harness.Node]map[string]bool // transactions of their wallets
	commitment chainhash.Hash
	paid       amount.Sat // by the opener for the commitment and its anchors
}

func (s *stage) account() *account {
	s.t.Helper()
	a := &account{s: s, opener: s.alice, before: map[*harness.Node]amount.Msat{}, known: map[*harness.Node]map[string]bool{}}
	for _, n := range s.nodes() {
		a.before[n], a.known[n] = n.Funds().OnChain(), walletTxs(s, n)
	}
	return a
}

// paysForItself reports whether all that a transaction has is from the commitment.
func (a *account) paysForItself(txid chainhash.Hash) bool {
	for _, in := range a.s.tx(txid).TxIn {
		if in.PreviousOutPoint.Hash != a.commitment {
			return false
		}
	}
	return true
}

// walletTxs are the transactions that a node's wallet knows.
func walletTxs(s *stage, n *harness.Node) map[string]bool {
	s.t.Helper()
	var list struct {
		Transactions []struct {
			Hash string `json:"hash"`
		} `json:"transactions"`
	}
	n.Call("listtransactions", nil, &list)
	known := map[string]bool{}
	for _, tx := range list.Transactions {
		known[tx.Hash] = true
	}
	return known
}

// commitmentOf takes in what closed the channel; trimmed is the sum of the HTLCs without an output.
func (a *account) commitmentOf(txid chainhash.Hash, trimmed amount.Sat) {
	a.s.t.Helper()
	tx := a.s.tx(txid)
	if tx == nil {
		a.s.t.Fatalf("the commitment %s is not mined", txid)
	}
	a.commitment, a.paid = txid, amount.Sat(a.s.fundingOf(tx).Value)-trimmed
	for _, out := range tx.TxOut {
		if amount.Sat(out.Value) != anchor {
			a.paid -= amount.Sat(out.Value)
		}
	}
}

// check fails unless a node has what it had and its share of the channel, less the fees of the transactions
// that are its own; the opener pays for the commitment besides.
func (a *account) check(n *harness.Node, share amount.Sat) {
	a.s.t.Helper()
	want := a.before[n] + share.Msat()
	if n == a.opener {
		want -= a.paid.Msat()
	}
	fees := amount.Sat(0)
	known, stages := walletTxs(a.s, n), map[chainhash.Hash]bool{}
	for txid := range known {
		if a.known[n][txid] {
			continue
		}
		hash, err := chainhash.NewHashFromStr(txid)
		if err != nil {
			a.s.t.Fatal(err)
		}
		tx := a.s.tx(*hash)
		if tx == nil {
			a.s.t.Errorf("transaction %s of %s is not mined", txid, n.Name)
			continue
		}
		if *hash == a.commitment {
			continue
		}
		fees += a.s.fee(tx)
		for _, in := range tx.TxIn {
			if spent := in.PreviousOutPoint; spent.Hash == a.commitment && a.s.tx(spent.Hash).TxOut[spent.Index].Value == int64(anchor) {
				want += anchor.Msat() // by the child of a commitment
			}
			// An HTLC transaction that pays for itself is not the wallet's: only what it leaves is.
			if stage := in.PreviousOutPoint.Hash; stage != a.commitment && !known[stage.String()] && a.paysForItself(stage) {
				stages[stage] = true
			}
		}
	}
	for stage := range stages {
		fees += a.s.fee(a.s.tx(stage))
	}
	if got := n.Funds().OnChain(); got != want-fees.Msat() {
		a.s.t.Errorf("%s has %s, want %s less the fees of %s", n.Name, got, want, fees)
	}
	if sum := moved(n, "wallet"); sum != int64(n.Funds().OnChain()) {
		a.s.t.Errorf("%s: the movements of the wallet come to %d msat, it has %s", n.Name, sum, n.Funds().OnChain())
	}
	n.CheckBooks()
	a.s.t.Logf("%s: share %s, fees %s, commitment %s", n.Name, share, fees, a.paid)
}

// moved is what the movements in the chain come to, of one account.
func moved(n *harness.Node, accountID string) (sum int64) {
	var list struct {
		Moves []struct {
			Account string      `json:"account_id"`
			Credit  amount.Msat `json:"credit_msat"`
			Debit   amount.Msat `json:"debit_msat"`
		} `json:"chainmoves"`
	}
	n.Call("listchainmoves", nil, &list)
	for _, m := range list.Moves {
		if m.Account == accountID {
			sum += int64(m.Credit) - int64(m.Debit)
		}
	}
	return sum
}
