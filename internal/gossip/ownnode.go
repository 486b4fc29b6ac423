package gossip

import (
	"bytes"
	"errors"

	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// ownNode is what we say of ourselves.
type ownNode struct {
	set      bool
	content  Node
	said     *wire.NodeAnnouncement // the last that is in the store
	asked    *wire.NodeAnnouncement // without signature, while the signer is asked
	upkeepAt Timestamp
	// loaded are our channel_updates that the store had when we began, until the channel is set.
	loaded map[wire.ShortChannelID]*wire.ChannelUpdate
}

func (m *Machine) setNode(n Node) {
	m.node.set, m.node.content = true, n
	m.sayNode()
}

// sayNode has our node_announcement signed, if it says something new, or was said long ago. Before we
// have a channel in the view, nobody would listen.
func (m *Machine) sayNode() {
	if !m.node.set || m.node.asked != nil || m.view.node(m.self.ID) == nil {
		return
	}
	c := m.node.content
	a := &wire.NodeAnnouncement{
		Features: c.Features, NodeID: m.self.ID, RGBColor: c.RGBColor, Alias: c.Alias, Addresses: c.Addresses,
		Timestamp: uint32(m.now),
	}
	if said := m.node.said; said != nil {
		if sameNode(a, said) && !m.stale(said.Timestamp) {
			return
		}
		a.Timestamp = max(a.Timestamp, said.Timestamp+1)
	}
	m.node.asked = a
	m.do(AskNodeSigner{wire.Encode(a)})
}

func sameNode(a, b *wire.NodeAnnouncement) bool {
	return a.NodeID == b.NodeID && a.RGBColor == b.RGBColor && a.Alias == b.Alias &&
		bytes.Equal(a.Features, b.Features) && bytes.Equal(a.Addresses, b.Addresses)
}

var errNotAsked = errors.New("signature of a node_announcement that nobody asked for")

func (m *Machine) afterNodeSigning(ev NodeSigned) error {
	a := m.node.asked
	if a == nil {
		return errNotAsked
	}
	m.node.asked = nil
	n := m.view.node(m.self.ID)
	if n == nil {
		return nil // our last channel is gone
	}
	a.Signature = ev.Signature
	m.node.said = a
	raw := wire.Encode(a)
	at := m.store(gossipstore.Push, a.Timestamp, raw)
	m.remove(n.at, int(n.size))
	n.at, n.size, n.timestamp = at, uint16(len(raw)), a.Timestamp
	return nil
}

// PickNodes are up to most different nodes with a channel that have announced themselves; random chooses.
func (m *Machine) PickNodes(random uint64, most int) []keys.PubKey {
	var all []keys.PubKey
	for i := range m.view.nodes {
		if n := &m.view.nodes[i]; n.channels > 0 && n.at != 0 && n.id != m.self.ID {
			all = append(all, n.id)
		}
	}
	most = min(most, len(all))
	for i := range most {
		random = random*6364136223846793005 + 1442695040888963407 // Knuth's generator for 64 bits
		j := i + int((random>>33)%uint64(len(all)-i))
		all[i], all[j] = all[j], all[i]
	}
	return all[:most]
}

// NodeAt is where the node_announcement of a node with a channel is, or false.
func (m *Machine) NodeAt(id keys.PubKey) (offset int64, ok bool) {
	n := m.view.node(id)
	if n == nil || n.at == 0 {
		return 0, false
	}
	return n.at, true
}
