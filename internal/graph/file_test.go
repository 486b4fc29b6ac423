package graph_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fulmen/internal/gossipstore"
	"fulmen/internal/graph"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/wire"
)

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func smallNetwork() *graphtest.Network {
	return graphtest.Generate(graphtest.Config{Seed: 7, Nodes: 20, Channels: 40, Now: 1_700_000_000})
}

// shape is all that a graph has, in a form that can be compared.
type shape struct {
	nodes1, nodes2 graph.NodeID
	capacity       uint64
	policies       [2]graph.Policy
}

func shapeOf(g *graph.Graph) map[wire.ShortChannelID]shape {
	m := map[wire.ShortChannelID]shape{}
	for c := range graph.Channel(g.ChannelLimit()) {
		if g.Exists(c) {
			m[g.ShortChannelID(c)] = shape{
				g.ID(g.From(c.Half(0))), g.ID(g.From(c.Half(1))), uint64(g.Capacity(c)),
				[2]graph.Policy{*g.Policy(c.Half(0)), *g.Policy(c.Half(1))},
			}
		}
	}
	return m
}

func want(n *graphtest.Network) map[wire.ShortChannelID]shape { return shapeOf(n.Graph()) }

func check(t *testing.T, f *graph.File, want map[wire.ShortChannelID]shape) {
	t.Helper()
	if err := f.View(func(g *graph.Graph) {
		got := shapeOf(g)
		if len(got) != len(want) {
			t.Fatalf("%d channels, want %d", len(got), len(want))
		}
		for scid, w := range want {
			if got[scid] != w {
				t.Fatalf("channel %s: %+v, want %+v", scid, got[scid], w)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// TestFollowStore reads a store that appears, grows, loses channels, is compacted and continued.
func TestFollowStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip_store")
	f := graph.Open(path)
	defer f.Close()
	check(t, f, nil)

	n := smallNetwork()
	file := create(t, path)
	if err := n.WriteStore(file); err != nil {
		t.Fatal(err)
	}
	expected := want(n)
	check(t, f, expected)
	checkAnnouncements(t, f, n)

	w, damage, err := gossipstore.Load(file, gossipstore.UUID{1}, func(*gossipstore.Record) error { return nil })
	if err != nil || damage != nil {
		t.Fatalf("load: %v %v", err, damage)
	}
	gone := n.Channels[30].SCID
	appendRecord(t, w, gossipstore.AppendDeleteChannel(nil, gone))
	delete(expected, gone)
	n.Channels[5].Policies[1].FeePPM = 4321
	n.Channels[5].Policies[1].LastUpdate++
	update := n.ChannelUpdate(5, 1)
	appendRecord(t, w, update)
	changed := expected[n.Channels[5].SCID]
	changed.policies[1] = n.Channels[5].Policies[1]
	expected[n.Channels[5].SCID] = changed
	check(t, f, expected)

	// Compaction: another file takes the name, without the channel that is gone.
	other := create(t, path+".new")
	n.Channels = slices.Delete(n.Channels, 30, 31)
	if err := n.WriteStore(other); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	check(t, f, want(n))
	checkAnnouncements(t, f, n)
}

func appendRecord(t *testing.T, w *gossipstore.Writer, msg []byte) {
	t.Helper()
	if _, err := w.Append(0, 0, msg); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// checkAnnouncements reads back what stays in the store.
func checkAnnouncements(t *testing.T, f *graph.File, n *graphtest.Network) {
	t.Helper()
	if err := f.View(func(g *graph.Graph) {
		for i, id := range n.IDs {
			node, ok := g.Node(id)
			if !ok {
				t.Fatalf("node %s is not there", id)
			}
			msg, ok := f.Announcement(g.NodeAnnouncement(node))
			if !ok || !slices.Equal(msg, n.NodeAnnouncement(i)) {
				t.Errorf("node_announcement of node %d is not what was written", i)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedStore wants what comes before the damage, and the error, until the store is whole again.
func TestDamagedStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip_store")
	n := smallNetwork()
	file := create(t, path)
	if err := n.WriteStore(file); err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{0xff, 0xff, 0xff}, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	f := graph.Open(path)
	defer f.Close()
	for range 2 {
		err = f.View(func(g *graph.Graph) {
			if g.NumChannels() == 0 || g.NumChannels() > len(n.Channels) {
				t.Errorf("%d channels", g.NumChannels())
			}
		})
		if err == nil {
			t.Error("damage is not told")
		}
	}
	whole := create(t, path+".new")
	if err := n.WriteStore(whole); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	check(t, f, want(n))
}
