package store

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/wallet"
)

func TestWallet(t *testing.T) {
	d := open(t)
	spend := wire.NewMsgTx(2)
	spend.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, nil, nil))
	coin := wallet.Coin{Outpoint: wire.OutPoint{Hash: chainhash.Hash{1}, Index: 2}, KeyPath: wallet.KeyPath{Kind: wallet.P2TR, Index: 7},
		Script: []byte{5}, Amount: 9, Height: 10}
	store := func(c *wallet.Changes) { must(t, d.Update(func(tx *Tx) error { return tx.StoreWallet(c) })) }
	store(&wallet.Changes{Addresses: []wallet.Address{{KeyPath: coin.KeyPath, Script: coin.Script}}, Coins: []wallet.Coin{coin},
		Txs: []wallet.Tx{{Txid: spend.TxHash(), Tx: spend}}})
	store(&wallet.Changes{Addresses: []wallet.Address{{KeyPath: coin.KeyPath, Script: coin.Script, Issued: true}}})
	if list, err := d.WalletAddresses(); err != nil || len(list) != 1 || !list[0].Issued || list[0].KeyPath != coin.KeyPath {
		t.Fatalf("addresses %+v, %v", list, err)
	}
	if list, err := d.WalletTxs(99); err != nil || len(list) != 1 || list[0].Txid != spend.TxHash() {
		t.Fatalf("unconfirmed transactions %+v, %v", list, err)
	}
	coin.SpentBy, coin.ReservedTo = spend.TxHash(), 80
	store(&wallet.Changes{Coins: []wallet.Coin{coin}})
	if list, err := d.WalletCoins(99); err != nil || len(list) != 1 || list[0].SpentBy != coin.SpentBy || list[0].ReservedTo != 80 {
		t.Fatalf("coin with an unconfirmed spend %+v, %v", list, err)
	}
	coin.SpentHeight = 20
	store(&wallet.Changes{Coins: []wallet.Coin{coin}})
	for since, want := range map[uint32]int{20: 1, 21: 0} {
		if list, err := d.coins("spent_height > 0 AND spent_height >= ?", since); err != nil || len(list) != want {
			t.Fatalf("since %d: %+v, %v", since, list, err)
		}
	}
	if list, err := d.SpentCoins(); err != nil || len(list) != 1 {
		t.Fatalf("spent coins %+v, %v", list, err)
	}
	store(&wallet.Changes{DeletedCoins: []wire.OutPoint{coin.Outpoint}, DeletedTxs: []chainhash.Hash{spend.TxHash()}})
	if list, err := d.AllWalletTxs(); err != nil || len(list) != 0 {
		t.Fatalf("after deletion %+v, %v", list, err)
	}
}
