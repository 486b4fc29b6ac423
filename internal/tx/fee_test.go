package tx

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

func TestBOLT3FeeCalculationExample(t *testing.T) {
	htlcs := []HTLC{
		{Offered: true, Amount: 5000000},
		{Offered: true, Amount: 1000000},
		{Amount: 7000000},
		{Amount: 800000},
	}
	if fee := HTLCFee(false, true, 5000); fee != 3315 {
		t.Errorf("htlc-timeout fee %s", fee)
	}
	if fee := HTLCFee(false, false, 5000); fee != 3515 {
		t.Errorf("htlc-success fee %s", fee)
	}
	n := CountUntrimmed(false, 5000, 546, htlcs)
	if n != 2 || CommitmentWeight(false, n) != 1068 {
		t.Errorf("%d untrimmed, weight %d", n, CommitmentWeight(false, n))
	}
	base := CommitmentFee(false, 5000, n)
	if base != 5340 {
		t.Errorf("base fee %s", base)
	}
	if all := base.Msat() + trimmed(false, 5000, 546, htlcs); all.Sat() != 7140 {
		t.Errorf("fee with trimmed htlcs %s", all)
	}
}

func TestAnchorsTrimByDustLimitAlone(t *testing.T) {
	if HTLCFee(true, true, 50000) != 0 || HTLCFee(true, false, 50000) != 0 {
		t.Error("htlc transactions pay a fee")
	}
	htlcs := []HTLC{{Amount: 546000}, {Amount: 545999}, {Offered: true, Amount: 546999}}
	if n := CountUntrimmed(true, 50000, 546, htlcs); n != 2 {
		t.Errorf("%d untrimmed", n)
	}
	if sum := trimmed(true, 50000, 546, htlcs); sum != 545999 {
		t.Errorf("trimmed %s", sum)
	}
	if cost := OpenerCost(true, 1000, 2); cost != 1124+2*172+660 {
		t.Errorf("opener's cost %s", cost)
	}
}

// TestBOLT3AppendixAWeights holds real transactions against the expected weights, which count
// signatures as 73 bytes and, with anchors, three bytes for the number of outputs.
func TestBOLT3AppendixAWeights(t *testing.T) {
	for _, anchors := range []bool{false, true} {
		ch := newBOLT3Channel(t, anchors, 546)
		htlcs := []HTLC{{Offered: true, Amount: 2000000, CLTVExpiry: 1 << 24}, {Amount: 3000000, CLTVExpiry: 1 << 24}}
		c, err := BuildCommitment(&ch.params, 1, 253, 6995000000, 3000000000, htlcs)
		if err != nil {
			t.Fatal(err)
		}
		extra := 0
		if anchors {
			extra = 3
		}
		for i, want := range []int{133 + extra, 140 + extra} { // sorted by amount: offered, received
			if got := len(c.HTLCs[i].WitnessScript); got != want {
				t.Errorf("anchors %t: script %d has %d bytes, want %d", anchors, i, got, want)
			}
		}
		own, other := ch.localFunding.sign(t, c.SigHash()), ch.remoteFunding.sign(t, c.SigHash())
		checkWeight(t, "commitment", c.Signed(own, other), CommitmentWeight(anchors, 2))
		for i, want := range []int{htlcTimeoutWeight + extra, htlcSuccessWeight + extra} {
			checkWeight(t, "htlc transaction", c.SignedHTLCTx(i, own, other, [32]byte{}), want)
		}
	}
}

func checkWeight(t *testing.T, what string, m *wire.MsgTx, expected int) {
	t.Helper()
	const slack = 4*2 + 2*3
	weight := 3*m.SerializeSizeStripped() + m.SerializeSize()
	if weight > expected || weight < expected-slack {
		t.Errorf("%s weighs %d, expected %d", what, weight, expected)
	}
}

// TestBOLT3DustLimits has the thresholds of Bitcoin Core that BOLT 3 lists.
func TestBOLT3DustLimits(t *testing.T) {
	script := func(n int, start ...byte) []byte { return append(start, make([]byte, n-len(start))...) }
	p2sh := script(23, opHash160, opData20)
	p2sh[22] = opEqual
	for _, c := range []struct {
		name   string
		script []byte
		want   amount.Sat
	}{
		{"p2pkh", script(25, opDup, opHash160), 546},
		{"p2sh", p2sh, 540},
		{"p2wpkh", script(22, op0, opData20), 294},
		{"p2wsh", script(34, op0, opData32), 330},
		{"p2a", []byte{op1, 2, 0x4e, 0x73}, 240},
		{"p2tr", script(34, op1, 32), 354},
		{"op_return", []byte{opReturn}, 0},
	} {
		if got := DustThreshold(c.script); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// trimmed is what a commitment would lose to fees: the sum of the HTLCs without an output.
func trimmed(anchors bool, feerate amount.FeeratePerKw, dustLimit amount.Sat, htlcs []HTLC) amount.Msat {
	offered := TrimThreshold(anchors, true, feerate, dustLimit)
	received := TrimThreshold(anchors, false, feerate, dustLimit)
	var sum amount.Msat
	for i := range htlcs {
		if !htlcs[i].isUntrimmed(offered, received) {
			sum += htlcs[i].Amount
		}
	}
	return sum
}
