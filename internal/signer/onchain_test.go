package signer

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

var testPreimage = [32]byte{7}

// published is a channel between alice, who claims, and bob. Bob's commitments 0 to 3 are signed, 0 and 1
// revoked; of alice's none is.
type published struct {
	t          *testing.T
	alice, bob *Channel
}

func publish(t *testing.T, anchors bool) *published {
	t.Helper()
	alice, bob := newPair(t, anchors)
	p := &published{t, alice, bob}
	for n := range keys.CommitmentNumber(4) {
		if _, _, err := alice.SignRemoteCommitment(p.content(n, false).mirrored(), pointOf(t, bob, n)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// content has an HTLC of alice's, id 0, and one of bob's, id 1; local says that the commitment is alice's.
func (p *published) content(n keys.CommitmentNumber, local bool) *Commitment {
	hash := sha256.Sum256(testPreimage[:])
	c := &Commitment{Number: n, FeeratePerKw: 500, Local: 595_000_000, Remote: 400_000_000, HTLCs: []tx.HTLC{
		{Offered: local, ID: 0, Amount: 2_000_000, PaymentHash: hash, CLTVExpiry: 500},
		{Offered: !local, ID: 1, Amount: 3_000_000, PaymentHash: hash, CLTVExpiry: 510},
	}}
	if !local { // the owner's view
		return c.mirrored()
	}
	return c
}

// target is an output on chain, and what claims it.
type target struct {
	outpoint wire.OutPoint
	spent    *wire.TxOut
	claim    Claim
	witness  tx.ClaimWitness
	params   tx.ClaimParams
}

func (p *published) commitment(n keys.CommitmentNumber, local bool) *tx.Commitment {
	owner := p.bob
	if local {
		owner = p.alice
	}
	c, err := owner.buildLocal(p.content(n, local))
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// target finds the output of that kind: in alice's commitment 0, bob's 3, or bob's revoked 1.
func (p *published) target(kind tx.ClaimKind) *target {
	p.t.Helper()
	switch {
	case kind.Ours():
		return p.targetIn(0, kind)
	case kind.Penalty():
		return p.targetIn(1, kind)
	}
	return p.targetIn(3, kind)
}

// targetIn finds it in the commitment of that number.
func (p *published) targetIn(number keys.CommitmentNumber, kind tx.ClaimKind) *target {
	p.t.Helper()
	owner, other := p.bob, p.alice
	if kind.Ours() {
		owner, other = p.alice, p.bob
	}
	c := p.commitment(number, kind.Ours())
	point := pointOf(p.t, owner, number)
	ownerPoints, otherPoints := owner.Basepoints(), other.Basepoints()
	k, err := keys.DeriveCommitmentKeys(&ownerPoints, &otherPoints, point)
	if err != nil {
		p.t.Fatal(err)
	}
	tt := &target{
		claim:  Claim{Kind: kind, Number: number, Point: point, FeeratePerKw: 500},
		params: tx.ClaimParams{Anchors: p.alice.setup.Anchors, Keys: k, ToSelfDelay: owner.setup.LocalToSelfDelay, FundingKey: p.alice.FundingPubKey()},
	}
	if kind.Penalty() {
		if tt.claim.Secret, err = p.bob.perCommitmentSecret(number); err != nil {
			p.t.Fatal(err)
		}
	}
	tt.witness = tx.ClaimWitness{Kind: kind, Preimage: testPreimage, OtherHashType: c.OtherHTLCSigHashType()}
	index := p.find(c, kind, tt)
	tt.outpoint = wire.OutPoint{Hash: c.Tx.TxHash(), Index: uint32(index)}
	tt.spent = c.Tx.TxOut[index]
	tt.witness.Script = tx.ClaimScript(kind, &tt.params, &tt.claim.HTLC)
	return tt
}

// find is the index of the output; of an HTLC it also notes what the claim and its witness need.
func (p *published) find(c *tx.Commitment, kind tx.ClaimKind, tt *target) int {
	switch kind {
	case tx.ClaimDelayed, tx.ClaimPenaltyDelayed:
		return c.ToOwner
	case tx.ClaimToRemote:
		tt.witness.Key = p.alice.Basepoints().Payment
		return c.ToOther
	case tx.ClaimAnchor:
		return c.OtherAnchor
	}
	offered := kind == tx.ClaimHTLCTimeout || kind == tx.ClaimRemoteSuccess || kind == tx.ClaimPenaltyHTLC
	for i, h := range c.HTLCs {
		if h.Offered != offered {
			continue
		}
		tt.claim.HTLC, tt.witness.Key = h.HTLC, tt.params.Keys.Revocation
		if kind.Fixed() {
			_, sigs, err := p.bob.SignRemoteCommitment(p.content(0, true).mirrored(), pointOf(p.t, p.alice, 0))
			if err != nil {
				p.t.Fatal(err)
			}
			tt.witness.OtherSignature = sigs[i]
		}
		return int(h.OutputIndex)
	}
	p.t.Fatalf("no output for %s", kind)
	return -1
}

// request is what SignClaims is called with.
type request struct {
	tx       *wire.MsgTx
	prevouts []*wire.TxOut
	claims   []Claim
	outputs  []WalletOutput
}

func (r *request) sign(c *Channel) ([]keys.Signature, error) {
	return c.SignClaims(r.tx, r.prevouts, r.claims, r.outputs)
}

// walletKey is where claims go.
const walletKey = 5

func (p *published) walletOut(value int64) *wire.TxOut {
	p.t.Helper()
	script, err := p.alice.node.walletScript(true, false, walletKey)
	if err != nil {
		p.t.Fatal(err)
	}
	return wire.NewTxOut(value, script)
}

// request claims the targets in one transaction; an HTLC transaction with anchors has a wallet input
// and output beside it.
func (p *published) request(targets ...*target) *request {
	p.t.Helper()
	r := &request{tx: wire.NewMsgTx(2)}
	r.tx.LockTime = 505
	var sum int64
	fixed := false
	for i, tt := range targets {
		claim := tt.claim
		claim.Index = i
		r.claims = append(r.claims, claim)
		r.tx.AddTxIn(&wire.TxIn{PreviousOutPoint: tt.outpoint, Sequence: tx.ClaimSequence(claim.Kind, &tt.params)})
		r.prevouts = append(r.prevouts, tt.spent)
		if !claim.Kind.Fixed() {
			sum += tt.spent.Value
			continue
		}
		fixed = true
		h := claim.HTLC
		built, err := tx.BuildHTLCTx(&tx.HTLCTxParams{
			Keys: tt.params.Keys, Anchors: tt.params.Anchors, ToSelfDelay: tt.params.ToSelfDelay, FeeratePerKw: 500,
		}, tt.outpoint, &h)
		if err != nil {
			p.t.Fatal(err)
		}
		r.tx.LockTime = built.LockTime
		r.tx.AddTxOut(built.TxOut[0])
	}
	if fixed && !p.alice.setup.Anchors {
		return r
	}
	if fixed {
		r.tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: 9}})
		r.prevouts = append(r.prevouts, p.walletOut(10_000))
		sum += 10_000
	}
	r.outputs = []WalletOutput{{Index: len(r.tx.TxOut), Taproot: true, KeyIndex: walletKey}}
	r.tx.AddTxOut(p.walletOut(sum - 200))
	return r
}

var allKinds = []tx.ClaimKind{
	tx.ClaimDelayed, tx.ClaimToRemote, tx.ClaimHTLCTimeout, tx.ClaimHTLCSuccess, tx.ClaimRemoteTimeout,
	tx.ClaimRemoteSuccess, tx.ClaimPenaltyDelayed, tx.ClaimPenaltyHTLC, tx.ClaimAnchor,
}

// TestClaims: Bitcoin's interpreter takes every kind of claim.
func TestClaims(t *testing.T) {
	for _, anchors := range []bool{true, false} {
		for _, kind := range allKinds {
			if kind == tx.ClaimAnchor && !anchors {
				continue
			}
			t.Run(fmt.Sprintf("anchors=%t/%s", anchors, kind), func(t *testing.T) {
				p := publish(t, anchors)
				targets := []*target{p.target(kind)}
				p.checkSpends(p.request(targets...), targets)
			})
		}
		t.Run(fmt.Sprintf("anchors=%t/batch", anchors), func(t *testing.T) {
			p := publish(t, anchors)
			targets := []*target{p.target(tx.ClaimPenaltyDelayed), p.target(tx.ClaimPenaltyHTLC), p.target(tx.ClaimToRemote)}
			p.checkSpends(p.request(targets...), targets)
		})
	}
	t.Run("a commitment of ours that our state does not have", func(t *testing.T) {
		p := publish(t, true)
		targets := []*target{p.targetIn(7, tx.ClaimDelayed)}
		p.checkSpends(p.request(targets...), targets)
		if _, _, err := p.alice.RevokeLocal(0); err != nil {
			t.Errorf("one before it: %v", err)
		}
	})
	t.Run("an HTLC transaction and a sweep", func(t *testing.T) {
		p := publish(t, true)
		targets := []*target{p.target(tx.ClaimHTLCSuccess), p.target(tx.ClaimDelayed)}
		p.checkSpends(p.request(targets...), targets)
	})
}

func (p *published) checkSpends(r *request, targets []*target) {
	p.t.Helper()
	sigs, err := r.sign(p.alice)
	if err != nil {
		p.t.Fatal(err)
	}
	byOutpoint := map[wire.OutPoint]*wire.TxOut{}
	for i, in := range r.tx.TxIn {
		byOutpoint[in.PreviousOutPoint] = r.prevouts[i]
	}
	fetcher := txscript.NewMultiPrevOutFetcher(byOutpoint)
	for i, tt := range targets {
		r.tx.TxIn[i].Witness = tt.witness.Build(sigs[i])
		hashes := txscript.NewTxSigHashes(r.tx, fetcher)
		vm, err := txscript.NewEngine(tt.spent.PkScript, r.tx, i, txscript.StandardVerifyFlags, nil, hashes, tt.spent.Value, fetcher)
		if err != nil {
			p.t.Fatal(err)
		}
		if err := vm.Execute(); err != nil {
			p.t.Errorf("%s: %v", tt.claim.Kind, err)
		}
	}
}

// TestSecondStage: the output of an HTLC transaction is claimed as to_local is, ours by the delayed key and a
// cheater's by the revocation key.
func TestSecondStage(t *testing.T) {
	for _, kind := range []tx.ClaimKind{tx.ClaimDelayed, tx.ClaimPenaltyDelayed} {
		p := publish(t, true)
		number := p.target(kind).claim.Number
		c := p.commitment(number, kind.Ours())
		for i := range c.HTLCs {
			second := p.target(kind)
			htlcTx := c.HTLCTx(i)
			second.outpoint, second.spent = wire.OutPoint{Hash: htlcTx.TxHash()}, htlcTx.TxOut[0]
			p.checkSpends(p.request(second), []*target{second})
		}
	}
}
