// Package graphtest makes networks like the public one, always the same ones from a seed: in memory at once, or as
// signed announcements. It is for tests and benchmarks.
//
// What is public of Lightning's network, and what is made after it:
//
//   - 14,142 nodes with 53,000 channels in mid-2024, only 5,122 of them with two channels or more
//     (mlmrehab.com/776.html); 44,501 channels of 9,990 nodes with 5,637 BTC in June 2026
//     (botlab.dev/lightning-network-graph-analysis). Public has 16,000 and 45,000; most nodes have one or two channels.
//   - Degrees have a power law's tail (Seres and others, arXiv 1901.04972), the largest in the thousands: endpoints
//     are drawn by weights of a Pareto distribution, after a tree has connected all.
//   - The median channel has 1 to 2 million sat, and the mean 12.7 million (the same two): capacities are
//     log-normal with these.
//   - Terms of the common programs' defaults: cltv_expiry_delta 80, 40, 34 and 144; fee_base 1000 or 0 msat for most;
//     fee_proportional_millionths log-normal around 100, up to 10,000; htlc_minimum 1000 or 1 msat; a tenth disabled.
//     These shares are our assumption.
package graphtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/graph"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Config says which network to make.
type Config struct {
	Seed      uint64
	Nodes     int // at least 2
	Channels  int // at least Nodes-1
	ChainHash [32]byte
	Now       uint32 // unix seconds: announcements are of the two weeks before
}

// Public is as large as the public network.
func Public() Config { return Config{Seed: 1, Nodes: 16_000, Channels: 45_000, Now: 1_780_000_000} }

// Network is a network.
type Network struct {
	Config   Config
	IDs      []keys.PubKey // of the nodes
	Channels []Channel
}

// Channel is a channel of the network.
type Channel struct {
	Nodes    [2]int // indices of node_id_1 and node_id_2
	SCID     wire.ShortChannelID
	Capacity amount.Sat
	Policies [2]graph.Policy // of both directions
}

// Generate makes a network. Its channels are at made-up places in the chain; see Place.
func Generate(c Config) *Network {
	n := &Network{Config: c, IDs: make([]keys.PubKey, c.Nodes), Channels: make([]Channel, c.Channels)}
	parallel(c.Nodes, func(i int) { n.IDs[i] = pubKey(n.nodeKey(i)) })
	rng := rand.New(rand.NewPCG(c.Seed, 0x6e6574776f726b))
	choose := newChooser(rng, c.Nodes)
	order := rng.Perm(c.Nodes)
	seen := map[wire.ShortChannelID]bool{}
	for i := range n.Channels {
		a, b := choose.pair(rng)
		if i < c.Nodes-1 {
			a, b = order[i+1], order[choose.before(rng, order[:i+1])] // the tree that connects all
		}
		n.Channels[i] = n.makeChannel(rng, a, b)
		scid := wire.NewShortChannelID(500_000+uint32(rng.IntN(400_000)), 1+uint32(rng.IntN(3000)), uint16(rng.IntN(2)))
		for seen[scid] {
			scid++
		}
		n.Channels[i].SCID, seen[scid] = scid, true
	}
	return n
}

func (n *Network) makeChannel(rng *rand.Rand, a, b int) Channel {
	if bytes.Compare(n.IDs[a][:], n.IDs[b][:]) > 0 {
		a, b = b, a
	}
	sat := math.Exp(math.Log(2e6) + 1.85*rng.NormFloat64())
	c := Channel{Nodes: [2]int{a, b}, Capacity: amount.Sat(min(max(sat, 20_000), 1e9))}
	for direction := range c.Policies {
		c.Policies[direction] = n.makePolicy(rng, c.Capacity, byte(direction))
	}
	return c
}

func (n *Network) makePolicy(rng *rand.Rand, capacity amount.Sat, direction byte) graph.Policy {
	p := graph.Policy{
		HTLCMinimum: []amount.Msat{1000, 1000, 1}[rng.IntN(3)], HTLCMaximum: capacity.Msat() / 100 * 99,
		CLTVDelta:  []block.Delta{80, 80, 80, 80, 80, 40, 40, 34, 34, 144}[rng.IntN(10)],
		FeePPM:     uint32(min(math.Exp(math.Log(100)+2*rng.NormFloat64()), 10_000)),
		LastUpdate: n.Config.Now - uint32(rng.IntN(13*86_400)), MessageFlags: wire.MessageFlagMustBeOne, ChannelFlags: direction,
	}
	switch x := rng.IntN(100); {
	case x < 45:
	case x < 80:
		p.FeeBase = 1000
	default:
		p.FeeBase = uint32(rng.IntN(5000))
	}
	if rng.IntN(10) == 0 {
		p.ChannelFlags |= wire.ChannelFlagDisable
	}
	return p
}

// chooser draws nodes by their weights.
type chooser struct {
	weights []float64
	sums    []float64
}

// newChooser draws weights: Pareto's distribution, so that the heaviest of many thousands has some percent of all.
func newChooser(rng *rand.Rand, nodes int) *chooser {
	c := &chooser{weights: make([]float64, nodes), sums: make([]float64, nodes)}
	sum := 0.0
	for i := range c.weights {
		c.weights[i] = min(math.Pow(1-rng.Float64(), -1/1.05), 6000)
		sum += c.weights[i]
		c.sums[i] = sum
	}
	return c
}

func (c *chooser) node(rng *rand.Rand) int {
	return min(sort.SearchFloat64s(c.sums, rng.Float64()*c.sums[len(c.sums)-1]), len(c.sums)-1)
}

func (c *chooser) pair(rng *rand.Rand) (a, b int) {
	for a == b {
		a, b = c.node(rng), c.node(rng)
	}
	return a, b
}

// before draws a place in the list: of some at random, the heaviest.
func (c *chooser) before(rng *rand.Rand, list []int) int {
	best := rng.IntN(len(list))
	for range 12 {
		if i := rng.IntN(len(list)); c.weights[list[i]] > c.weights[list[best]] {
			best = i
		}
	}
	return best
}

// Graph is the network in memory.
func (n *Network) Graph() *graph.Graph {
	g := graph.New()
	for i := range n.Channels {
		c := &n.Channels[i]
		index := g.AddChannel(c.SCID, n.IDs[c.Nodes[0]], n.IDs[c.Nodes[1]], 1)
		g.SetCapacity(index, c.Capacity)
		for direction, p := range c.Policies {
			g.SetPolicy(index.Half(uint8(direction)), p)
		}
	}
	g.Settle()
	return g
}

// secret is one of the network's private keys.
func (n *Network) secret(kind string, i int) *btcec.PrivateKey {
	b := binary.BigEndian.AppendUint64([]byte(kind), n.Config.Seed)
	h := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(i)))
	key := new(btcec.PrivateKey) // without its public key, which most uses do not need
	key.Key.SetByteSlice(h[:])
	return key
}

func (n *Network) nodeKey(i int) *btcec.PrivateKey { return n.secret("node", i) }

// bitcoinKey is the key of one side of a channel's funding output.
func (n *Network) bitcoinKey(channel, side int) *btcec.PrivateKey {
	return n.secret("bitcoin", 2*channel+side)
}

func pubKey(k *btcec.PrivateKey) keys.PubKey { return keys.PubKey(k.PubKey().SerializeCompressed()) }

// parallel does n things on all cores.
func parallel(n int, do func(i int)) {
	var group sync.WaitGroup
	for part := range slices.Chunk(indices(n), max(n/64, 1)) {
		group.Go(func() {
			for _, i := range part {
				do(i)
			}
		})
	}
	group.Wait()
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
