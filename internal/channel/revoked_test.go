package channel_test

import (
	"testing"

	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// TestRevokedAreTold: who asks is told of each commitment that the peer revokes, as the peer itself has it; others
// are told of none.
func TestRevokedAreTold(t *testing.T) {
	for _, anchors := range []bool{true, false} {
		terms := channeltest.DefaultTerms()
		terms.Anchors, terms.ToOpener = anchors, terms.Funding.Msat()
		w := openWires(t, terms)
		policy := channeltest.DefaultPolicy()
		policy.TellRevoked = true
		w.step(0, channel.SetPolicy{Policy: policy})
		theirs := map[keys.CommitmentNumber]*tx.Commitment{}
		const payments = 5
		for id := range uint64(payments) {
			number := w.nodes[1].Channel.Summary().LocalNumber
			built, err := w.nodes[1].Channel.LocalCommitment()
			if err != nil {
				t.Fatal(err)
			}
			theirs[number] = built
			w.step(0, offered(id, 20_000_000))
			w.settle()
			w.step(1, channel.Settle{HTLCID: id, Result: channel.Result{Kind: channel.Fulfill, Preimage: preimageOf(id)}})
			w.settle()
		}
		found := 0
		for i, r := range w.revoked[0] {
			if i > 0 && r.Number != w.revoked[0][i-1].Number+1 {
				t.Errorf("anchors %v: commitment %d after %d", anchors, r.Number, w.revoked[0][i-1].Number)
			}
			built := theirs[r.Number]
			if built == nil {
				continue // between two settlings
			}
			found++
			if r.Txid != built.Txid() || int(r.Output) != built.ToOwner || int64(r.Amount) != built.Tx.TxOut[r.Output].Value {
				t.Errorf("anchors %v: commitment %d is told as %+v", anchors, r.Number, r)
			}
		}
		// The first has nothing for the peer: its whole balance is the opener's.
		if want := payments - 1; found != want {
			t.Errorf("anchors %v: %d commitments of %d were told", anchors, found, want)
		}
		if len(w.revoked[1]) > 0 {
			t.Errorf("anchors %v: %d commitments were told to who did not ask", anchors, len(w.revoked[1]))
		}
	}
}
