package signer

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// The ways in which a wallet input cannot be signed.
var (
	ErrInput    = errors.New("no such input")
	ErrNotOurs  = errors.New("key does not fit the spent script")
	ErrKeyIndex = errors.New("key index out of range")
	ErrPrevouts = errors.New("one spent output for each input is needed")
)

// account is one BIP 44-like account with its two chains.
type account struct {
	xpub   string
	chains [2]*hdkeychain.ExtendedKey // external, change
}

// newAccount derives m/purpose'/coin'/0'.
func newAccount(root *hdkeychain.ExtendedKey, purpose, coin uint32) (*account, error) {
	key := root
	for _, i := range []uint32{purpose, coin, 0} {
		child, err := key.Derive(hdkeychain.HardenedKeyStart + i)
		if err != nil {
			return nil, fmt.Errorf("bip %d account: %w", purpose, err)
		}
		key = child
	}
	public, err := key.Neuter()
	if err != nil {
		return nil, fmt.Errorf("bip %d account: %w", purpose, err)
	}
	a := &account{xpub: public.String()}
	for i := range a.chains {
		if a.chains[i], err = key.Derive(uint32(i)); err != nil {
			return nil, fmt.Errorf("bip %d chain %d: %w", purpose, i, err)
		}
	}
	return a, nil
}

// privKey derives one address's key.
func (a *account) privKey(change bool, index uint32) (*btcec.PrivateKey, error) {
	if index >= hdkeychain.HardenedKeyStart {
		return nil, fmt.Errorf("%d: %w", index, ErrKeyIndex)
	}
	chain := a.chains[0]
	if change {
		chain = a.chains[1]
	}
	child, err := chain.Derive(index)
	if err != nil {
		return nil, fmt.Errorf("key %d: %w", index, err)
	}
	return child.ECPrivKey()
}

// WalletInput names an input of a transaction and the key that it needs.
type WalletInput struct {
	Index    int
	Taproot  bool // BIP 86's p2tr, otherwise BIP 84's p2wpkh
	Change   bool
	KeyIndex uint32
}

// WalletSignature is ready for a witness.
type WalletSignature struct {
	PubKey    keys.PubKey // before BIP 86's tweak
	Signature []byte      // p2wpkh: DER and SIGHASH_ALL; p2tr: 64 bytes, SIGHASH_DEFAULT
}

// SignWallet signs inputs of t; prevouts are the outputs that all of its inputs spend, in order.
// Every signature commits to all inputs and outputs.
func (n *Node) SignWallet(t *wire.MsgTx, prevouts []*wire.TxOut, inputs []WalletInput) ([]WalletSignature, error) {
	if len(prevouts) != len(t.TxIn) {
		return nil, fmt.Errorf("%d spent outputs, %d inputs: %w", len(prevouts), len(t.TxIn), ErrPrevouts)
	}
	byOutpoint := make(map[wire.OutPoint]*wire.TxOut, len(prevouts))
	for i, in := range t.TxIn {
		byOutpoint[in.PreviousOutPoint] = prevouts[i]
	}
	fetcher := txscript.NewMultiPrevOutFetcher(byOutpoint)
	hashes := txscript.NewTxSigHashes(t, fetcher)
	signatures := make([]WalletSignature, len(inputs))
	for i, in := range inputs {
		if in.Index < 0 || in.Index >= len(t.TxIn) {
			return nil, fmt.Errorf("input %d of %d: %w", in.Index, len(t.TxIn), ErrInput)
		}
		sign := n.signP2WPKH
		if in.Taproot {
			sign = n.signP2TR
		}
		sig, err := sign(t, hashes, fetcher, in)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", in.Index, err)
		}
		signatures[i] = sig
	}
	return signatures, nil
}

// WalletOutput names an output of a transaction and the key of ours that it pays to.
type WalletOutput struct {
	Index    int
	Taproot  bool // BIP 86's p2tr, otherwise BIP 84's p2wpkh
	Change   bool
	KeyIndex uint32
}

// walletScript is the output script of one of our wallet's keys.
func (n *Node) walletScript(taproot, change bool, index uint32) ([]byte, error) {
	account := n.bip84
	if taproot {
		account = n.bip86
	}
	priv, err := account.privKey(change, index)
	if err != nil {
		return nil, err
	}
	defer priv.Zero()
	if taproot {
		return txscript.PayToTaprootScript(txscript.ComputeTaprootKeyNoScript(priv.PubKey()))
	}
	return tx.P2WPKH(keys.PubKey(priv.PubKey().SerializeCompressed())), nil
}

// checkWalletOutputs refuses an output of t that is neither prescribed nor to the key that outputs name for it.
func (n *Node) checkWalletOutputs(t *wire.MsgTx, prescribed []bool, outputs []WalletOutput) error {
	ours := slices.Clone(prescribed)
	for _, o := range outputs {
		if o.Index < 0 || o.Index >= len(t.TxOut) {
			return fmt.Errorf("wallet output %d of %d: %w", o.Index, len(t.TxOut), ErrDestination)
		}
		script, err := n.walletScript(o.Taproot, o.Change, o.KeyIndex)
		if err != nil {
			return fmt.Errorf("wallet output %d: %w", o.Index, err)
		}
		if !bytes.Equal(script, t.TxOut[o.Index].PkScript) {
			return fmt.Errorf("output %d to %x: %w", o.Index, t.TxOut[o.Index].PkScript, ErrDestination)
		}
		ours[o.Index] = true
	}
	if i := slices.Index(ours, false); i >= 0 {
		return fmt.Errorf("output %d to %x: %w", i, t.TxOut[i].PkScript, ErrDestination)
	}
	return nil
}

func (n *Node) signP2WPKH(t *wire.MsgTx, hashes *txscript.TxSigHashes, fetcher *txscript.MultiPrevOutFetcher, in WalletInput) (WalletSignature, error) {
	priv, err := n.bip84.privKey(in.Change, in.KeyIndex)
	if err != nil {
		return WalletSignature{}, err
	}
	defer priv.Zero()
	k := privKey{key: *priv}
	defer k.key.Zero()
	k.setPub()
	spent := fetcher.FetchPrevOutput(t.TxIn[in.Index].PreviousOutPoint)
	if string(spent.PkScript) != string(tx.P2WPKH(k.pub)) {
		return WalletSignature{}, ErrNotOurs
	}
	digest, err := txscript.CalcWitnessSigHash(spent.PkScript, hashes, txscript.SigHashAll, t, in.Index, spent.Value)
	if err != nil {
		return WalletSignature{}, err
	}
	sig := k.sign([32]byte(digest))
	return WalletSignature{
		PubKey:    k.pub,
		Signature: append(sig.AppendDER(nil), byte(txscript.SigHashAll)),
	}, nil
}

func (n *Node) signP2TR(t *wire.MsgTx, hashes *txscript.TxSigHashes, fetcher *txscript.MultiPrevOutFetcher, in WalletInput) (WalletSignature, error) {
	priv, err := n.bip86.privKey(in.Change, in.KeyIndex)
	if err != nil {
		return WalletSignature{}, err
	}
	defer priv.Zero()
	internal := keys.PubKey(priv.PubKey().SerializeCompressed())
	tweaked := txscript.TweakTaprootPrivKey(*priv, nil) // BIP 86: no script, but still tweaked
	defer tweaked.Zero()
	script, err := txscript.PayToTaprootScript(tweaked.PubKey())
	if err != nil {
		return WalletSignature{}, err
	}
	spent := fetcher.FetchPrevOutput(t.TxIn[in.Index].PreviousOutPoint)
	if string(spent.PkScript) != string(script) {
		return WalletSignature{}, ErrNotOurs
	}
	digest, err := txscript.CalcTaprootSignatureHash(hashes, txscript.SigHashDefault, t, in.Index, fetcher)
	if err != nil {
		return WalletSignature{}, err
	}
	sig, err := schnorr.Sign(tweaked, digest)
	if err != nil {
		return WalletSignature{}, err
	}
	return WalletSignature{PubKey: internal, Signature: sig.Serialize()}, nil
}

// SignWalletMessage signs a person's message with the key of a p2wpkh address, so that nothing else can be
// signed this way (BIP 137).
func (n *Node) SignWalletMessage(message []byte, change bool, index uint32) (pub keys.PubKey, sig [65]byte, err error) {
	priv, err := n.bip84.privKey(change, index)
	if err != nil {
		return pub, sig, err
	}
	defer priv.Zero()
	k := privKey{key: *priv}
	defer k.key.Zero()
	k.setPub()
	return k.pub, k.signRecoverable(bitcoinMessageDigest(message)), nil
}

// bitcoinMessageDigest is what BIP 137 has signed.
func bitcoinMessageDigest(message []byte) [32]byte {
	var b bytes.Buffer
	for _, part := range [][]byte{[]byte("Bitcoin Signed Message:\n"), message} {
		_ = wire.WriteVarBytes(&b, 0, part) // a buffer takes all
	}
	first := sha256.Sum256(b.Bytes())
	return sha256.Sum256(first[:])
}
