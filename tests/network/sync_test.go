package network

import (
	"crypto/sha256"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fulmen/internal/gossipstore"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/wire"
	"fulmen/tests/delay"
	"fulmen/tests/graphchain"
	"fulmen/tests/harness"
	"fulmen/tests/proc"
)

var (
	syncNodes    = flag.Int("nodes", graphtest.Public().Nodes/10, "nodes of the network that is synced")
	syncChannels = flag.Int("channels", graphtest.Public().Channels/10, "channels of the network that is synced")
)

// What the processes of a node that asks for everything may have in the end (PSS, MB), with a network as
// large as the public one.
var syncMemory = map[string]int64{"lightningd": 32, "gossipd": 48, "connectd": 24}

// messages are those of a store that are not deleted, by hash.
type messages map[[32]byte]bool

// storeFollower reads a node's gossip_store while it grows.
type storeFollower struct {
	t       *testing.T
	name    string
	reader  *gossipstore.Reader
	records int
}

func followStore(n *harness.Node, t *testing.T) *storeFollower {
	t.Helper()
	r, err := gossipstore.Open(storePath(n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return &storeFollower{t: t, name: n.Name, reader: r}
}

func storePath(n *harness.Node) string { return filepath.Join(n.Dir, "regtest", "gossip_store") }

// announced reads what is new, and returns how many announcements and updates there were so far.
func (f *storeFollower) announced() int {
	f.t.Helper()
	for {
		rec, err := f.reader.Next()
		switch {
		case err == io.EOF:
			return f.records
		case errors.Is(err, gossipstore.ErrReplaced):
			f.records = 0
		case err != nil:
			f.t.Fatal(err)
		case rec.Flags&gossipstore.Deleted == 0 && rec.Type() <= wire.MsgChannelUpdate:
			f.records++
		}
	}
}

// wait waits until there are so many, as long as more of them come.
func (f *storeFollower) wait(n int) {
	f.t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	last, since := 0, time.Now()
	for have := f.announced(); have < n; have = f.announced() {
		if have > last {
			last, since = have, time.Now()
		}
		if time.Since(since) > harness.Patience {
			f.t.Fatalf("%s has %d of %d messages, and no more for %s", f.name, have, n, harness.Patience)
		}
		<-tick.C
	}
}

// messagesOf is what a node's store says.
func messagesOf(t *testing.T, n *harness.Node) messages {
	t.Helper()
	all := messages{}
	r, err := gossipstore.Open(storePath(n))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Flags&gossipstore.Deleted == 0 && rec.Type() <= wire.MsgChannelUpdate {
			all[sha256.Sum256(rec.Msg)] = true
		}
	}
}

// TestSyncOfAGraph: Alice has a network: a tenth of the public one, or with make test-network all of it. Bob, who is new, asks her for all of it, and
// looks for each channel in the chain. Then he loses the end of his
// store, and asks for that.
func TestSyncOfAGraph(t *testing.T) {
	btcd := harness.StartBtcd(t)
	begun := time.Now()
	net := graphtest.Generate(graphchain.Config(graphtest.Config{
		Seed: 1, Nodes: *syncNodes, Channels: *syncChannels, Now: uint32(time.Now().Unix()),
	}))
	graphchain.Fund(btcd, net, 6)
	t.Logf("%d channels are in the chain after %s", len(net.Channels), time.Since(begun).Round(time.Second))

	alice, bob := harness.NewNode(t, btcd, "alice"), harness.NewNode(t, btcd, "bob", "--log-level=info")
	fillStore(t, alice, net)
	alice.Start()
	bob.Start()
	alice.Sync()
	bob.Sync()
	line, err := delay.Listen(alice.Address(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	all := len(net.IDs) + 3*len(net.Channels)
	sync := func() (took time.Duration, bytes int64) {
		begun, before := time.Now(), line.FromTarget()
		bob.Call("connect", []string{alice.ID() + "@" + line.Addr()}, nil)
		followStore(bob, t).wait(all)
		return time.Since(begun), line.FromTarget() - before
	}

	took, full := sync()
	t.Logf("Bob has all %d messages after %s, Alice sent %d kB: %.0f messages a second",
		all, took.Round(time.Millisecond), full>>10, float64(all)/took.Seconds())
	logMemory(t, alice, nil)
	logMemory(t, bob, syncMemory)
	sameMessages(t, alice, bob)
	wantGraph(t, bob, net)

	bob.Stop()
	info, err := os.Stat(storePath(bob))
	if err == nil {
		err = os.Truncate(storePath(bob), info.Size()/10*9)
	}
	if err != nil {
		t.Fatal(err)
	}
	bob.Start()
	took, part := sync()
	t.Logf("Bob has the tenth that he lost after %s, Alice sent %d kB", took.Round(time.Millisecond), part>>10)
	if part > full/5 {
		t.Errorf("for a tenth of the network, Alice sent %d kB, of all %d kB", part>>10, full>>10)
	}
	sameMessages(t, alice, bob)
}

// fillStore makes the network a node's, before it is started.
func fillStore(t *testing.T, n *harness.Node, net *graphtest.Network) {
	t.Helper()
	path := storePath(n)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(net.WriteStore(f), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// sameMessages fails unless both stores say the same.
func sameMessages(t *testing.T, a, b *harness.Node) {
	t.Helper()
	if of, other := messagesOf(t, a), messagesOf(t, b); !maps.Equal(of, other) {
		missing := 0
		for hash := range of {
			if !other[hash] {
				missing++
			}
		}
		t.Errorf("%s has %d messages and %s %d, without %d of those", a.Name, len(of), b.Name, len(other), missing)
	}
}

// wantGraph fails unless the node knows the network's nodes and channels for routes.
func wantGraph(t *testing.T, n *harness.Node, net *graphtest.Network) {
	t.Helper()
	var known struct {
		Nodes []struct {
			ID    string  `json:"nodeid"`
			Alias *string `json:"alias"`
		} `json:"nodes"`
	}
	n.Call("listnodes", nil, &known)
	named := 0
	for _, node := range known.Nodes {
		if node.Alias != nil {
			named++
		}
	}
	if len(known.Nodes) != len(net.IDs) || named != len(net.IDs) {
		t.Errorf("%s knows %d nodes, %d of them by name, of %d", n.Name, len(known.Nodes), named, len(net.IDs))
	}
	var list struct {
		Channels []struct {
			SCID     string `json:"short_channel_id"`
			Capacity uint64 `json:"amount_msat"`
		} `json:"channels"`
	}
	for _, c := range []graphtest.Channel{net.Channels[0], net.Channels[len(net.Channels)/2], net.Channels[len(net.Channels)-1]} {
		n.Call("listchannels", []string{c.SCID.String()}, &list)
		if len(list.Channels) != 2 || list.Channels[0].Capacity != uint64(c.Capacity.Msat()) {
			t.Errorf("%s knows of channel %s: %+v", n.Name, c.SCID, list.Channels)
		}
	}
}

// logMemory tells what the processes of a node have, and fails if that is more than they may.
func logMemory(t *testing.T, n *harness.Node, most map[string]int64) {
	t.Helper()
	processes, err := proc.Tree(n.Pid())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		pss, err := p.PSS()
		if os.IsPermission(err) {
			t.Logf("%s: %s: only root may ask for its memory", n.Name, p.Title)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		cpu, err := p.CPU()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s has %d MB, and used %s of CPU", n.Name, p.Title, pss>>20, cpu.Round(10*time.Millisecond))
		if limit := most[p.Name()]; limit > 0 && pss>>20 > limit {
			t.Errorf("%s: %s has %d MB, at most %d", n.Name, p.Title, pss>>20, limit)
		}
	}
}
