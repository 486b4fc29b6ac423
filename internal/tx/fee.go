package tx

import (
	"fulmen/internal/amount"
)

// AnchorSats is the fixed amount of each anchor output (BOLT 3, to_local_anchor).
const AnchorSats amount.Sat = 330

// Expected weights (BOLT 3, Fee Calculation).
const (
	commitmentWeight        = 724
	commitmentWeightAnchors = 1124
	htlcOutputWeight        = 172
	htlcTimeoutWeight       = 663
	htlcSuccessWeight       = 703
)

// CommitmentWeight is the expected weight of a signed commitment.
func CommitmentWeight(anchors bool, numUntrimmed int) int {
	if anchors {
		return commitmentWeightAnchors + htlcOutputWeight*numUntrimmed
	}
	return commitmentWeight + htlcOutputWeight*numUntrimmed
}

// CommitmentFee is the base fee, which the opener pays.
func CommitmentFee(anchors bool, feerate amount.FeeratePerKw, numUntrimmed int) amount.Sat {
	return feerate.Fee(CommitmentWeight(anchors, numUntrimmed))
}

// OpenerCost is all that a commitment takes from the opener: the base fee and, with anchors, both
// anchor outputs.
func OpenerCost(anchors bool, feerate amount.FeeratePerKw, numUntrimmed int) amount.Sat {
	cost := CommitmentFee(anchors, feerate, numUntrimmed)
	if anchors {
		cost += 2 * AnchorSats
	}
	return cost
}

// HTLCFee is the fee of the HTLC-timeout (for an HTLC that the commitment's owner offered) or
// HTLC-success transaction; with anchors these pay none.
func HTLCFee(anchors, offered bool, feerate amount.FeeratePerKw) amount.Sat {
	switch {
	case anchors:
		return 0
	case offered:
		return feerate.Fee(htlcTimeoutWeight)
	default:
		return feerate.Fee(htlcSuccessWeight)
	}
}

// TrimThreshold is the smallest amount whose HTLC gets an output in a commitment of an owner with
// dustLimit (BOLT 3, Trimmed Outputs).
func TrimThreshold(anchors, offered bool, feerate amount.FeeratePerKw, dustLimit amount.Sat) amount.Sat {
	return max(dustLimit, dustLimit+HTLCFee(anchors, offered, feerate)) // an absurd limit does not wrap
}

// CountUntrimmed is the number of HTLCs that get an output.
func CountUntrimmed(anchors bool, feerate amount.FeeratePerKw, dustLimit amount.Sat, htlcs []HTLC) int {
	offered := TrimThreshold(anchors, true, feerate, dustLimit)
	received := TrimThreshold(anchors, false, feerate, dustLimit)
	n := 0
	for i := range htlcs {
		if htlcs[i].isUntrimmed(offered, received) {
			n++
		}
	}
	return n
}

// isUntrimmed compares with the thresholds for offered and received HTLCs.
func (h *HTLC) isUntrimmed(offered, received amount.Sat) bool {
	if h.Offered {
		return h.Amount.Sat() >= offered
	}
	return h.Amount.Sat() >= received
}
