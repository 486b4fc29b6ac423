package wallet

import (
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// together is a PSBT with an input of ours of each kind and one of somebody else's.
func (w *testWallet) together() *psbt.Packet {
	w.t.Helper()
	w.fund(P2TR, 1000)
	w.fund(P2WPKH, 2000)
	var inputs []*wire.OutPoint
	for _, c := range w.Coins() {
		inputs = append(inputs, &c.Outpoint)
	}
	inputs = append(inputs, &wire.OutPoint{Index: 5})
	p, err := psbt.New(inputs, []*wire.TxOut{wire.NewTxOut(2500, []byte{0x51})}, 2, 0, []uint32{sequence, sequence, sequence})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestSigningOthersPSBT(t *testing.T) {
	w := newTestWallet(t)
	p := w.together()
	if _, err := w.Signing(p, nil); !errors.Is(err, ErrNotReserved) {
		t.Errorf("not reserved: %v", err)
	}
	_, changes, err := w.Reserve(Inputs(p), 10, true)
	w.keep(changes, err)
	if _, err := w.Signing(p, nil); !errors.Is(err, ErrPSBT) {
		t.Errorf("taproot without the other's output: %v", err)
	}
	if err := w.sign(p, []int{1}); err != nil {
		t.Errorf("p2wpkh alone: %v", err)
	}
	if len(p.Inputs[1].PartialSigs) != 1 || p.Inputs[0].TaprootKeySpendSig != nil {
		t.Error("other inputs are signed than those named")
	}
	p.Inputs[2].WitnessUtxo = wire.NewTxOut(3000, []byte{0x51})
	if err := w.sign(p, nil); err != nil || len(p.Inputs[0].TaprootKeySpendSig) != 64 {
		t.Errorf("all of ours: %v", err)
	}
	if _, err := Finalize(p); !errors.Is(err, ErrPSBT) {
		t.Errorf("finalize without the other's signature: %v", err)
	}
	for name, c := range map[string]struct {
		only []int
		want error
	}{
		"somebody else's": {[]int{2}, ErrUnknown},
		"out of range":    {[]int{3}, ErrUnknown},
		"negative":        {[]int{-1}, ErrUnknown},
		"none":            {[]int{}, ErrNothing},
	} {
		if _, err := w.Signing(p, c.only); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestApplyCountsSignatures(t *testing.T) {
	s := &Signing{Inputs: make([]SignInput, 2)}
	if err := s.Apply(new(psbt.Packet), make([]Signature, 1)); err == nil {
		t.Error("a missing signature went unnoticed")
	}
}

func TestParsePSBTRefuses(t *testing.T) {
	for _, text := range []string{"", "cHNidA==", "not base64!", strings.Repeat("A", maxPSBT+1)} {
		if _, err := ParsePSBT(text); !errors.Is(err, ErrPSBT) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// One in ten locktimes lies back; none lies ahead.
func TestLockTime(t *testing.T) {
	w := newTestWallet(t)
	back := 0
	for range 1000 {
		at, err := w.recentLockTime()
		if err != nil {
			t.Fatal(err)
		}
		if tip := uint32(w.Tip()); at > tip || at+99 < tip {
			t.Fatalf("locktime %d at block %d", at, tip)
		} else if at != tip {
			back++
		}
	}
	if back < 50 || back > 200 {
		t.Errorf("%d of 1000 lie back", back)
	}
}

func FuzzPSBT(f *testing.F) {
	w := newTestWallet(f)
	if text, err := w.together().B64Encode(); err == nil {
		f.Add(text)
	}
	f.Add("cHNidP8BAAoCAAAAAAAAAAAAAA==")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePSBT(text)
		if err != nil {
			return
		}
		if _, _, err := w.Reserve(Inputs(p), 1, false); err != nil {
			return
		}
		if s, err := w.Signing(p, nil); err == nil {
			if err := s.Apply(p, make([]Signature, len(s.Inputs))); err != nil {
				t.Error(err)
			}
		}
		if tx, err := Finalize(p); err == nil && len(tx.TxIn) != len(p.Inputs) {
			t.Error("finalized with other inputs")
		}
	})
}

// TestParsePSBTOfVersion2 reads the published example of one as what it is in version 0.
func TestParsePSBTOfVersion2(t *testing.T) {
	p, err := ParsePSBT("cHNidP8BAgQCAAAAAQMEbwAAAAEEAQABBQEBAQYBAwH7BAIAAAAAAQMIQEIPAAAAAAABBCJRIFlD3NJhT3wWNjZjaiYxxZ59+xdgBDNX3xaKmXSHaUI2AA==")
	if err != nil || p.UnsignedTx.LockTime != 111 || len(p.UnsignedTx.TxOut) != 1 || p.UnsignedTx.TxOut[0].Value != 1_000_000 {
		t.Fatalf("%+v, %v", p, err)
	}
	text, err := p.B64Encode()
	if err != nil || text != "cHNidP8BADUCAAAAAAFAQg8AAAAAACJRIFlD3NJhT3wWNjZjaiYxxZ59+xdgBDNX3xaKmXSHaUI2bwAAAAAA" {
		t.Errorf("%s, %v", text, err)
	}
}
