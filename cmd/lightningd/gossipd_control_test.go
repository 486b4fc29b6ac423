package main

import (
	"context"
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

// oldBlocks is a backend with a block at each height, each of which spends one output.
type oldBlocks struct{ deafBackend }

func (oldBlocks) BlockAt(_ context.Context, h block.Height) (*btcwire.MsgBlock, error) {
	return &btcwire.MsgBlock{Transactions: []*btcwire.MsgTx{testSpend(0, []btcwire.OutPoint{{Index: uint32(h)}}, 1000)}}, nil
}

// TestNextRunsGossipdHearsOfSpends: lightningd and gossipd may have died together, with a block that only lightningd had
// stored.
func TestNextRunsGossipdHearsOfSpends(t *testing.T) {
	w, _ := surroundChain(t)
	dir := w.dir
	w.end()
	w = surroundIn(t, dir, oldBlocks{})
	defer w.end()
	w.n.retellSpends(testHeight)
	for h := uint32(testHeight - retoldBlocks + 1); h <= testHeight; {
		m := hears[gossipdmsg.NewBlock](w, w.gossipd)
		if m.Height != testHeight {
			t.Errorf("block %d is told, it is %d", m.Height, testHeight)
		}
		if len(m.Spent) == 0 {
			continue
		}
		if !slices.Equal(m.Spent, []uint64{gossip.OutpointKey(btcwire.OutPoint{}.Hash, h)}) {
			t.Errorf("the spends of block %d: %v", h, m.Spent)
		}
		h++
	}
}
