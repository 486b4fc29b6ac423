package main

import (
	"errors"
	"testing"

	"fulmen/internal/rpc"
)

// TestWaitBlockHeightReturnsWhenAllIsDone: a block that was taken is not all, as the chain may not be read to its end,
// and then the node refuses channels; and what lists show of it has to be on disk.
func TestWaitBlockHeightReturnsWhenAllIsDone(t *testing.T) {
	w := surround(t)
	defer w.end()
	b := testBlock(testHeight + 1)
	if err := (chainReceiver{w.n}).BlockConnected(w.n.ctx, b); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		_, err := w.n.waitBlockHeight(w.n.ctx, &waitBlockHeightParams{Height: b.Height})
		var late *rpc.Error
		if !errors.As(err, &late) || late.Code != rpc.CodeWaitBlockHeightTimeout {
			t.Fatalf("it returned before the chain was read to its end: %v", err)
		}
	}
	w.caughtUp(b.Height)
	r, err := w.n.waitBlockHeight(w.n.ctx, &waitBlockHeightParams{Height: b.Height, Timeout: 60})
	if err != nil || r.Height != b.Height {
		t.Fatalf("%+v, %v", r, err)
	}
	if stored, err := w.n.db.RecentBlocks(1); err != nil || len(stored) != 1 || stored[0] != b.BlockID {
		t.Errorf("stored is %v, %v", stored, err)
	}
}
