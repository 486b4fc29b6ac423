package channel_test

import (
	"bytes"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
)

func amountOf(msat uint64) amount.Msat { return amount.Msat(msat) }

// openWires is a channel that is ready, between two nodes that get all messages at once.
func openWires(tb testing.TB, terms channeltest.Terms) *wires {
	a, b, err := channeltest.Open("alice", "bob", terms)
	if err != nil {
		tb.Fatal(err)
	}
	w := &wires{tb: tb, nodes: [2]*channeltest.Node{a, b}}
	for i := range w.nodes {
		w.step(i, channel.SetPolicy{Policy: channeltest.DefaultPolicy()})
		w.step(i, channel.Connected{})
		w.step(i, channel.FundingConfirmed{Depth: 1, ShortChannelID: 1})
	}
	w.settle()
	return w
}

// TestFull fills both directions with 483 HTLCs each, restarts, and settles all.
func TestFull(t *testing.T) {
	terms := channeltest.DefaultTerms()
	terms.Cheap = true
	terms.Funding, terms.ToOpener = 10_000_000, 5_000_000_000
	w := openWires(t, terms)
	before := w.nodes[0].Channel.LocalContent()
	for ref := range uint64(483) {
		w.step(0, offered(ref, 1_000_000))
		w.step(1, offered(ref, 1_000_000))
	}
	w.settle()
	for _, n := range w.nodes {
		if got := n.Channel.Summary().NumHTLCs; got != 2*483 {
			t.Fatalf("%s: %d htlcs", n.Name, got)
		}
		restored, err := n.Log.Restore()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(restored.Snapshot(), n.Channel.Snapshot()) {
			t.Errorf("%s: what is stored is not what runs", n.Name)
		}
	}
	for id := range uint64(483) {
		for i := range w.nodes {
			w.step(i, channel.Settle{HTLCID: id, Result: channel.Result{Kind: channel.Fulfill, Preimage: preimageOf(id)}})
		}
	}
	w.settle()
	after := w.nodes[0].Channel.LocalContent()
	if len(after.HTLCs) != 0 || after.ToLocal != before.ToLocal || after.ToRemote != before.ToRemote {
		t.Errorf("after as many both ways: %+v, before %+v", after, before)
	}
}

// TestLogStaysSmall: what has to be read at a restart does not grow with payments that are over.
func TestLogStaysSmall(t *testing.T) {
	terms := channeltest.DefaultTerms()
	terms.Cheap = true
	w := openWires(t, terms)
	for id := range uint64(80) {
		w.step(0, offered(id, 5_000_000))
		w.settle()
		w.step(1, channel.Settle{HTLCID: id, Result: channel.Result{Kind: channel.Fail, Reason: make([]byte, 292)}})
		w.settle()
	}
	for _, n := range w.nodes {
		if size := n.Log.Size(); size > 80<<10 {
			t.Errorf("%s: %d bytes stored", n.Name, size)
		}
		if len(n.Log.Snapshot) > 2048 {
			t.Errorf("%s: snapshot of %d bytes for a channel without htlcs", n.Name, len(n.Log.Snapshot))
		}
	}
}

// TestOneStoreAndOneSignatureAStep: whatever the number of HTLCs, a commitment received and the one sent
// in return cost one Store, which is one part of a database sync, and a commitment sent costs one
// signing request.
func TestOneStoreAndOneSignatureAStep(t *testing.T) {
	for _, htlcs := range []uint64{1, 100, 483} {
		terms := channeltest.DefaultTerms()
		terms.Cheap = true
		w := openWires(t, terms)
		w.steps, w.signs = 0, 0
		for ref := range htlcs {
			w.step(0, offered(ref, 1_000_000))
		}
		w.settle()
		// Alice commits; Bob revokes and commits; Alice revokes; Bob takes note.
		if w.steps != 4 || w.signs != 2 {
			t.Errorf("%d htlcs: %d stores and %d signing requests, want 4 and 2", htlcs, w.steps, w.signs)
		}
	}
}

// BenchmarkCommitment is a lone payment's way into both commitments and out again, with real
// signatures, both sides.
func BenchmarkCommitment(b *testing.B) {
	w := openWires(b, channeltest.DefaultTerms())
	id := uint64(0)
	for b.Loop() {
		w.step(0, offered(id&0xffff, 5_000_000))
		w.settle()
		w.step(1, channel.Settle{HTLCID: id, Result: channel.Result{Kind: channel.Fail, Reason: []byte("x")}})
		w.settle()
		id++
	}
}

// BenchmarkFull commits and fails 483 trimmed HTLCs at once, both sides, without the signatures.
func BenchmarkFull(b *testing.B) {
	terms := channeltest.DefaultTerms()
	terms.Cheap = true
	w := openWires(b, terms)
	id := uint64(0)
	for b.Loop() {
		for i := range uint64(483) {
			w.step(0, offered((id+i)&0xffff, 1000))
		}
		w.settle()
		for i := range uint64(483) {
			w.step(1, channel.Settle{HTLCID: id + i, Result: channel.Result{Kind: channel.Fail, Reason: []byte("x")}})
		}
		w.settle()
		id += 483
	}
}
