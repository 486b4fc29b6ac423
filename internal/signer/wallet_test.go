package signer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/tyler-smith/go-bip39"

	"fulmen/internal/tx"
)

// The vectors of BIP 84 and BIP 86.
func TestAccountVectors(t *testing.T) {
	n, err := New(bip39.NewSeed(abandon, ""), "bitcoin")
	if err != nil {
		t.Fatal(err)
	}
	bip84, bip86 := n.XPubs()
	if want := "xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ"; bip86 != want {
		t.Errorf("BIP 86 account %s, want %s", bip86, want)
	}
	if want := "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V"; bip84 != want {
		t.Errorf("BIP 84 account %s, want %s", bip84, want)
	}
	for _, c := range []struct {
		a      *account
		change bool
		index  uint32
		want   string
	}{
		{n.bip84, false, 0, "0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c"},
		{n.bip84, true, 0, "03025324888e429ab8e3dbaf1f7802648b9cd01e9b418485c5fa4c1b9b5700e1a6"},
		{n.bip86, false, 0, "03cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115"},
	} {
		priv, err := c.a.privKey(c.change, c.index)
		if err != nil {
			t.Fatal(err)
		}
		k := privKey{key: *priv}
		k.setPub()
		if k.pub.String()[2:] != c.want[2:] {
			t.Errorf("change %t, index %d: %s, want %s", c.change, c.index, k.pub, c.want)
		}
	}
}

// spendBoth is a transaction with a p2wpkh input of key 3, a p2tr input of key 4 (change) and one
// of somebody else.
func spendBoth(t *testing.T, n *Node) (*wire.MsgTx, []*wire.TxOut) {
	t.Helper()
	priv, err := n.bip84.privKey(false, 3)
	if err != nil {
		t.Fatal(err)
	}
	wpkh := privKey{key: *priv}
	wpkh.setPub()
	priv, err = n.bip86.privKey(true, 4)
	if err != nil {
		t.Fatal(err)
	}
	taproot, err := txscript.PayToTaprootScript(txscript.ComputeTaprootKeyNoScript(priv.PubKey()))
	if err != nil {
		t.Fatal(err)
	}
	prevouts := []*wire.TxOut{
		wire.NewTxOut(1000, tx.P2WSH(nil)),
		wire.NewTxOut(2000, tx.P2WPKH(wpkh.pub)),
		wire.NewTxOut(3000, taproot),
	}
	spend := wire.NewMsgTx(2)
	for i := range prevouts {
		spend.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: uint32(i)}, nil, nil))
	}
	spend.AddTxOut(wire.NewTxOut(5000, tx.P2WSH([]byte{1})))
	return spend, prevouts
}

func TestSignWallet(t *testing.T) {
	n := newTestNode(t, 1)
	spend, prevouts := spendBoth(t, n)
	signatures, err := n.SignWallet(spend, prevouts, []WalletInput{
		{Index: 2, Taproot: true, Change: true, KeyIndex: 4},
		{Index: 1, KeyIndex: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	spend.TxIn[2].Witness = wire.TxWitness{signatures[0].Signature}
	spend.TxIn[1].Witness = wire.TxWitness{signatures[1].Signature, signatures[1].PubKey[:]}
	byOutpoint := map[wire.OutPoint]*wire.TxOut{}
	for i, in := range spend.TxIn {
		byOutpoint[in.PreviousOutPoint] = prevouts[i]
	}
	fetcher := txscript.NewMultiPrevOutFetcher(byOutpoint)
	for _, i := range []int{1, 2} {
		vm, err := txscript.NewEngine(prevouts[i].PkScript, spend, i, txscript.StandardVerifyFlags, nil,
			txscript.NewTxSigHashes(spend, fetcher), prevouts[i].Value, fetcher)
		if err != nil {
			t.Fatal(err)
		}
		if err := vm.Execute(); err != nil {
			t.Errorf("input %d: %v", i, err)
		}
	}
	if _, err := btcec.ParsePubKey(signatures[0].PubKey[:]); err != nil {
		t.Errorf("taproot internal key: %v", err)
	}
}

func TestSignWalletRefuses(t *testing.T) {
	n := newTestNode(t, 1)
	spend, prevouts := spendBoth(t, n)
	for name, c := range map[string]struct {
		prevouts []*wire.TxOut
		input    WalletInput
		want     error
	}{
		"somebody else's":           {prevouts, WalletInput{Index: 0, KeyIndex: 3}, ErrNotOurs},
		"wrong key":                 {prevouts, WalletInput{Index: 1, KeyIndex: 4}, ErrNotOurs},
		"wrong kind":                {prevouts, WalletInput{Index: 1, KeyIndex: 3, Taproot: true}, ErrNotOurs},
		"wrong chain":               {prevouts, WalletInput{Index: 1, KeyIndex: 3, Change: true}, ErrNotOurs},
		"no such input":             {prevouts, WalletInput{Index: 3}, ErrInput},
		"negative input":            {prevouts, WalletInput{Index: -1}, ErrInput},
		"hardened key":              {prevouts, WalletInput{Index: 1, KeyIndex: 1 << 31}, ErrKeyIndex},
		"a spent output is missing": {prevouts[:2], WalletInput{Index: 1, KeyIndex: 3}, ErrPrevouts},
	} {
		if _, err := n.SignWallet(spend, c.prevouts, []WalletInput{c.input}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The digest is that of a published signature, which gives the published key.
func TestBitcoinMessageDigest(t *testing.T) {
	raw, err := hex.DecodeString("28459b23d091bbdc2f0e288b86a5702e922449cec85d957e0603a5aaea3a32af430235a23d65fbc54036d383ae8e08da89dd234f676e7d5de6badc296ad99008cb")
	if err != nil {
		t.Fatal(err)
	}
	sig := [65]byte(append(raw[1:], raw[0]-39)) // BIP 137 counts recovery ids of p2wpkh from 39
	pub := recovered(t, sig, bitcoinMessageDigest([]byte("signing this message with key")))
	if pub.String() != "03128eb6d21daf33c92e6eeac1b06f4a520345a144498d93c24ea9c9ba7b223372" {
		t.Errorf("signed by %s", pub)
	}
}

func TestSignWalletMessage(t *testing.T) {
	n := newTestNode(t, 1)
	pub, sig, err := n.SignWalletMessage([]byte("m"), true, 7)
	if err != nil || recovered(t, sig, bitcoinMessageDigest([]byte("m"))) != pub {
		t.Errorf("%s, %v", pub, err)
	}
	script, err := n.walletScript(false, true, 7)
	if err != nil || !bytes.Equal(script, tx.P2WPKH(pub)) {
		t.Errorf("%s is not the address's key: %x, %v", pub, script, err)
	}
	if _, _, err := n.SignWalletMessage(nil, false, 1<<31); !errors.Is(err, ErrKeyIndex) {
		t.Errorf("an index that no key has: %v", err)
	}
}
