package chain

import (
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
)

func TestWatcherFindsInOnePass(t *testing.T) {
	b := newFakeBackend(0)
	funding := wire.OutPoint{Index: 7}
	irrelevant := spend([]wire.OutPoint{{Index: 1}}, "x")
	closing := spend([]wire.OutPoint{{Index: 2}, funding}, "x", "mine", "mine")
	sweep := spend([]wire.OutPoint{{Hash: closing.TxHash(), Index: 2}}, "x")
	watchedTx := spend([]wire.OutPoint{{Index: 3}}, "x")
	b.grow(1, irrelevant, closing, sweep, watchedTx)

	w := NewWatcher()
	w.WatchOutpoint(funding)
	w.WatchScript([]byte("mine"))
	w.WatchTx(watchedTx.TxHash())
	var got []string
	for _, m := range w.Scan(b.blocks[1]) {
		if m.TxID != m.Tx.TxHash() {
			t.Errorf("txid %s", m.TxID)
		}
		got = append(got, fmt.Sprint(m.Index, m.Watched, m.Spends, m.Pays))
	}
	want := []string{"2 false [1] [1 2]", "3 false [0] []", "4 true [] []"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q\nwant %q", got, want)
	}

	w.WatchOutpoint(funding)
	w.UnwatchOutpoint(funding)
	w.UnwatchScript([]byte("mine"))
	w.UnwatchTx(watchedTx.TxHash())
	if found := w.Scan(b.blocks[1]); len(found) != 1 || found[0].Index != 2 {
		t.Errorf("watched twice and released once, found %v", found)
	}
	w.UnwatchOutpoint(funding)
	if found := w.Scan(b.blocks[1]); found != nil {
		t.Errorf("watching nothing, found %v", found)
	}
}

func BenchmarkScan(b *testing.B) {
	backend := newFakeBackend(0)
	var txs []*wire.MsgTx
	for i := range 3000 {
		txs = append(txs, spend([]wire.OutPoint{{Index: uint32(i)}, {Index: uint32(i + 5000)}}, "a", "b"))
	}
	backend.grow(1, txs...)
	w := NewWatcher()
	for i := range 10000 {
		w.WatchOutpoint(wire.OutPoint{Index: uint32(100000 + i)})
		w.WatchScript(fmt.Append(nil, i))
	}
	for b.Loop() {
		w.Scan(backend.blocks[1])
	}
}
