package graph

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/wire"
)

func testID(n int) (id NodeID) {
	id[0] = 2
	id[8], id[9], id[32] = byte(n), byte(n>>8), byte(n)
	return id
}

// model is a graph as simple as can be.
type model map[wire.ShortChannelID]modelChannel

type modelChannel struct {
	ends     [2]NodeID
	capacity amount.Sat
	policies [2]Policy
}

// TestRandomChanges adds, changes and removes channels at random, and holds the graph to a map.
func TestRandomChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	g, m := New(), model{}
	for step := range 20_000 {
		scid := wire.ShortChannelID(1 + rng.IntN(400))
		c, ok := g.Channel(scid)
		if _, want := m[scid]; ok != want {
			t.Fatalf("step %d: channel %s: is there %v, want %v", step, scid, ok, want)
		}
		switch rng.IntN(4) {
		case 0:
			g.RemoveChannel(scid)
			delete(m, scid)
		case 1:
			if ok {
				break
			}
			a, b := testID(rng.IntN(150)), testID(150+rng.IntN(150))
			capacity := amount.Sat(rng.Uint32())
			g.SetCapacity(g.AddChannel(scid, a, b, int64(step+1)), capacity)
			m[scid] = modelChannel{ends: [2]NodeID{a, b}, capacity: capacity}
		case 2:
			if !ok {
				break
			}
			direction := uint8(rng.IntN(2))
			p := Policy{FeePPM: rng.Uint32(), LastUpdate: uint32(step + 1), ChannelFlags: direction}
			g.SetPolicy(c.Half(direction), p)
			have := m[scid]
			have.policies[direction] = p
			m[scid] = have
		case 3:
			if step%100 == 0 {
				compare(t, g, m)
			}
		}
	}
	compare(t, g, m)
}

func compare(t *testing.T, g *Graph, m model) {
	t.Helper()
	g.Settle()
	if g.NumChannels() != len(m) {
		t.Fatalf("%d channels, want %d", g.NumChannels(), len(m))
	}
	degree := map[NodeID]int{}
	for scid, want := range m {
		c, ok := g.Channel(scid)
		if !ok {
			t.Fatalf("channel %s is not there", scid)
		}
		got := modelChannel{
			ends:     [2]NodeID{g.ID(g.From(c.Half(0))), g.ID(g.To(c.Half(0)))},
			capacity: g.Capacity(c), policies: [2]Policy{*g.Policy(c.Half(0)), *g.Policy(c.Half(1))},
		}
		if got != want {
			t.Fatalf("channel %s: %+v, want %+v", scid, got, want)
		}
		for direction, id := range want.ends {
			degree[id]++
			n, _ := g.Node(id)
			if !slices.Contains(g.Away(n), c.Half(uint8(direction))) {
				t.Fatalf("channel %s is not among those of %s", scid, id)
			}
		}
	}
	for n := range g.NumNodes() {
		away := g.Away(Node(n))
		for i, link := range g.Links(Node(n)) {
			p, h := g.Policy(link.Half), away[i].Reverse()
			if link.Half != h || link.From != g.From(h) || link.Capacity != g.Capacity(h.Channel()).Msat() ||
				link.FeePPM != p.FeePPM || link.Enabled != p.Enabled() || link.Leaf != (degree[g.ID(link.From)] == 1) {
				t.Fatalf("link %+v of direction %d, whose policy is %+v", link, h, *p)
			}
		}
		if len(away) != degree[g.ID(Node(n))] || !slices.IsSorted(away) {
			t.Fatalf("node %d: channels %v, want %d of them, sorted", n, away, degree[g.ID(Node(n))])
		}
	}
}

func encodeChannel(scid wire.ShortChannelID, a, b NodeID, featureBytes int) []byte {
	return wire.Encode(&wire.ChannelAnnouncement{ShortChannelID: scid, NodeID1: a, NodeID2: b, Features: make([]byte, featureBytes)})
}

// TestFieldsAreWhereTheCodecPutsThem holds reading in place to package wire.
func TestFieldsAreWhereTheCodecPutsThem(t *testing.T) {
	g := New()
	for features := range 4 {
		scid := wire.NewShortChannelID(100, 1, uint16(features))
		if _, err := g.ApplyChannelAnnouncement(encodeChannel(scid, testID(1), testID(2), features), 77); err != nil {
			t.Fatal(err)
		}
		update := wire.ChannelUpdate{
			ShortChannelID: scid, Timestamp: 5, MessageFlags: 1, ChannelFlags: 1, CLTVExpiryDelta: 6, HTLCMinimumMsat: 7,
			FeeBaseMsat: 8, FeeProportionalMillionths: 9, HTLCMaximumMsat: 10,
		}
		if err := g.ApplyChannelUpdate(wire.Encode(&update)); err != nil {
			t.Fatal(err)
		}
		c, _ := g.Channel(scid)
		want := Policy{HTLCMinimum: 7, HTLCMaximum: 10, FeeBase: 8, FeePPM: 9, LastUpdate: 5, CLTVDelta: 6, MessageFlags: 1, ChannelFlags: 1}
		if got := *g.Policy(c.Half(1)); got != want {
			t.Errorf("policy %+v, want %+v", got, want)
		}
		if g.Policy(c.Half(0)).Known() || g.Announcement(c) != 77 || g.ID(g.To(c.Half(1))) != testID(1) {
			t.Errorf("channel %s is not as announced", scid)
		}
		older := update
		older.Timestamp, older.FeeBaseMsat = 4, 1000
		if err := g.ApplyChannelUpdate(wire.Encode(&older)); err != nil || *g.Policy(c.Half(1)) != want {
			t.Errorf("an older channel_update counts: %+v, %v", *g.Policy(c.Half(1)), err)
		}
		ann := wire.NodeAnnouncement{NodeID: testID(2), Features: make([]byte, features)}
		if err := g.ApplyNodeAnnouncement(wire.Encode(&ann), int64(90+features)); err != nil {
			t.Fatal(err)
		}
		if n, _ := g.Node(testID(2)); g.NodeAnnouncement(n) != int64(90+features) {
			t.Errorf("node_announcement with %d bytes of features: offset %d", features, g.NodeAnnouncement(n))
		}
	}
}

// TestBOLT7UnknownFeatures: no route leads over a channel, or on from a node, that requires what we do not know. A
// node_announcement that does not any more makes the node usable again.
func TestBOLT7UnknownFeatures(t *testing.T) {
	g := New()
	strange, known := features.New(features.VarOnionOptin, 200), features.New(features.DualFund, 201)
	for i, v := range []features.Vector{strange, known} {
		m := wire.ChannelAnnouncement{ShortChannelID: wire.ShortChannelID(i + 1), NodeID1: testID(1), NodeID2: testID(2), Features: v}
		if _, err := g.ApplyChannelAnnouncement(wire.Encode(&m), 1); err != nil {
			t.Fatal(err)
		}
		for direction := range byte(2) {
			u := wire.ChannelUpdate{ShortChannelID: m.ShortChannelID, Timestamp: 1, MessageFlags: 1, ChannelFlags: direction}
			if err := g.ApplyChannelUpdate(wire.Encode(&u)); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(name string, of map[Half]bool) {
		t.Helper()
		g.Settle()
		for n := range g.NumNodes() {
			for _, l := range g.Links(Node(n)) {
				if l.Enabled != of[l.Half] {
					t.Errorf("%s: direction %d: enabled is %t", name, l.Half, l.Enabled)
				}
			}
		}
	}
	usable, _ := g.Channel(2)
	want("no announcement of a node", map[Half]bool{usable.Half(0): true, usable.Half(1): true})
	for i, v := range []features.Vector{known, strange, nil} {
		m := wire.NodeAnnouncement{NodeID: testID(2), Features: v, Timestamp: uint32(i)}
		if err := g.ApplyNodeAnnouncement(wire.Encode(&m), 9); err != nil {
			t.Fatal(err)
		}
		want(fmt.Sprintf("announcement %d", i), map[Half]bool{usable.Half(0): true, usable.Half(1): !v.Strange()})
	}
}

// FuzzApply feeds arbitrary records: no panic, and a clear error or a graph that is in order.
func FuzzApply(f *testing.F) {
	f.Add(encodeChannel(5, testID(1), testID(2), 1))
	f.Add(wire.Encode(&wire.ChannelUpdate{ShortChannelID: 5, Timestamp: 1}))
	f.Add(wire.Encode(&wire.NodeAnnouncement{NodeID: testID(1)}))
	f.Fuzz(func(t *testing.T, msg []byte) {
		g := New()
		g.AddChannel(5, testID(1), testID(2), 1)
		_, err := g.ApplyChannelAnnouncement(msg, 1)
		for _, err := range []error{err, g.ApplyChannelUpdate(msg), g.ApplyNodeAnnouncement(msg, 1)} {
			if err != nil && !bytes.Contains([]byte(err.Error()), []byte(": ")) {
				t.Errorf("error says too little: %v", err)
			}
		}
		g.Settle()
		for n := range g.NumNodes() {
			for _, h := range g.Away(Node(n)) {
				if g.From(h) != Node(n) {
					t.Errorf("direction %d leads away from %d, is listed at %d", h, g.From(h), n)
				}
			}
		}
	})
}
