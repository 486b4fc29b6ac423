package channel

import (
	"bytes"
	"testing"

	"fulmen/internal/wire"
)

// TestLongReasonIsPassedOn: a reason that fills the next node's message leaves no room for attribution_data in ours.
func TestLongReasonIsPassedOn(t *testing.T) {
	for _, c := range []struct {
		size       int
		attributed bool
	}{{292, true}, {MaxReason - attributionRecord, true}, {MaxReason - attributionRecord + 1, false}, {MaxReason, false}} {
		r := &Result{Kind: Fail, Reason: bytes.Repeat([]byte{7}, c.size), Attribution: new([AttributionSize]byte)}
		m, err := wire.Decode(wire.Encode(r.message(wire.ChannelID{1}, 2)))
		if err != nil {
			t.Fatalf("%d bytes: %v", c.size, err)
		}
		if f := m.(*wire.UpdateFailHTLC); !bytes.Equal(f.Reason, r.Reason) || (f.AttributionData != nil) != c.attributed {
			t.Errorf("%d bytes: %d bytes are passed on, attribution_data %v", c.size, len(f.Reason), f.AttributionData != nil)
		}
	}
}
