package main

import (
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/ipc/channeldmsg"
)

func told(id uint64, amt amount.Msat) []channeldmsg.IncomingHTLC {
	return []channeldmsg.IncomingHTLC{{ID: id, AmountMsat: amt}}
}

// TestLedger: a process gets at most the peer's balance out of HTLCs that it makes up, whatever it says became of them.
func TestLedger(t *testing.T) {
	const capacity = 1000
	l := newLedger(600_000)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(err error) {
		t.Helper()
		if err == nil {
			t.Fatal("it was taken")
		}
	}
	paid := func(id uint64) { l.settle(&channeldmsg.SettleHTLC{ID: id, Preimage: new([32]byte)}) }

	must(l.take(told(0, 300_000), capacity))
	must(l.take(told(0, 300_000), capacity)) // by the next process
	refused(l.take(told(0, 300_001), capacity))
	refused(l.take(told(1, 100_001), capacity))
	refused(l.take(append(told(1, 100_000), told(2, 1)...), capacity))
	refused(l.take(told(1, amount.MaxMsat), capacity))
	must(l.take(told(1, 100_000), capacity))

	l.settle(&channeldmsg.SettleHTLC{ID: 1, Failure: []byte{1}})
	paid(1) // too late
	refused(l.take(told(2, 1), capacity))
	l.gone(1)
	must(l.take(told(2, 100_000), capacity)) // the peer has it again
	paid(2)
	l.gone(2)
	refused(l.take(told(3, 1), capacity)) // it is ours now
	refused(l.take(told(2, 1), capacity)) // nor does it come back by its name
	l.spent(50_000)
	must(l.take(told(3, 50_000), capacity))
	refused(l.take(told(4, 1), capacity))
	l.gone(9) // nobody told of it: its onion was unreadable

	l = newLedger(0)
	l.spent(1) // was under way before, and not ours any more
	must(l.take(told(0, 1_000_000), capacity))

	l = newLedger(0)
	for id := range uint64(maxIncoming) {
		must(l.take(told(id, 1), capacity))
	}
	refused(l.take(told(maxIncoming, 1), capacity))
}
