package wire

import "testing"

// BOLT 2, Definition of channel_id.
func TestBOLT2ChannelID(t *testing.T) {
	txid := [32]byte{0: 0xaa, 30: 0xf0, 31: 0x0f}
	if got, want := NewChannelID(txid, 0x1234), (ChannelID{0: 0xaa, 30: 0xe2, 31: 0x3b}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// BOLT 7, Definition of short_channel_id.
func TestBOLT7ShortChannelID(t *testing.T) {
	id := NewShortChannelID(539268, 845, 1)
	if id != 0x083a8400034d0001 || id.Height() != 539268 || id.TxIndex() != 845 || id.Output() != 1 {
		t.Errorf("got %x", uint64(id))
	}
	if got, err := ParseShortChannelID("539268x845x1"); err != nil || got != id {
		t.Errorf("got %s, %v", got, err)
	}
	for _, text := range []string{"", "1x2", "1x2x3x4", "1x2x3 ", "-1x2x3", "01x2x3", "16777216x0x0", "0x16777216x0", "0x0x65536", "1X2X3"} {
		if got, err := ParseShortChannelID(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}
