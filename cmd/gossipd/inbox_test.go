package main

import (
	"runtime"
	"testing"

	"fulmen/internal/gossip"
	"fulmen/internal/keys"
)

// TestInboxIsBounded: many peers send without end, and nobody looks. What waits stays within its limits,
// and each peer's turn comes.
func TestInboxIsBounded(t *testing.T) {
	in := newInbox()
	const peers = 100
	id := func(i int) keys.PubKey { return keys.PubKey{2, byte(i)} }
	for i := range peers {
		in.arrived(gossip.PeerUp{ID: id(i)})
	}
	in.take()
	for i := range peers {
		dropped := 0
		for range 100 {
			if in.sent(id(i), [][]byte{make([]byte, 50_000)}) {
				dropped++
			}
		}
		if dropped != 1 {
			t.Fatalf("peer %d: %d reports that something was dropped, want one", i, dropped)
		}
		if in.queues[id(i)].bytes > inboxFull || in.bytes > inboxAllFull {
			t.Fatalf("%d bytes of one peer wait, %d of all", in.queues[id(i)].bytes, in.bytes)
		}
	}
	seen := map[keys.PubKey]int{}
	for _, ev := range in.take() {
		seen[ev.(gossip.PeerSent).ID]++
	}
	for peer, n := range seen {
		if n > turn {
			t.Errorf("%d messages of peer %s in one turn, at most %d", n, peer, turn)
		}
	}
	for i := range peers {
		in.left(gossip.PeerDown{ID: id(i)})
	}
	if in.bytes != 0 || len(in.queues) != 0 {
		t.Errorf("%d bytes of %d peers are left of peers that are gone", in.bytes, len(in.queues))
	}
}

// TestInboxOfShortMessages: what waits takes no more memory than its limit says, however short it is.
func TestInboxOfShortMessages(t *testing.T) {
	in := newInbox()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for peer := range 2 * inboxAllFull / inboxFull {
		id := keys.PubKey{2, byte(peer)}
		in.arrived(gossip.PeerUp{ID: id})
		for range 40 {
			short := make([][]byte, inboxFull/40/eventSize+1)
			for i := range short {
				short[i] = []byte{1, 0}
			}
			in.sent(id, short)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d bytes wait and take %d KiB", in.bytes, used>>10)
	if in.bytes < inboxAllFull/2 || used > inboxAllFull*5/4 {
		t.Errorf("%d bytes wait and take %d, at most %d", in.bytes, used, inboxAllFull*5/4)
	}
	runtime.KeepAlive(in)
}
