package channel_test

import (
	"testing"

	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/ipc"
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
