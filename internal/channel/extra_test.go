package channel_test

import (
	"bytes"
	"testing"

	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
)

// TestExtraTLVs: records that neither side knows go with the HTLC, over a restart of either, until they are of no use
// any more; more than MaxExtraTLVs of a peer are ignored.
func TestExtraTLVs(t *testing.T) {
	for size, want := range map[int]bool{3: true, channel.MaxExtraTLVs: true, channel.MaxExtraTLVs + 1: false} {
		w := openWires(t, channeltest.DefaultTerms())
		extra := append([]byte{1, 0xfd, byte((size - 4) >> 8), byte(size - 4)}, make([]byte, max(size-4, 0))...)
		if size == 3 {
			extra = []byte{1, 1, 7}
		}
		o := offered(1, 5_000_000)
		o.ExtraTLVs = extra
		w.step(0, o)
		w.step(0, channel.Idle{})
		same := func(i int) {
			t.Helper()
			restored, err := w.nodes[i].Log.Restore()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(restored.Snapshot(), w.nodes[i].Channel.Snapshot()) {
				t.Errorf("%s: what is stored is not what runs", w.nodes[i].Name)
			}
		}
		same(0)
		if !bytes.Contains(w.nodes[0].Channel.Snapshot(), extra) {
			t.Error("a restart would not send them again")
		}
		w.settle()
		same(0)
		same(1)
		if len(w.received[1]) != 1 || bytes.Equal(w.received[1][0].ExtraTLVs, extra) != want {
			t.Errorf("%d bytes: %+v", size, w.received[1])
		}
		if bytes.Contains(w.nodes[0].Channel.Snapshot(), extra) {
			t.Error("they are kept though the peer has them")
		}
	}
}
