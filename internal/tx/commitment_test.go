package tx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
)

func TestCommitmentMustAddUp(t *testing.T) {
	ch := newBOLT3Channel(t, true, 546)
	for _, c := range []struct {
		toOwner, toOther amount.Msat
		htlcs            []HTLC
		number           keys.CommitmentNumber
		want             error
	}{
		{7000000000, 2999999999, nil, 0, ErrUnbalanced},
		{7000000000, 3000000001, nil, 0, ErrUnbalanced},
		{7000000000, 3000000000, []HTLC{{Amount: 1}}, 0, ErrUnbalanced},
		{1, ^amount.Msat(0), []HTLC{{Amount: 10000000000}}, 0, ErrUnbalanced},
		{7000000000, 3000000000, nil, keys.MaxCommitmentNumber + 1, keys.ErrNumberRange},
		// The opener has nothing left for the anchors, which HTLCs make necessary.
		{0, 3000000000, []HTLC{{Amount: 7000000000}}, 0, ErrOverspent},
	} {
		if _, err := BuildCommitment(&ch.params, c.number, 253, c.toOwner, c.toOther, c.htlcs); !errors.Is(err, c.want) {
			t.Errorf("%s and %s: %v, want %v", c.toOwner, c.toOther, err, c.want)
		}
	}
}

// TestOtherSideOpened has the fee taken from the other output.
func TestOtherSideOpened(t *testing.T) {
	ch := newBOLT3Channel(t, true, 546)
	ch.params.OwnerIsOpener = false
	c, err := BuildCommitment(&ch.params, 0, 1000, 7000000000, 3000000000, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Tx.TxOut[c.ToOwner].Value; got != 7000000 {
		t.Errorf("owner gets %d", got)
	}
	if got := c.Tx.TxOut[c.ToOther].Value; got != 3000000-1124-660 {
		t.Errorf("other gets %d", got)
	}
	if c.Fee != 1124 || c.OwnerAnchor < 0 || c.OtherAnchor < 0 {
		t.Errorf("fee %s, anchors %d and %d", c.Fee, c.OwnerAnchor, c.OtherAnchor)
	}
	if got, want := c.Tx.TxOut[c.OtherAnchor].PkScript, P2WSH(AnchorScript(ch.remoteFunding.pub)); !bytes.Equal(got, want) {
		t.Errorf("other's anchor pays %x, want %x", got, want)
	}
}

// manyHTLCs splits 7,000,000 sat over n HTLCs, most of them alike in amount.
func manyHTLCs(n int) (toOwner amount.Msat, htlcs []HTLC) {
	toOwner = 7000000000
	for i := range n {
		h := HTLC{Offered: i%2 == 0, ID: uint64(i / 2), Amount: 1000000 + amount.Msat(i%7), CLTVExpiry: block.Height(800000 + i%5)}
		binary.BigEndian.PutUint32(h.PaymentHash[:], uint32(i)*2654435761)
		toOwner -= h.Amount
		htlcs = append(htlcs, h)
	}
	return toOwner, htlcs
}

// TestHTLCTransactionsAreValid runs Bitcoin's script interpreter over both kinds of spend, with all
// HTLC slots of both sides in use.
func TestHTLCTransactionsAreValid(t *testing.T) {
	for _, anchors := range []bool{false, true} {
		ch := newBOLT3Channel(t, anchors, 546)
		toOwner, htlcs := manyHTLCs(966)
		preimage := bolt3Preimage(1)
		received := bolt3HTLC(1).PaymentHash
		htlcs[1].PaymentHash = received
		c, err := BuildCommitment(&ch.params, 7, 253, toOwner, 3000000000, htlcs)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.HTLCs) != 966 {
			t.Fatalf("%d htlc outputs", len(c.HTLCs))
		}
		digests := c.OtherHTLCSigHashes()
		for i, h := range c.HTLCs {
			if out := c.Tx.TxOut[h.OutputIndex]; !bytes.Equal(out.PkScript, P2WSH(h.WitnessScript)) || amount.Sat(out.Value) != h.Amount.Sat() {
				t.Fatalf("output %d is not that of htlc %d", h.OutputIndex, h.ID)
			}
			if i%97 != 0 && h.PaymentHash != received {
				continue
			}
			if !h.Offered && h.PaymentHash != received {
				continue
			}
			signed := c.SignedHTLCTx(i, ch.localHTLC.sign(t, c.OwnerHTLCSigHash(i)), ch.remoteHTLC.sign(t, digests[i]), preimage)
			checkScript(t, signed, c.Tx.TxOut[h.OutputIndex].PkScript, int64(h.Amount.Sat()))
		}
	}
}

func TestNumberPush(t *testing.T) {
	for _, n := range []uint32{0, 1, 16, 17, 127, 128, 144, 255, 256, 32767, 32768, 65535, 800000, 8388607, 8388608, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		want, err := txscript.NewScriptBuilder().AddInt64(int64(n)).Script()
		if err != nil {
			t.Fatal(err)
		}
		if got := appendNumber([]byte{9}, n); !bytes.Equal(got[1:], want) {
			t.Errorf("%d: %x, want %x", n, got[1:], want)
		}
	}
}

func BenchmarkCommitment483(b *testing.B) {
	ch := newBOLT3Channel(b, true, 354)
	toOwner, htlcs := manyHTLCs(483)
	b.ReportAllocs()
	for b.Loop() {
		c, err := BuildCommitment(&ch.params, 42, 253, toOwner, 3000000000, htlcs)
		if err != nil {
			b.Fatal(err)
		}
		if len(c.OtherHTLCSigHashes()) != 483 {
			b.Fatal("htlcs are missing")
		}
	}
}
