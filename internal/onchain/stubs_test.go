package onchain

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// TestStubFilter: of all that a channel ever had, one for each output's script, the first to expire.
func TestStubFilter(t *testing.T) {
	k := &keys.CommitmentKeys{Revocation: keys.PubKey{2, 1}, OwnerHTLC: keys.PubKey{2, 2}, OtherHTLC: keys.PubKey{2, 3}}
	stub := func(offered bool, id uint64, hash byte, expiry block.Height) Stub {
		return Stub{Offered: offered, ID: id, PaymentHash: [32]byte{hash}, CLTVExpiry: expiry}
	}
	commitment := wire.NewMsgTx(2)
	scripts := tx.NewHTLCScripts(k, true)
	for _, h := range []tx.HTLC{
		{Offered: true, PaymentHash: [32]byte{1}}, // by the peer, who owns the commitment
		{Offered: false, PaymentHash: [32]byte{2}, CLTVExpiry: 500},
	} {
		commitment.AddTxOut(wire.NewTxOut(1000, scripts.PkScript(&h)))
	}
	c := &Closing{Kind: TheirRevoked, tx: commitment, params: &tx.CommitmentParams{Keys: k, Anchors: true}}
	f := c.StubFilter()
	if list := f.Stubs(); len(list) != 0 {
		t.Errorf("before any: %+v", list)
	}
	f.Take([]Stub{stub(false, 0, 1, 600), stub(false, 1, 3, 600), stub(true, 0, 1, 600), stub(true, 1, 2, 501)})
	f.Take([]Stub{stub(false, 2, 1, 590), stub(false, 3, 1, 595), stub(true, 2, 2, 500), stub(false, 4, 2, 500)})
	if want := []Stub{stub(false, 2, 1, 590), stub(true, 2, 2, 500)}; !slices.Equal(f.Stubs(), want) {
		t.Errorf("kept %+v, want %+v", f.Stubs(), want)
	}
}
