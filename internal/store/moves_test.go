package store

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/keys"
)

func TestMoves(t *testing.T) {
	d := open(t)
	at := time.Unix(1_700_000_000, 0)
	peer, txid, hash := keys.PubKey{2, 1}, [32]byte{7}, [32]byte{9}
	spent := ChainMove{
		Account: "wallet", Origin: "external", PeerID: &peer, Tag: "withdrawal", ExtraTags: []string{"opener", "leased"}, Debit: 5000, At: at,
		Outpoint: wire.OutPoint{Hash: [32]byte{1}, Index: 3}, Output: 5, SpendingTxid: &txid, OutputCount: 2, PaymentHash: &hash, Height: 11,
	}
	found := ChainMove{Account: "wallet", Tag: "deposit", Credit: 5000, At: at, Outpoint: spent.Outpoint, Output: 5, Height: 10}
	part, group := uint64(0), uint64(4)
	sent := ChannelMove{Channel: 1, Tag: MoveInvoice, Debit: 10, Fees: 1, At: at, PaymentHash: &hash, Part: &part, Group: &group}
	pushed := ChannelMove{Channel: 2, Tag: MovePushed, Credit: 7, At: at}
	must(t, d.Update(func(tx *Tx) error {
		for range 2 { // the second time is no other
			for _, m := range []*ChainMove{&found, &spent} {
				if err := tx.AddChainMove(m); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	must(t, d.Update(func(tx *Tx) error { return tx.AddChannelMove(&sent) }))
	must(t, d.Update(func(tx *Tx) error { return errors.Join(tx.AddPush(&pushed), tx.AddPush(&pushed)) }))

	chain, err := d.ChainMoves(Page{})
	if err != nil {
		t.Fatal(err)
	}
	found.CreatedIndex = 1
	spent.CreatedIndex = chain[len(chain)-1].CreatedIndex
	if want := []ChainMove{found, spent}; !reflect.DeepEqual(chain, want) {
		t.Errorf("in the chain\n%+v\nwant\n%+v", chain, want)
	}
	channels, err := d.ChannelMoves(Page{Start: 1, Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	sent.CreatedIndex, pushed.CreatedIndex = 1, 2
	if want := []ChannelMove{sent, pushed}; !reflect.DeepEqual(channels, want) {
		t.Errorf("in channels\n%+v\nwant\n%+v", channels, want)
	}
	must(t, d.Update(func(tx *Tx) error { return tx.RemoveChainMoves(11) }))
	if chain, err = d.ChainMoves(Page{Start: 1}); err != nil || len(chain) != 1 {
		t.Errorf("after a reorganisation %+v, %v", chain, err)
	}
}
