package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/chain"
	"fulmen/internal/wallet"
)

// sulkingBackend answers each transaction with an error.
type sulkingBackend struct {
	deafBackend
	answer error
}

func (b *sulkingBackend) SendTx(context.Context, *btcwire.MsgTx, bool) error { return b.answer }

// TestInputsOfWhatMayBeUnderWay: a backend that does not answer may have taken the transaction, and it is sent again.
// If its inputs were free, whoever tries once more would pay twice.
func TestInputsOfWhatMayBeUnderWay(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		stays bool
	}{
		{"no answer", errors.New("bitcoind at 127.0.0.1:8332: timeout"), true},
		{"refused", &chain.Rejected{Reason: "min relay fee not met"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := surround(t)
			dir := w.dir
			w.end()
			w = surroundIn(t, dir, &sulkingBackend{answer: tt.err})
			defer w.end()
			coin := w.coin(50_000)
			p, err := psbt.New([]*btcwire.OutPoint{&coin}, []*btcwire.TxOut{btcwire.NewTxOut(40_000, []byte{0, 20, 21: 0})}, 2, 0, []uint32{0})
			if err != nil {
				t.Fatal(err)
			}
			p.Inputs[0].FinalScriptWitness = []byte{1, 1, 7}
			_, err = w.n.sendPSBT(context.Background(), &sendPSBTParams{PSBT: psbtParam{p}, Reserve: 72})
			if !errors.Is(err, tt.err) || tt.stays != strings.Contains(err.Error(), "stay reserved") {
				t.Errorf("the caller is told %v", err)
			}
			var reserved bool
			w.n.loop.call(func() {
				c, ok := w.n.wallet.Unspent(coin)
				reserved = ok && w.n.wallet.Reserved(&c)
			})
			if reserved != tt.stays {
				t.Errorf("the coin is reserved: %v, want %v", reserved, tt.stays)
			}
		})
	}
}

// coin mines one for the wallet.
func (w *surroundings) coin(value int64) btcwire.OutPoint {
	w.t.Helper()
	var script []byte
	w.n.loop.call(func() {
		list, changes, err := w.n.wallet.NewAddresses(wallet.P2TR)
		if err != nil {
			w.t.Error(err)
			return
		}
		script = list[0].Script
		w.n.storeWallet("store the wallet", changes, nil)
	})
	tx := btcwire.NewMsgTx(2)
	tx.AddTxIn(btcwire.NewTxIn(&btcwire.OutPoint{Index: 7}, nil, nil))
	tx.AddTxOut(btcwire.NewTxOut(value, script))
	w.mine(testHeight+1, tx)
	return btcwire.OutPoint{Hash: tx.TxHash()}
}
