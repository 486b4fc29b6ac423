package main

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// walletScript is key 3 of alice's wallet.
func walletScript(t testing.TB) []byte {
	t.Helper()
	alice, err := channeltest.NodeOf("alice")
	if err != nil {
		t.Fatal(err)
	}
	bip84, _ := alice.XPubs()
	key, err := hdkeychain.NewKeyFromString(bip84)
	for _, i := range []uint32{0, 3} {
		if err == nil {
			key, err = key.Derive(i)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	pub, err := key.ECPubKey()
	if err != nil {
		t.Fatal(err)
	}
	return tx.P2WPKH(keys.PubKey(pub.SerializeCompressed()))
}

// spend is a transaction of claims as lightningd would make it, one for each locktime that is fixed.
type spend struct {
	tx      *wire.MsgTx
	request *onchaindmsg.SignClaims
	claims  []*onchaindmsg.Claim
}

// newSpend pays what is not fixed to our wallet. A wallet input pays the fee of what is.
func newSpend(t testing.TB, claims ...*onchaindmsg.Claim) *spend {
	t.Helper()
	s := &spend{tx: wire.NewMsgTx(2), request: new(onchaindmsg.SignClaims), claims: claims}
	var left amount.Sat
	final := false
	for i, c := range claims {
		s.tx.AddTxIn(&wire.TxIn{PreviousOutPoint: outpointOf(c.Outpoint), Sequence: c.Sequence})
		s.request.Prevouts = append(s.request.Prevouts, onchaindmsg.Prevout{Amount: c.Amount, Script: c.PkScript})
		s.request.Inputs = append(s.request.Inputs, onchaindmsg.ClaimInput{Index: uint32(i), Outpoint: c.Outpoint})
		s.tx.LockTime = max(s.tx.LockTime, c.LockTime)
		final = final || c.Final
		if c.Fixed != nil {
			s.tx.AddTxOut(wire.NewTxOut(int64(c.Fixed.Amount), c.Fixed.PkScript))
		} else {
			left += c.Amount
		}
	}
	if !final {
		if left < 1000 {
			s.tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: 77}})
			s.request.Prevouts = append(s.request.Prevouts, onchaindmsg.Prevout{Amount: 10_000, Script: walletScript(t)})
			left += 10_000
		}
		s.request.Outputs = []onchaindmsg.OwnOutput{{Index: uint32(len(s.tx.TxOut)), Kind: uint8(hsmdmsg.P2WPKH), KeyIndex: 3}}
		s.tx.AddTxOut(wire.NewTxOut(int64(left-300), walletScript(t)))
	}
	s.serialize(t)
	return s
}

func (s *spend) serialize(t testing.TB) {
	t.Helper()
	var raw bytes.Buffer
	if err := s.tx.SerializeNoWitness(&raw); err != nil {
		t.Fatal(err)
	}
	s.request.Tx = raw.Bytes()
}

// sign has onchaind complete the transaction, and holds it against Bitcoin's rules and the claims.
func (c *chain) sign(s *spend) {
	c.t.Helper()
	reply := new(onchaindmsg.SignClaimsReply)
	if _, err := c.onchaind.Request(c.t.Context(), s.request, reply); err != nil {
		c.t.Fatal(err)
	}
	spent := map[wire.OutPoint]*wire.TxOut{}
	for i, in := range s.tx.TxIn {
		spent[in.PreviousOutPoint] = wire.NewTxOut(int64(s.request.Prevouts[i].Amount), s.request.Prevouts[i].Script)
	}
	fetcher := txscript.NewMultiPrevOutFetcher(spent)
	for i, claim := range s.claims {
		s.tx.TxIn[i].Witness = reply.Witnesses[i]
		if weight := s.tx.TxIn[i].Witness.SerializeSize(); weight > int(claim.WitnessWeight) || weight < int(claim.WitnessWeight)-6 {
			c.t.Errorf("%s: witness weighs %d, said %d", claim.Kind, weight, claim.WitnessWeight)
		}
		hashes := txscript.NewTxSigHashes(s.tx, fetcher)
		vm, err := txscript.NewEngine(claim.PkScript, s.tx, i, txscript.StandardVerifyFlags, nil, hashes, int64(claim.Amount), fetcher)
		if err == nil {
			err = vm.Execute()
		}
		if err != nil {
			c.t.Errorf("%s of %s: %v", claim.Kind, claim.Amount, err)
		}
	}
}
