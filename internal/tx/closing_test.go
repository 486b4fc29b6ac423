package tx

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// closingFunding is a funding output of the vectors' keys.
func closingFunding(t *testing.T) (*Funding, signer, signer) {
	ch := newBOLT3Channel(t, true, 546)
	return ch.params.Funding, ch.localFunding, ch.remoteFunding
}

// checkSpends runs Bitcoin's script interpreter over a transaction that spends the funding output.
func checkSpends(t *testing.T, f *Funding, spend *wire.MsgTx) {
	t.Helper()
	checkScript(t, spend, f.PkScript(), int64(f.Amount))
}

func checkScript(t *testing.T, spend *wire.MsgTx, pkScript []byte, value int64) {
	t.Helper()
	fetcher := txscript.NewCannedPrevOutputFetcher(pkScript, value)
	vm, err := txscript.NewEngine(pkScript, spend, 0, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(spend, fetcher), value, fetcher)
	if err != nil {
		t.Fatal(err)
	}
	if err := vm.Execute(); err != nil {
		t.Error(err)
	}
}

func TestClosingTransactions(t *testing.T) {
	f, local, remote := closingFunding(t)
	low, high := P2WPKH(local.pub), P2WSH([]byte{op1})
	for _, c := range []struct {
		name     string
		build    func() (*Closing, error)
		fee      int64
		outputs  []int64
		sequence uint32
		lockTime uint32
	}{
		{"legacy, ordered by value", func() (*Closing, error) {
			return BuildLegacyClosing(f, ClosingOutput{7000000, low}, ClosingOutput{2999000, high})
		}, 1000, []int64{2999000, 7000000}, 0xffffffff, 0},
		{"legacy, one output", func() (*Closing, error) {
			return BuildLegacyClosing(f, ClosingOutput{9999000, low})
		}, 1000, []int64{9999000}, 0xffffffff, 0},
		{"simple", func() (*Closing, error) {
			return BuildSimpleClosing(f, 800000, ClosingOutput{2999000, high}, ClosingOutput{7000000, low})
		}, 1000, []int64{2999000, 7000000}, 0xfffffffd, 800000},
		{"simple, one side burns", func() (*Closing, error) {
			return BuildSimpleClosing(f, 1, ClosingOutput{9000000, high}, ClosingOutput{900, []byte{opReturn, 6, 1, 2, 3, 4, 5, 6}})
		}, 1000000, []int64{0, 9000000}, 0xfffffffd, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.build()
			if err != nil {
				t.Fatal(err)
			}
			if int64(got.Fee) != c.fee || got.Tx.LockTime != c.lockTime || got.Tx.TxIn[0].Sequence != c.sequence {
				t.Errorf("fee %s, locktime %d, sequence %x", got.Fee, got.Tx.LockTime, got.Tx.TxIn[0].Sequence)
			}
			var scripts [][]byte
			for i, out := range got.Tx.TxOut {
				if out.Value != c.outputs[i] {
					t.Errorf("output %d: %d sat, want %d", i, out.Value, c.outputs[i])
				}
				scripts = append(scripts, out.PkScript)
			}
			signed := got.Signed(remote.pub, remote.sign(t, got.SigHash()), local.pub, local.sign(t, got.SigHash()))
			checkSpends(t, f, signed)
			weight := 3*signed.SerializeSizeStripped() + signed.SerializeSize()
			if expected := ClosingWeight(scripts...); expected < weight || expected > weight+8 {
				t.Errorf("weight %d, expected %d", weight, expected)
			}
		})
	}
}

func TestClosingRefusals(t *testing.T) {
	f, local, _ := closingFunding(t)
	if _, err := BuildLegacyClosing(f); !errors.Is(err, ErrNoOutputs) {
		t.Errorf("no outputs: %v", err)
	}
	script := P2WPKH(local.pub)
	if _, err := BuildSimpleClosing(f, 0, ClosingOutput{f.Amount, script}, ClosingOutput{1, script}); !errors.Is(err, ErrOverspent) {
		t.Errorf("overspent: %v", err)
	}
}

func TestShutdownScripts(t *testing.T) {
	push := func(n int, start ...byte) []byte { return append(start, bytes.Repeat([]byte{7}, n)...) }
	for _, c := range []struct {
		name                      string
		script                    []byte
		always, segwit, andReturn bool
	}{
		{"p2wpkh", push(20, op0, 20), true, true, true},
		{"p2wsh", push(32, op0, 32), true, true, true},
		{"p2wsh cut short", push(31, op0, 32), false, false, false},
		{"taproot", push(32, op1, 32), false, true, true},
		{"version 16", push(40, op16, 40), false, true, true},
		{"version 1 too long", push(41, op1, 41), false, false, false},
		{"version 1 too short", push(1, op1, 1), false, false, false},
		{"version 1 with wrong push", push(32, op1, 31), false, false, false},
		{"op_return 5", push(5, opReturn, 5), false, false, false},
		{"op_return 6", push(6, opReturn, 6), false, false, true},
		{"op_return 75", push(75, opReturn, 75), false, false, true},
		{"op_return 75, not the shortest push", push(75, opReturn, 76, 75), false, false, false},
		{"op_return 76", push(76, opReturn, 76, 76), false, false, true},
		{"op_return 80", push(80, opReturn, 76, 80), false, false, true},
		{"op_return 81", push(81, opReturn, 76, 81), false, false, false},
		{"op_return without push", []byte{opReturn}, false, false, false},
		{"op_return cut in its push", []byte{opReturn, 76}, false, false, false},
		{"p2pkh", push(23, opDup, opHash160), false, false, false},
		{"empty", nil, false, false, false},
	} {
		for _, r := range []struct {
			rules ScriptRules
			want  bool
		}{
			{ScriptRules{}, c.always},
			{ScriptRules{AnySegwit: true}, c.segwit},
			{ScriptRules{AnySegwit: true, OpReturn: true}, c.andReturn},
		} {
			if err := r.rules.CheckShutdownScript(c.script); (err == nil) != r.want {
				t.Errorf("%s with %+v: %v", c.name, r.rules, err)
			}
		}
	}
}
