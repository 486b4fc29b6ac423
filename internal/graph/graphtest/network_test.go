package graphtest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

func small() Config { return Config{Seed: 3, Nodes: 12, Channels: 28, Now: 1_700_000_000} }

func storeOf(t *testing.T, c Config) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gossip_store")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Generate(c).WriteStore(f); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestSameSeedSameNetwork(t *testing.T) {
	other := small()
	other.Seed++
	a, b, c := storeOf(t, small()), storeOf(t, small()), storeOf(t, other)
	if !bytes.Equal(a, b) {
		t.Error("the same seed makes another network")
	}
	if bytes.Equal(a, c) {
		t.Error("another seed makes the same network")
	}
}

// TestSignatures verifies all of a small network's, as whoever gets it from a peer does.
func TestSignatures(t *testing.T) {
	n := Generate(small())
	verify := func(raw []byte, id keys.PubKey, sig keys.Signature) {
		t.Helper()
		digest, err := wire.GossipDigest(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Verify(id, digest, sig); err != nil {
			t.Errorf("%x: %v", raw[:2], err)
		}
	}
	for i, c := range n.Channels {
		raw := n.ChannelAnnouncement(i)
		m, err := wire.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		ann := m.(*wire.ChannelAnnouncement)
		if bytes.Compare(ann.NodeID1[:], ann.NodeID2[:]) >= 0 {
			t.Errorf("channel %d: node_id_1 is not the lesser", i)
		}
		verify(raw, ann.NodeID1, ann.NodeSignature1)
		verify(raw, ann.NodeID2, ann.NodeSignature2)
		verify(raw, ann.BitcoinKey1, ann.BitcoinSignature1)
		verify(raw, ann.BitcoinKey2, ann.BitcoinSignature2)
		for direction := range 2 {
			raw := n.ChannelUpdate(i, direction)
			m, err := wire.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			update := m.(*wire.ChannelUpdate)
			if int(update.ChannelFlags&wire.ChannelFlagDirection) != direction || update.ShortChannelID != c.SCID {
				t.Errorf("channel_update of direction %d: %+v", direction, update)
			}
			verify(raw, n.IDs[c.Nodes[direction]], update.Signature)
		}
	}
	for i, id := range n.IDs {
		raw := n.NodeAnnouncement(i)
		m, err := wire.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		verify(raw, id, m.(*wire.NodeAnnouncement).Signature)
	}
}

// TestShape holds a network of a twentieth of the public one's size to the figures that the package comment gives.
func TestShape(t *testing.T) {
	n := Generate(Config{Seed: 1, Nodes: 800, Channels: 2250, Now: 1_700_000_000})
	degree := make([]int, len(n.IDs))
	capacities := make([]int, len(n.Channels))
	sum := 0
	for i, c := range n.Channels {
		degree[c.Nodes[0]]++
		degree[c.Nodes[1]]++
		capacities[i] = int(c.Capacity)
		sum += int(c.Capacity)
	}
	slices.Sort(degree)
	slices.Sort(capacities)
	median, mean := capacities[len(capacities)/2], sum/len(capacities)
	t.Logf("degrees: median %d, largest %d; capacities: median %d, mean %d sat", degree[len(degree)/2], degree[len(degree)-1], median, mean)
	if degree[0] < 1 || degree[len(degree)/2] > 3 || degree[len(degree)-1] < 100 {
		t.Errorf("degrees: least %d, median %d, largest %d", degree[0], degree[len(degree)/2], degree[len(degree)-1])
	}
	if median < 1_500_000 || median > 2_500_000 || mean < 8_000_000 || mean > 14_000_000 {
		t.Errorf("capacities: median %d, mean %d", median, mean)
	}
}

// TestFundingTxs wants an output for each channel, and names after the place in the chain.
func TestFundingTxs(t *testing.T) {
	n := Generate(small())
	txs := n.FundingTxs(10)
	if len(txs) != 3 || len(txs[0].Outputs) != 10 || len(txs[2].Outputs) != 8 {
		t.Fatalf("%d transactions", len(txs))
	}
	for i := range txs {
		n.Place(&txs[i], uint32(200+i), 1, 0)
	}
	if got := n.Channels[11].SCID.String(); got != "201x1x1" {
		t.Errorf("channel 11 is %s", got)
	}
	if out := txs[1].Outputs[1]; out.Value != int64(n.Channels[11].Capacity) || len(out.PkScript) != 34 {
		t.Errorf("its output is %+v", out)
	}
}
