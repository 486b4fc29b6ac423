package route

import (
	"bytes"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/graph"
	"fulmen/internal/wire"
)

// Edge is one direction of a channel as a search sees it.
type Edge struct {
	Capacity amount.Msat
	HTLCMin  amount.Msat
	HTLCMax  amount.Msat
	Least    amount.Msat // it is known to be able to carry this
	Most     amount.Msat // it is known not to be able to carry more; at most Capacity
	InFlight amount.Msat // of that, taken by what is under way
	FeeBase  uint32      // msat
	FeePPM   uint32      // millionths
	Delta    uint32      // blocks
	Bias     int         // -100 to 100; positive is good
	Enabled  bool
	// Announced is set where there are terms at all; it has no meaning for a search.
	Announced bool
}

// View is a graph and what is known beyond it. The graph must be settled, and not change while the View is used.
type View struct {
	g *graph.Graph

	// Nodes and channels that the graph has not; their indices go on from the graph's.
	nodes    []graph.NodeID
	nodeByID map[graph.NodeID]graph.Node
	added    []addedChannel
	byScid   map[wire.ShortChannelID]graph.Channel
	away     map[graph.Node][]graph.Half
	hasAdded set // nodes with an entry in away

	// What differs from the graph.
	edges   map[graph.Half]*Edge
	differs set // halves with an entry in edges
	off     set // nodes that are not to be used
}

type addedChannel struct {
	scid wire.ShortChannelID
	ends [2]graph.Node
}

// set has small numbers; nil is empty.
type set []uint64

func (b set) has(i uint32) bool { return int(i>>6) < len(b) && b[i>>6]&(1<<(i&63)) != 0 }

func (b *set) add(i uint32) {
	if need := int(i>>6) + 1; need > len(*b) {
		*b = append(*b, make(set, need+need/8-len(*b))...)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

// NewView makes a View that adds nothing.
func NewView(g *graph.Graph) *View { return &View{g: g} }

// numNodes is one more than the largest node.
func (v *View) numNodes() int { return v.g.NumNodes() + len(v.nodes) }

// Node finds a node.
func (v *View) Node(id graph.NodeID) (graph.Node, bool) {
	if n, ok := v.nodeByID[id]; ok {
		return n, true
	}
	return v.g.Node(id)
}

// ID is a node's public key.
func (v *View) ID(n graph.Node) graph.NodeID {
	if int(n) < v.g.NumNodes() {
		return v.g.ID(n)
	}
	return v.nodes[int(n)-v.g.NumNodes()]
}

// AddNode finds a node, or makes it.
func (v *View) AddNode(id graph.NodeID) graph.Node {
	if n, ok := v.Node(id); ok {
		return n
	}
	n := graph.Node(v.numNodes())
	v.nodes = append(v.nodes, id)
	if v.nodeByID == nil {
		v.nodeByID = map[graph.NodeID]graph.Node{}
	}
	v.nodeByID[id] = n
	return n
}

// Channel finds a channel.
func (v *View) Channel(scid wire.ShortChannelID) (graph.Channel, bool) {
	if c, ok := v.byScid[scid]; ok {
		return c, true
	}
	return v.g.Channel(scid)
}

// ShortChannelID is a channel's name.
func (v *View) ShortChannelID(c graph.Channel) wire.ShortChannelID {
	if int(c) < v.g.ChannelLimit() {
		return v.g.ShortChannelID(c)
	}
	return v.added[int(c)-v.g.ChannelLimit()].scid
}

// AddChannel makes a channel between two nodes, in either order. Its directions are disabled until they are edited. One
// with that name that is there gets the capacity.
func (v *View) AddChannel(scid wire.ShortChannelID, a, b graph.NodeID, capacity amount.Msat) graph.Channel {
	c, ok := v.Channel(scid)
	if !ok {
		if bytes.Compare(a[:], b[:]) > 0 {
			a, b = b, a
		}
		c = graph.Channel(v.g.ChannelLimit() + len(v.added))
		ends := [2]graph.Node{v.AddNode(a), v.AddNode(b)}
		v.added = append(v.added, addedChannel{scid, ends})
		if v.byScid == nil {
			v.byScid, v.away = map[wire.ShortChannelID]graph.Channel{}, map[graph.Node][]graph.Half{}
		}
		v.byScid[scid] = c
		for direction, n := range ends {
			v.away[n] = append(v.away[n], c.Half(uint8(direction)))
			v.hasAdded.add(uint32(n))
		}
	}
	for direction := range uint8(2) {
		e := v.Edit(c.Half(direction))
		e.Capacity, e.Most = capacity, capacity
	}
	return c
}

// DisableNode leaves out all channels of a node.
func (v *View) DisableNode(id graph.NodeID) {
	if n, ok := v.Node(id); ok {
		v.off.add(uint32(n))
	}
}

// Edit gives an edge to change; it is valid as long as the View.
func (v *View) Edit(h graph.Half) *Edge {
	if v.differs.has(uint32(h)) {
		return v.edges[h]
	}
	e := new(Edge)
	v.load(h, e)
	v.keep(h, e)
	return e
}

func (v *View) keep(h graph.Half, e *Edge) {
	if v.edges == nil {
		v.edges = map[graph.Half]*Edge{}
	}
	v.edges[h] = e
	v.differs.add(uint32(h))
}

// Edge is a direction as it is now.
func (v *View) Edge(h graph.Half) (e Edge) {
	v.load(h, &e)
	return e
}

func (v *View) load(h graph.Half, e *Edge) {
	if v.differs.has(uint32(h)) {
		*e = *v.edges[h]
		return
	}
	if int(h.Channel()) >= v.g.ChannelLimit() {
		*e = Edge{}
		return
	}
	to := v.g.To(h)
	i, _ := slices.BinarySearch(v.g.Away(to), h.Reverse())
	*e = edgeOf(&v.g.Links(to)[i])
}

// edgeOf is an edge of which no more is known than what is announced.
func edgeOf(k *graph.Link) Edge {
	capacity := k.Capacity
	if capacity == 0 {
		capacity = k.HTLCMaximum // the store does not say more yet
	}
	return Edge{
		Capacity: capacity, HTLCMin: k.HTLCMinimum, HTLCMax: k.HTLCMaximum, Most: capacity,
		FeeBase: k.FeeBase, FeePPM: k.FeePPM, Delta: uint32(k.CLTVDelta), Enabled: k.Enabled,
		Announced: k.Enabled || k.HTLCMaximum > 0,
	}
}

// Ends are the node that a direction leads away from, and the one it leads to.
func (v *View) Ends(h graph.Half) (from, to graph.Node) {
	c := int(h.Channel())
	if c < v.g.ChannelLimit() {
		return v.g.From(h), v.g.To(h)
	}
	ends := &v.added[c-v.g.ChannelLimit()].ends
	return ends[h.Direction()], ends[h.Direction()^1]
}

// Away is the directions that lead away from a node.
func (v *View) Away(n graph.Node) []graph.Half {
	var list []graph.Half
	if int(n) < v.g.NumNodes() {
		list = v.g.Away(n)
	}
	if v.hasAdded.has(uint32(n)) {
		list = append(list[:len(list):len(list)], v.away[n]...)
	}
	return list
}

// room is the bounds of what the channel can carry beside what is in flight.
func (e *Edge) room() (least, most amount.Msat) {
	most = min(e.Most, e.Capacity)
	if most <= e.InFlight {
		return 0, 0
	}
	return max(min(e.Least, most), e.InFlight) - e.InFlight, most - e.InFlight
}
