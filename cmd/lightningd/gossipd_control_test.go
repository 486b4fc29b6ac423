package main

import (
	"slices"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/gossip"
	"fulmen/internal/ipc/gossipdmsg"
)

// TestNextGossipdHearsOfSpends: a channel of others that is closed by a block which comes while there is no gossipd,
// or which the last one died with, is not believed in for ever.
func TestNextGossipdHearsOfSpends(t *testing.T) {
	w, _ := surroundChain(t)
	defer w.end()
	theirs := []btcwire.OutPoint{{Index: 1}, {Index: 2}}
	w.mine(testHeight+1, testSpend(0, theirs[:1], 1000))
	w.n.loop.call(func() { w.n.restarting = true }) // as if it took a while
	w.gossipd.conn.Close()
	w.mine(testHeight+2, testSpend(0, theirs[1:], 2000))
	const tip = testHeight + 2 + keptSpends
	for h := block.Height(testHeight + 3); h <= tip; h++ {
		w.mine(h)
	}
	w.n.loop.call(func() { w.n.restarting = false; w.n.restartNetworkDaemons() })
	missing := []uint64{}
	for _, o := range theirs {
		missing = append(missing, gossip.OutpointKey(o.Hash, o.Index))
	}
	for p := w.next(); len(missing) > 0; {
		if p.name != "gossipd" {
			t.Fatalf("%s is started", p.name)
		}
		m := hears[gossipdmsg.NewBlock](w, p)
		if m.Height != tip {
			t.Errorf("block %d is told, it is %d", m.Height, tip)
		}
		missing = slices.DeleteFunc(missing, func(key uint64) bool { return slices.Contains(m.Spent, key) })
	}
}
