package signer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// The refusals of claims on chain.
var (
	ErrNotAnOutput   = errors.New("the spent script is not that of such an output")
	ErrDestination   = errors.New("output is neither prescribed nor our wallet's")
	ErrPrescribed    = errors.New("not the HTLC transaction that BOLT 3 prescribes")
	ErrUnknownNumber = errors.New("no commitment of theirs with this number was signed")
	ErrNotRevoked    = errors.New("commitment cannot be revoked yet")
)

// Claim is an input of a transaction and what it spends. Which fields count depends on the kind.
type Claim struct {
	Index        int
	Kind         tx.ClaimKind
	Number       keys.CommitmentNumber // of the commitment; not for to_remote and anchors
	Point        keys.PubKey           // theirs, for an HTLC output of their commitment
	Secret       keys.Secret           // theirs, for a penalty
	HTLC         tx.HTLC               // of the HTLC kinds, as the commitment's owner has it; its amount is not looked at
	FeeratePerKw amount.FeeratePerKw   // of our commitment, for HTLC transactions without anchors
}

// spend is what a claim's signature needs.
type spend struct {
	key        *privKey
	pkScript   []byte // of the spent output
	scriptCode []byte // what the digest covers: the witness script, for p2wpkh the output script
}

// SignClaims signs inputs of t that spend outputs of this channel's commitments, each with
// SIGHASH_ALL; prevouts are the outputs that all of t's inputs spend, in order. Every output of t
// is prescribed by an HTLC transaction of ours, or pays to one of outputs' keys of our wallet.
func (c *Channel) SignClaims(t *wire.MsgTx, prevouts []*wire.TxOut, claims []Claim, outputs []WalletOutput) ([]keys.Signature, error) {
	if c.setup == nil {
		return nil, ErrNoSetup
	}
	if len(prevouts) != len(t.TxIn) {
		return nil, fmt.Errorf("%d spent outputs, %d inputs: %w", len(prevouts), len(t.TxIn), ErrPrevouts)
	}
	spends := make([]*spend, len(claims))
	prescribed := make([]bool, len(t.TxOut)) // by output
	claimed := make([]bool, len(t.TxIn))     // by input
	for i := range claims {
		claim := &claims[i]
		in := claim.Index
		if in < 0 || in >= len(t.TxIn) || claimed[in] {
			return nil, fmt.Errorf("claim %d: input %d of %d: %w", i, in, len(t.TxIn), ErrInput)
		}
		claimed[in] = true
		var err error
		if spends[i], err = c.claim(claim, prevouts[in]); err != nil {
			return nil, fmt.Errorf("claim input %d, %s, commitment %d: %w", in, claim.Kind, claim.Number, err)
		}
		if claim.Kind.Fixed() {
			if err := c.checkHTLCTx(t, claim, prevouts[in]); err != nil {
				return nil, fmt.Errorf("claim input %d, %s, commitment %d: %w", in, claim.Kind, claim.Number, err)
			}
			prescribed[in] = true
		}
	}
	if err := c.node.checkWalletOutputs(t, prescribed, outputs); err != nil {
		return nil, err
	}
	signatures, err := signSpends(t, prevouts, claims, spends)
	if err != nil {
		return nil, err
	}
	c.keepUnrevoked(claims)
	return signatures, nil
}

// SignAnchor signs the input of t that spends our anchor in a commitment that is not mined yet.
func (c *Channel) SignAnchor(t *wire.MsgTx, prevouts []*wire.TxOut, index int) (keys.Signature, error) {
	if c.setup == nil {
		return keys.Signature{}, ErrNoSetup
	}
	if len(prevouts) != len(t.TxIn) {
		return keys.Signature{}, fmt.Errorf("%d spent outputs, %d inputs: %w", len(prevouts), len(t.TxIn), ErrPrevouts)
	}
	if index < 0 || index >= len(t.TxIn) {
		return keys.Signature{}, fmt.Errorf("anchor: input %d of %d: %w", index, len(t.TxIn), ErrInput)
	}
	claims := []Claim{{Index: index, Kind: tx.ClaimAnchor}}
	s, err := c.claim(&claims[0], prevouts[index])
	if err != nil {
		return keys.Signature{}, fmt.Errorf("anchor: %w", err)
	}
	signatures, err := signSpends(t, prevouts, claims, []*spend{s})
	if err != nil {
		return keys.Signature{}, err
	}
	return signatures[0], nil
}

// claim finds the key and script of a claim, and holds the script against the spent output's.
func (c *Channel) claim(claim *Claim, spent *wire.TxOut) (*spend, error) {
	s, err := c.spendOf(claim)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(s.pkScript, spent.PkScript) {
		return nil, fmt.Errorf("scriptpubkey %x: %w", spent.PkScript, ErrNotAnOutput)
	}
	return s, nil
}

// checkHTLCTx holds t against the HTLC transaction that spends claim's output. With anchors others may
// join it, as the remote's signature covers this input and output alone (BOLT 3, HTLC-Timeout and
// HTLC-Success Transactions).
func (c *Channel) checkHTLCTx(t *wire.MsgTx, claim *Claim, spent *wire.TxOut) error {
	k, err := c.localKeys(claim.Number)
	if err != nil {
		return err
	}
	htlc := claim.HTLC
	htlc.Amount = amount.Sat(spent.Value).Msat()
	want, err := tx.BuildHTLCTx(&tx.HTLCTxParams{
		Keys: k, Anchors: c.setup.Anchors, ToSelfDelay: c.setup.LocalToSelfDelay, FeeratePerKw: claim.FeeratePerKw,
	}, t.TxIn[claim.Index].PreviousOutPoint, &htlc)
	if err != nil {
		return err
	}
	alone := len(t.TxIn) == 1 && len(t.TxOut) == 1
	if claim.Index >= len(t.TxOut) || !c.setup.Anchors && !alone {
		return ErrPrescribed
	}
	in, out := t.TxIn[claim.Index], t.TxOut[claim.Index]
	if t.Version != want.Version || t.LockTime != want.LockTime || in.Sequence != want.TxIn[0].Sequence ||
		out.Value != want.TxOut[0].Value || !bytes.Equal(out.PkScript, want.TxOut[0].PkScript) {
		return ErrPrescribed
	}
	return nil
}

// keepUnrevoked remembers that commitments of ours are in the chain: their secrets stay here.
func (c *Channel) keepUnrevoked(claims []Claim) {
	for i := range claims {
		if claims[i].Kind.Ours() {
			c.broadcastFrom = min(c.broadcastFrom, claims[i].Number)
		}
	}
}

// signSpends signs all inputs that are claimed.
func signSpends(t *wire.MsgTx, prevouts []*wire.TxOut, claims []Claim, spends []*spend) ([]keys.Signature, error) {
	byOutpoint := make(map[wire.OutPoint]*wire.TxOut, len(prevouts))
	for i, in := range t.TxIn {
		byOutpoint[in.PreviousOutPoint] = prevouts[i]
	}
	hashes := txscript.NewTxSigHashes(t, txscript.NewMultiPrevOutFetcher(byOutpoint))
	signatures := make([]keys.Signature, len(claims))
	errs := make([]error, len(claims))
	forEach(len(claims), func(i int) {
		in := claims[i].Index
		digest, err := txscript.CalcWitnessSigHash(spends[i].scriptCode, hashes, txscript.SigHashAll, t, in, prevouts[in].Value)
		if err != nil {
			errs[i] = fmt.Errorf("claim input %d: %w", in, err)
			return
		}
		signatures[i] = spends[i].key.sign([32]byte(digest))
	})
	return signatures, errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil })...)
}
