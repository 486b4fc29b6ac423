package tx

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
)

// checkHTLCClaims makes the witnesses of the second stage again, from what claims know of them.
func (ch *bolt3Channel) checkHTLCClaims(t *testing.T, c *Commitment) {
	t.Helper()
	p := ClaimParams{Anchors: ch.params.Anchors, Keys: ch.params.Keys, ToSelfDelay: ch.params.ToSelfDelay}
	digests := c.OtherHTLCSigHashes()
	for i := range c.HTLCs {
		h := &c.HTLCs[i]
		kind := ClaimHTLCSuccess
		if h.Offered {
			kind = ClaimHTLCTimeout
		}
		own, other := ch.localHTLC.sign(t, c.OwnerHTLCSigHash(i)), ch.remoteHTLC.sign(t, digests[i])
		want := c.SignedHTLCTx(i, own, other, bolt3Preimage(h.ID)).TxIn[0]
		w := ClaimWitness{
			Kind: kind, Script: ClaimScript(kind, &p, &h.HTLC), Preimage: bolt3Preimage(h.ID),
			OtherSignature: other, OtherHashType: c.OtherHTLCSigHashType(),
		}
		got := w.Build(own)
		if !reflect.DeepEqual(items(got), items(want.Witness)) {
			t.Errorf("htlc %d: witness %x, want %x", h.ID, got, want.Witness)
		}
		if ClaimSequence(kind, &p) != want.Sequence {
			t.Errorf("htlc %d: sequence %d, want %d", h.ID, ClaimSequence(kind, &p), want.Sequence)
		}
		if most := w.Weight(); got.SerializeSize() > most || got.SerializeSize() < most-6 {
			t.Errorf("htlc %d: weighs %d, at most %d", h.ID, got.SerializeSize(), most)
		}
	}
}

// items are a witness's, where an empty one may be nil.
func items(w wire.TxWitness) (list []string) {
	for _, item := range w {
		list = append(list, string(item))
	}
	return list
}

// TestBOLT5PenaltyWeights has the expected weights of appendix A, which count a signature as 73 bytes.
// For to_local they count a delay of nine bytes, and leave out the 1 that chooses the branch.
func TestBOLT5PenaltyWeights(t *testing.T) {
	for _, anchors := range []bool{false, true} {
		ch := newBOLT3Channel(t, anchors, 546)
		p := ClaimParams{Anchors: anchors, Keys: ch.params.Keys, ToSelfDelay: 2016}
		extra := 0
		if anchors {
			extra = 3 // of the script
		}
		weigh := func(kind ClaimKind, htlc *HTLC) int {
			w := ClaimWitness{Kind: kind, Script: ClaimScript(kind, &p, htlc), Key: p.Keys.Revocation}
			return w.Weight()
		}
		script := ClaimScript(ClaimPenaltyDelayed, &p, nil)
		if got, want := weigh(ClaimPenaltyDelayed, nil), 160-83+len(script)+1; got != want || got > 160 {
			t.Errorf("to_local: %d, want %d", got, want)
		}
		if got := weigh(ClaimPenaltyHTLC, &HTLC{Offered: true}); got != 243+extra {
			t.Errorf("offered_htlc: %d", got)
		}
		if got := weigh(ClaimPenaltyHTLC, &HTLC{CLTVExpiry: 800_000}); got != 249+extra {
			t.Errorf("accepted_htlc: %d", got)
		}
	}
}

// TestBOLT5ClaimsMatchOutputs holds the script of each kind of claim against the outputs of a
// commitment, for its owner and for the other side.
func TestBOLT5ClaimsMatchOutputs(t *testing.T) {
	for _, anchors := range []bool{false, true} {
		ch := newBOLT3Channel(t, anchors, 546)
		htlcs := []HTLC{bolt3HTLC(4), bolt3HTLC(3)}
		c, err := BuildCommitment(&ch.params, 42, 253, 6_000_000_000, 4_000_000_000-7_000_000, htlcs)
		if err != nil {
			t.Fatal(err)
		}
		p := ClaimParams{Anchors: anchors, Keys: ch.params.Keys, ToSelfDelay: ch.params.ToSelfDelay, FundingKey: ch.params.OwnerFundingKey}
		check := func(kind ClaimKind, output int, htlc *HTLC) {
			if output < 0 {
				return // no anchor
			}
			script := ClaimScript(kind, &p, htlc)
			want := P2WSH(script)
			if script == nil {
				want = P2WPKH(p.Keys.OtherPayment)
			}
			if !bytes.Equal(c.Tx.TxOut[output].PkScript, want) {
				t.Errorf("anchors %t: %s does not spend output %d", anchors, kind, output)
			}
		}
		check(ClaimDelayed, c.ToOwner, nil)
		check(ClaimPenaltyDelayed, c.ToOwner, nil)
		check(ClaimToRemote, c.ToOther, nil)
		check(ClaimAnchor, c.OwnerAnchor, nil)
		for i := range c.HTLCs {
			h := &c.HTLCs[i]
			for _, kind := range []ClaimKind{ClaimHTLCTimeout, ClaimHTLCSuccess, ClaimRemoteTimeout, ClaimRemoteSuccess, ClaimPenaltyHTLC} {
				check(kind, int(h.OutputIndex), &h.HTLC)
			}
		}
	}
}

// TestClaimSequences: the delays of scripts are in the sequence, and everything can be replaced.
func TestClaimSequences(t *testing.T) {
	for kind := ClaimDelayed; kind.Valid(); kind++ {
		for _, anchors := range []bool{false, true} {
			p := ClaimParams{Anchors: anchors, ToSelfDelay: block.Delta(144)}
			got := ClaimSequence(kind, &p)
			if got > 0xfffffffd {
				t.Errorf("%s: %x does not signal replacement (BIP 125)", kind, got)
			}
			delayed := kind == ClaimDelayed && got != 144
			one := anchors && kind.HTLC() && !kind.Penalty() && got != 1
			if delayed || one || anchors && kind == ClaimToRemote && got != 1 {
				t.Errorf("%s, anchors %t: sequence %x", kind, anchors, got)
			}
		}
	}
	if ClaimKind(0).Valid() || ClaimKind(0).String() != "unknown" {
		t.Error("0 is a kind")
	}
}

// TestP2PKHTemplate compares with what the script library signs for an output to a key's hash.
func TestP2PKHTemplate(t *testing.T) {
	key := newSigner(t, "bb13b121cdc357cd2e608b0aea294afca36e2b34cf958e2e6451a2f274694491")
	m := wire.NewMsgTx(2)
	m.AddTxIn(&wire.TxIn{})
	m.AddTxOut(&wire.TxOut{Value: 1})
	prevouts := txscript.NewCannedPrevOutputFetcher(P2WPKH(key.pub), 1000)
	var digests [2][]byte
	for i, script := range [][]byte{P2WPKH(key.pub), P2PKHTemplate(key.pub)} {
		var err error
		if digests[i], err = txscript.CalcWitnessSigHash(script, txscript.NewTxSigHashes(m, prevouts), txscript.SigHashAll, m, 0, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(digests[0], digests[1]) {
		t.Errorf("digest %x, want %x", digests[1], digests[0])
	}
}

// TestHTLCScripts: one builder serves many HTLCs.
func TestHTLCScripts(t *testing.T) {
	ch := newBOLT3Channel(t, true, 546)
	scripts := NewHTLCScripts(ch.params.Keys, true)
	for id := range bolt3HTLCs {
		h := bolt3HTLC(uint64(id))
		if got, want := scripts.PkScript(&h), P2WSH(HTLCScript(ch.params.Keys, true, &h)); !bytes.Equal(got, want) {
			t.Errorf("htlc %d: %x, want %x", id, got, want)
		}
	}
}
