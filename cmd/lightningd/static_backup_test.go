package main

import (
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/scb"
	"fulmen/internal/wire"
)

// TestStaticBackupOfACloseThatIsMined: what the peer's commitment pays us is claimed by keys that follow from the
// channel's number and the peer's points. So its entry stays until all of that is in the wallet, and a mutual close's, which
// leaves nothing to claim, comes back with the block that is taken back.
func TestStaticBackupOfACloseThatIsMined(t *testing.T) {
	for _, tt := range []struct {
		name  string
		close *btcwire.MsgTx
		kept  bool
	}{
		{"a commitment", testCommitment(1), true},
		{"a mutual close", testSpend(0, []btcwire.OutPoint{malloryFunding()}, 150_000), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := surroundChain(t)
			defer func() { w.end() }()
			if !w.backsUp() {
				t.Fatal("an open channel is not in the static backup")
			}
			w.mine(testHeight+1, tt.close)
			if got := w.backsUp(); got != tt.kept {
				t.Errorf("after the close is mined it is in the static backup: %v, want %v", got, tt.kept)
			}
			select {
			case <-w.n.static.wanted: // of before
			default:
			}
			w.unmine(testHeight+1, tt.close)
			if !w.backsUp() {
				t.Error("the close is no longer mined, and the channel not in the static backup")
			}
			select {
			case <-w.n.static.wanted:
			default:
				t.Error("nobody writes the file anew after the block was taken back")
			}
		})
	}
}

// backsUp reports whether mallory's channel is in the static backup.
func (w *surroundings) backsUp() bool {
	w.t.Helper()
	entries, err := w.n.staticEntries()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, raw := range entries {
		c, err := scb.Decode(raw)
		if err != nil {
			w.t.Fatal(err)
		}
		if c.ChannelID == (wire.ChannelID(testRow(malloryChannel, false).ChannelID)) {
			return true
		}
	}
	return false
}
