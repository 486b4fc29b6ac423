package graph

import (
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/wire"
)

// addNode finds a node, or makes it.
func (g *Graph) addNode(id *NodeID) Node {
	if n, ok := g.Node(*id); ok {
		return n
	}
	n := Node(len(g.ids))
	g.ids = append(g.ids, *id)
	g.nodeAnns = append(g.nodeAnns, 0)
	g.shunned = append(g.shunned, false)
	g.byID.add(uint32(n), func(i uint32) uint64 { return hashID(&g.ids[i]) })
	g.stale = true
	return n
}

// AddChannel makes a channel between two nodes, node_id_1 first, and the nodes where they are new. A channel that is
// there already keeps its policies. Offset is that of its announcement.
func (g *Graph) AddChannel(scid wire.ShortChannelID, node1, node2 NodeID, offset int64) Channel {
	ends := [2]Node{g.addNode(&node1), g.addNode(&node2)}
	c, ok := g.Channel(scid)
	if !ok {
		c = g.newChannel(scid)
	}
	g.ends[c], g.chanAnns[c] = ends, offset
	g.stale = true
	return c
}

func (g *Graph) newChannel(scid wire.ShortChannelID) Channel {
	c := Channel(len(g.scids))
	if n := len(g.free); n > 0 {
		c, g.free = g.free[n-1], g.free[:n-1]
		g.scids[c], g.capacity[c], g.strange[c] = scid, 0, false
		clear(g.policies[c.Half(0) : c.Half(1)+1])
	} else {
		g.scids = append(g.scids, scid)
		g.ends = append(g.ends, [2]Node{})
		g.capacity = append(g.capacity, 0)
		g.chanAnns = append(g.chanAnns, 0)
		g.strange = append(g.strange, false)
		g.policies = append(g.policies, Policy{}, Policy{})
	}
	g.byScid.add(uint32(c), g.hashOfChannel)
	return c
}

func (g *Graph) hashOfChannel(i uint32) uint64 { return hashScid(g.scids[i]) }

// SetCapacity says how much a channel was funded with.
func (g *Graph) SetCapacity(c Channel, s amount.Sat) {
	g.capacity[c] = s
	g.relink(c.Half(0))
	g.relink(c.Half(1))
}

// SetPolicy says what holds for a direction from now on.
func (g *Graph) SetPolicy(h Half, p Policy) {
	g.policies[h] = p
	g.relink(h)
}

// setFeatures says whether a node requires features that we do not know (BOLT 7, The node_announcement Message: no
// payment is routed through it).
func (g *Graph) setFeatures(n Node, v features.Vector) {
	if g.shunned[n] == v.Strange() {
		return
	}
	g.shunned[n] = !g.shunned[n]
	if g.stale {
		return // Settle will
	}
	for _, h := range g.Away(n) {
		g.relink(h)
	}
}

// relink keeps a direction's link as its policy is.
func (g *Graph) relink(h Half) {
	if g.stale {
		return // Settle will
	}
	to := g.To(h)
	i, _ := slices.BinarySearch(g.Away(to), h.Reverse())
	g.link(g.first[to]+uint32(i), h)
}

func (g *Graph) link(at uint32, h Half) {
	p, from := &g.policies[h], g.From(h)
	g.links[at] = Link{
		HTLCMinimum: p.HTLCMinimum, HTLCMaximum: p.HTLCMaximum, Capacity: g.capacity[h.Channel()].Msat(),
		FeeBase: p.FeeBase, FeePPM: p.FeePPM, From: from, Half: h, CLTVDelta: p.CLTVDelta,
		Enabled: p.Enabled() && !g.strange[h.Channel()] && !g.shunned[from], Leaf: g.first[from+1]-g.first[from] == 1,
	}
}

// RemoveChannel forgets a channel. Its nodes stay, and their indices.
func (g *Graph) RemoveChannel(scid wire.ShortChannelID) {
	c, ok := g.Channel(scid)
	if !ok {
		return
	}
	g.byScid.remove(uint32(c), g.hashOfChannel)
	g.scids[c] = 0
	g.free = append(g.free, c)
	g.stale = true
}

// Settle makes the lists of channels by node, if the graph has changed since. After it, until the next change,
// any number of goroutines may read the graph.
func (g *Graph) Settle() {
	if !g.stale {
		return
	}
	g.first = resize(g.first, len(g.ids)+1)
	clear(g.first)
	for c, scid := range g.scids {
		if scid != 0 {
			g.first[g.ends[c][0]]++
			g.first[g.ends[c][1]]++
		}
	}
	end := uint32(0)
	for n, count := range g.first {
		end += count
		g.first[n] = end
	}
	g.away = resize(g.away, int(end))
	// From the last to the first, so that each list is sorted and first becomes its beginning.
	for c := len(g.scids) - 1; c >= 0; c-- {
		if g.scids[c] == 0 {
			continue
		}
		for direction := range uint8(2) {
			from := g.ends[c][direction]
			g.first[from]--
			g.away[g.first[from]] = Channel(c).Half(direction)
		}
	}
	g.links = resize(g.links, int(end))
	for i, h := range g.away {
		g.link(uint32(i), h.Reverse())
	}
	g.stale = false
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n || cap(s) > 2*n+64 {
		return make([]T, n, n+n/16)
	}
	return s[:n]
}

// Away is the directions of channels that lead away from a node, sorted; their reverses lead to it. The graph must be
// settled.
func (g *Graph) Away(n Node) []Half {
	if g.stale {
		panic("graph: not settled") // our bug
	}
	return g.away[g.first[n]:g.first[n+1]]
}

// Links is the directions that lead to a node, in the order of Away. The graph must be settled.
func (g *Graph) Links(n Node) []Link {
	if g.stale {
		panic("graph: not settled") // our bug
	}
	return g.links[g.first[n]:g.first[n+1]]
}
