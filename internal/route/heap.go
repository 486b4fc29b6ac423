package route

import "fulmen/internal/graph"

// heap has nodes by the cost of their labels, the least first. Each node has four children: the tree is flat, and
// they are beside each other in memory. A label's at is its node's place, plus one.
type heap struct {
	labels []label
	items  []item
}

type item struct {
	cost uint64
	node graph.Node
}

func (h *heap) reset(labels []label) { h.labels, h.items = labels, h.items[:0] }

func (h *heap) put(at int, it item) {
	h.items[at] = it
	h.labels[it.node].at = uint32(at) + 1
}

// push takes a node that is not in the heap.
func (h *heap) push(n graph.Node) {
	h.items = append(h.items, item{h.labels[n].cost, n})
	h.labels[n].at = uint32(len(h.items))
	h.up(n)
}

// up moves a node whose cost has become less to its place.
func (h *heap) up(n graph.Node) {
	it := item{h.labels[n].cost, n}
	at := int(h.labels[n].at) - 1
	for at > 0 {
		parent := (at - 1) / 4
		if h.items[parent].cost <= it.cost {
			break
		}
		h.put(at, h.items[parent])
		at = parent
	}
	h.put(at, it)
}

// pop takes out the node of least cost, and marks it as settled.
func (h *heap) pop() (graph.Node, bool) {
	if len(h.items) == 0 {
		return 0, false
	}
	top := h.items[0].node
	h.labels[top].at = settled
	last := h.items[len(h.items)-1]
	h.items = h.items[:len(h.items)-1]
	if len(h.items) > 0 {
		h.down(last)
	}
	return top, true
}

// down finds the place of an item, from the root on.
func (h *heap) down(it item) {
	at, n := 0, len(h.items)
	for {
		child := 4*at + 1
		if child >= n {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, n); c++ {
			if h.items[c].cost < h.items[least].cost {
				least = c
			}
		}
		if h.items[least].cost >= it.cost {
			break
		}
		h.put(at, h.items[least])
		at = least
	}
	h.put(at, it)
}
