package main

import (
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fulmen/internal/gossipstore"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/noise"
	"fulmen/internal/wire"
)

// rumour is a message for the store, which looks at no more than the type.
func rumour(n byte) []byte { return []byte{1, 2, n} }

// gossipStore makes a store at path and lends it to the node.
func gossipStore(n *testNode, path string, id byte) *gossipstore.Writer {
	n.t.Helper()
	f, err := os.Create(path)
	if err != nil {
		n.t.Fatal(err)
	}
	w, err := gossipstore.Create(f, gossipstore.UUID{id})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { f.Close() })
	lend(n, path)
	return w
}

func lend(n *testNode, path string) {
	n.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		n.t.Fatal(err)
	}
	n.order(&connectdmsg.GossipStore{}, f)
}

// add appends rumours, their timestamps as their numbers.
func add(t *testing.T, w *gossipstore.Writer, flags gossipstore.Flags, numbers ...byte) (offsets []int64) {
	t.Helper()
	for _, n := range numbers {
		at, err := w.Append(flags, uint32(n), rumour(n))
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, at)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return offsets
}

// wantRumours fails unless a node's peer sends these next.
func wantRumours(t *testing.T, n *testNode, numbers ...byte) {
	t.Helper()
	for len(numbers) > 0 {
		for _, raw := range next[*gossipmsg.PeerGossip](t, n.rumours).Wire {
			if len(numbers) == 0 || raw[2] != numbers[0] {
				t.Fatalf("have rumour %d, want %v", raw[2], numbers)
			}
			numbers = numbers[1:]
		}
	}
}

// TestBOLT7StreamByTimestampFilter: Alice's connectd tells Bob what is in her store, as he asks for it,
// without a word of her gossipd's; and goes on when another file takes the store's place.
func TestBOLT7StreamByTimestampFilter(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	dir := t.TempDir()
	w := gossipStore(alice, filepath.Join(dir, "one"), 1)
	offsets := add(t, w, 0, 10, 20, 30, 40)
	if err := w.Mark(offsets[1], gossipstore.Deleted); err != nil {
		t.Fatal(err)
	}
	add(t, w, gossipstore.Dying, 31)
	atAlice, atBob := link(alice, bob)
	alice.serve(atAlice)
	bob.serve(atBob)
	next[*gossipmsg.PeerUp](t, alice.rumours)
	next[*gossipmsg.PeerUp](t, bob.rumours)

	add(t, w, 0, 50)               // no filter: not for Bob
	add(t, w, gossipstore.Push, 5) // Alice's own: for everybody
	wantRumours(t, bob, 5)
	filter := wire.Encode(&wire.GossipTimestampFilter{ChainHash: [32]byte{1}, FirstTimestamp: 15, TimestampRange: 30}) // 15 to 44
	if err := bob.gossip.Send(&gossipmsg.PeerGossip{ID: alice.id, Wire: [][]byte{filter}}); err != nil {
		t.Fatal(err)
	}
	wantRumours(t, bob, 30, 40, 5)
	add(t, w, 0, 44, 45, 14, 15)
	wantRumours(t, bob, 44, 15)

	// The store is compacted. Bob hears nothing twice, and all that comes.
	second := filepath.Join(dir, "two")
	f, err := os.Create(second)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	to, _, err := w.Compact(f, gossipstore.UUID{2})
	if err != nil {
		t.Fatal(err)
	}
	lend(alice, second)
	if err := w.End(to); err != nil {
		t.Fatal(err)
	}
	add(t, to, 0, 42)
	wantRumours(t, bob, 42)
}

// storeOf is a gossip_store of rumours, each with so many bytes more and with its number as timestamp.
func storeOf(t *testing.T, records, size int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "gossip_store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w, err := gossipstore.Create(f, gossipstore.UUID{1})
	if err != nil {
		t.Fatal(err)
	}
	raw := append(rumour(1), make([]byte, size)...)
	for n := range records {
		if _, err := w.Append(0, uint32(n), raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return f
}

// streamFrom streams a store to one peer, whose end of the connection is theirs.
func streamFrom(t *testing.T, f *os.File) (g *streamer, p *peer, theirs net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	p = &peer{out: newOutbox(ours, sealer(t), newBacklog(), nil, slog.New(slog.DiscardHandler))}
	g = newStreamer()
	g.use(f)
	g.add(p)
	return g, p, theirs
}

// TestStreamLooksAtSoMuch: a peer that wants little of the past has us look at a part of the file at a time, and gets it
// in the end.
func TestStreamLooksAtSoMuch(t *testing.T) {
	const records, size = 300, 60_000
	f := storeOf(t, records, size)
	g, p, theirs := streamFrom(t, f)
	now := time.Unix(1_700_000_000, 0)
	g.setFilter(p, &wire.GossipTimestampFilter{FirstTimestamp: records - 1, TimestampRange: 1}, now)
	at := g.streams[p].at
	for rounds := 0; g.streams[p].past; rounds++ {
		g.round(now)
		if looked := g.streams[p].at - at; looked > streamScan+size+100 || rounds > records {
			t.Fatalf("round %d looks at %d bytes", rounds, looked)
		}
		at = g.streams[p].at
	}
	if _, err := io.ReadFull(theirs, make([]byte, size)); err != nil {
		t.Errorf("what it wanted does not come: %v", err)
	}
}

// TestStreamsShareTheReading: many peers that ask for a past of which they want nothing do not have us read without end,
// and each is through in the end.
func TestStreamsShareTheReading(t *testing.T) {
	const records, size, peers = 300, 60_000, 20
	g, p, _ := streamFrom(t, storeOf(t, records, size))
	now := time.Unix(1_700_000_000, 0)
	all := []*peer{p}
	for range peers - 1 {
		other := &peer{out: p.out}
		g.add(other)
		all = append(all, other)
	}
	sum := func() (at int64, waiting bool) {
		for _, s := range g.streams {
			at, waiting = at+s.at, waiting || s.past
		}
		return at, waiting
	}
	for _, p := range all {
		g.setFilter(p, &wire.GossipTimestampFilter{FirstTimestamp: records, TimestampRange: 1}, now)
	}
	before, waiting := sum()
	for rounds := 0; waiting; rounds++ {
		g.round(now)
		var at int64
		if at, waiting = sum(); at-before > streamScanAll+streamScan+size+100 || rounds > records {
			t.Fatalf("round %d looks at %d bytes", rounds, at-before)
		}
		before, _ = sum()
	}
}

// TestStreamWaitsForASlowPeer: a peer that asked for the past and reads none of it for now is sent no more
// than it can lose, and gets the rest as it reads.
func TestStreamWaitsForASlowPeer(t *testing.T) {
	const messages, size = 400, 60_000 // more than outboxStuck
	f := storeOf(t, messages, size)
	g, p, theirs := streamFrom(t, f)
	now := time.Unix(1_700_000_000, 0)
	g.setFilter(p, &wire.GossipTimestampFilter{TimestampRange: 1 << 31}, now)
	for range 2 * messages * size / streamBytes {
		g.round(now)
	}
	if waits := p.out.backlog(); waits > 3*streamBytes {
		t.Fatalf("%d bytes wait for a peer that does not read, at most %d", waits, 3*streamBytes)
	}
	read := make(chan int64)
	go func() {
		n, err := io.CopyN(io.Discard, theirs, messages*int64(size+len(rumour(1))+noise.Overhead))
		if err != nil {
			t.Error(err)
		}
		read <- n
	}()
	for tick := time.NewTicker(time.Millisecond); ; {
		select {
		case <-read:
			tick.Stop()
			return
		case <-tick.C:
			g.round(now)
		}
	}
}
