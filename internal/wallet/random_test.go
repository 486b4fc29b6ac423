package wallet

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

// state is all that a wallet tells of its coins.
func (w *testWallet) state() string {
	var text string
	for _, c := range w.Coins() {
		text += fmt.Sprintf("%s %d %d %d %t\n", c.Outpoint, c.Amount, c.Height, c.ReservedTo, c.Change)
	}
	var waiting []string
	for _, t := range w.UnconfirmedTxs() {
		waiting = append(waiting, t.TxHash().String())
	}
	slices.Sort(waiting)
	return text + fmt.Sprint(waiting)
}

// Whatever happens, in whatever order: a restart finds the same wallet, each coin is spent by a
// transaction that is known, and taking blocks back and connecting them again changes nothing.
func TestRandomHistory(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			w := newTestWallet(t)
			var blocks [][]*wire.MsgTx
			for range 60 {
				switch r.IntN(8) {
				case 0, 1, 2:
					blocks = append(blocks, w.randomBlock(r))
					w.mineBlock(blocks[len(blocks)-1])
				case 3:
					w.sendRandom(r)
				case 4:
					w.reserveRandom(r)
				case 5:
					if n := min(r.IntN(4), len(blocks)); n > 0 {
						w.roundTrip(blocks[len(blocks)-n:])
					}
				case 6:
					if n := min(r.IntN(3), len(blocks)); n > 0 {
						for range n {
							w.unmine()
						}
						blocks = blocks[:len(blocks)-n]
					}
				case 7:
					before := w.state()
					w.reopen()
					if after := w.state(); after != before {
						t.Fatalf("before the restart:\n%s\nafter:\n%s", before, after)
					}
				}
				w.checkInvariants()
			}
		})
	}
}

// randomBlock mines some of what waits, some of what conflicts with it, and deposits.
func (w *testWallet) randomBlock(r *rand.Rand) []*wire.MsgTx {
	txs := []*wire.MsgTx{w.coinbaseTo(1, []byte{0x51})}
	if r.IntN(5) == 0 {
		txs[0] = w.coinbaseTo(amount.Sat(1000+r.IntN(100)), w.address(P2TR).Script)
	}
	for range r.IntN(3) {
		txs = append(txs, w.pay(amount.Sat(1000+r.IntN(9000)), w.address(P2WPKH).Script))
	}
	spent := map[wire.OutPoint]bool{}
	for _, t := range w.UnconfirmedTxs() {
		if r.IntN(3) == 0 {
			break // children wait for their parents, which come first
		}
		txs = append(txs, t)
		for _, in := range t.TxIn {
			spent[in.PreviousOutPoint] = true
		}
	}
	for o, c := range w.coins {
		if c.SpentHeight == 0 && c.SpentBy != (chainhash.Hash{}) && c.Height != 0 && !spent[o] && r.IntN(4) == 0 {
			txs = append(txs, w.spend(1, []byte{0x51}, o))
			break
		}
	}
	return txs
}

func (w *testWallet) sendRandom(r *rand.Rand) {
	coins := w.Coins()
	if len(coins) == 0 {
		return
	}
	c := coins[r.IntN(len(coins))]
	if w.Status(&c) == Immature {
		return
	}
	script := []byte{0x51}
	if r.IntN(2) == 0 {
		script = w.address(P2TR).Script
	}
	t := w.spend(c.Amount-1, script, c.Outpoint)
	w.keep(w.Sent(t), nil)
	if r.IntN(4) == 0 {
		w.keep(w.Abandon(t.TxHash()), nil)
	}
}

func (w *testWallet) reserveRandom(r *rand.Rand) {
	for _, c := range w.Coins() {
		if r.IntN(3) == 0 {
			_, changes, err := w.Reserve([]wire.OutPoint{c.Outpoint}, uint32(r.IntN(20)), false)
			w.keep(changes, err)
		}
	}
}

// roundTrip takes blocks back and connects them again.
func (w *testWallet) roundTrip(blocks [][]*wire.MsgTx) {
	w.t.Helper()
	for range blocks {
		w.unmine()
	}
	w.checkInvariants()
	for _, b := range blocks {
		w.mineBlock(b)
	}
}

// checkInvariants holds memory against the storage, and coins against transactions.
func (w *testWallet) checkInvariants() {
	w.t.Helper()
	for o, c := range w.coins {
		if !reflect.DeepEqual(w.storage.coins[o], *c) {
			w.t.Fatalf("coin %s is %+v in memory, %+v in the storage", o, *c, w.storage.coins[o])
		}
		if c.SpentBy != (chainhash.Hash{}) {
			spender := w.txs[c.SpentBy]
			if spender == nil || spender.Height != c.SpentHeight {
				w.t.Fatalf("coin %s is spent at %d by %s, which is %+v", o, c.SpentHeight, c.SpentBy, spender)
			}
		}
		if parent := w.txs[o.Hash]; parent == nil || parent.Height != c.Height {
			w.t.Fatalf("coin %s at %d comes from %+v", o, c.Height, parent)
		}
	}
	if len(w.coins) != len(w.storage.coins) || len(w.txs) != len(w.storage.txs) {
		w.t.Fatalf("%d coins and %d transactions, stored %d and %d",
			len(w.coins), len(w.txs), len(w.storage.coins), len(w.storage.txs))
	}
	for txid, t := range w.txs {
		if stored := w.storage.txs[txid]; stored.Height != t.Height || stored.Index != t.Index {
			w.t.Fatalf("transaction %s is in block %d, stored %d", txid, t.Height, stored.Height)
		}
		for _, in := range t.Tx.TxIn {
			if c := w.coins[in.PreviousOutPoint]; c != nil && c.SpentBy != txid {
				w.t.Fatalf("transaction %s spends %s, which %s spends too", txid, c.Outpoint, c.SpentBy)
			}
		}
	}
}
