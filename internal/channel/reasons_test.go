package channel_test

import (
	"bytes"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/ipc"
	"fulmen/internal/wire"
)

// TestLongReasonsFit: a peer that fails all HTLCs at once, each with a reason as long as its message, makes neither
// what is stored nor what is read at the next start larger than a message between processes.
func TestLongReasonsFit(t *testing.T) {
	terms := channeltest.DefaultTerms()
	terms.Cheap = true
	terms.Funding, terms.ToOpener = 10_000_000, 9_000_000_000
	w := openWires(t, terms)
	const most = 483
	for ref := range uint64(most) {
		w.step(0, offered(ref, 1_000_000))
	}
	w.settle()
	if size := w.nodes[0].Log.Size(); size > 4<<20 {
		t.Fatalf("%d bytes are stored before", size)
	}
	for id := range uint64(most) {
		size := channel.MaxReason
		if id == most-1 {
			size = 300 // an honest one of another payment
		}
		if room := w.nodes[1].Channel.HasRoomFor(size); room != (id < 16 || id == most-1) {
			t.Fatalf("HTLC %d: room for %d bytes more: %v", id, size, room)
		}
		w.step(1, channel.Settle{HTLCID: id, Result: channel.Result{Kind: channel.Fail, Reason: make([]byte, size)}})
	}
	w.settle()
	if len(w.failed[0]) != most || w.nodes[0].Channel.Summary().NumHTLCs != 0 {
		t.Fatalf("%d HTLCs have failed, %d are left", len(w.failed[0]), w.nodes[0].Channel.Summary().NumHTLCs)
	}
	kept := 0
	for _, f := range w.failed[0] {
		if len(f.Result.Reason) == channel.MaxReason {
			kept++
		}
	}
	if last := w.failed[0][most-1]; kept != 16 || len(last.Result.Reason) != 300 {
		t.Errorf("%d long reasons are kept; the short one has %d bytes", kept, len(last.Result.Reason))
	}
	if w.largest[0] > ipc.MaxFrame/2 {
		t.Errorf("one Store of %d bytes, or a log as long", w.largest[0])
	}
}

// TestManyFeesFit: a peer that sends update_fee without end, and commits to them again and again while it keeps its own
// revoke_and_ack back, does not make what is stored grow with them.
func TestManyFeesFit(t *testing.T) {
	terms := channeltest.DefaultTerms()
	terms.Cheap = true
	w := openWires(t, terms)
	id, sent := w.nodes[1].Channel.Params().ChannelID, 0
	for range 5 {
		for range 20_000 {
			sent++
			w.step(1, channel.PeerSent{Msg: &wire.UpdateFee{ChannelID: id, FeeratePerKw: amount.FeeratePerKw(1000 + sent%1000)}})
		}
		next := w.nodes[1].Channel.LocalContent()
		next.Number, next.Feerate = next.Number+1, amount.FeeratePerKw(1000+sent%1000)
		next.ToLocal, next.ToRemote = next.ToRemote, next.ToLocal // as alice sees it
		signed, err := w.nodes[0].Signer.SignRemote(&next, w.nodes[1].Signer.Point(next.Number))
		if err != nil {
			t.Fatal(err)
		}
		w.step(1, channel.PeerSent{Msg: &wire.CommitmentSigned{ChannelID: id, Signature: signed.Signature}})
		w.step(1, channel.Idle{})
	}
	if w.largest[1] > 64<<10 {
		t.Errorf("one Store of %d bytes, or a log as long", w.largest[1])
	}
	restored, err := w.nodes[1].Log.Restore()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(restored.Snapshot(), w.nodes[1].Channel.Snapshot()) {
		t.Error("what is stored is not what runs")
	}
	if got, want := restored.LocalContent().Feerate, amount.FeeratePerKw(1000+sent%1000); got != want || restored.Summary().LocalNumber != 5 {
		t.Errorf("commitment %d at %s, want 5 at %s", restored.Summary().LocalNumber, got, want)
	}
}
