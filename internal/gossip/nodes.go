package gossip

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// recvNodeAnnouncement has one verified that may be news (BOLT 7, The node_announcement Message).
func (m *Machine) recvNodeAnnouncement(p *peer, msg *wire.NodeAnnouncement, raw []byte) {
	if len(raw) > maxAnnouncement || msg.NodeID == m.self.ID {
		return
	}
	addresses, err := ParseAddresses(msg.Addresses)
	if err != nil {
		m.misbehaved(p.id, false, "node_announcement of %s: %v", msg.NodeID, err)
		return
	}
	if addresses.Names > 1 {
		return // BOLT 7: it must not be forwarded
	}
	if m.view.node(msg.NodeID) != nil {
		m.considerNode(p.id, msg, raw)
		return
	}
	if m.batch.postpone(p.id, msg, raw) {
		return
	}
	// The peer may have announced our channel with it, and then itself, a moment before we do.
	if msg.NodeID == p.id && m.hasChannelWith(p.id) && newerThan(p.name, msg, raw) {
		p.name = hold(p.id, msg, raw)
		return
	}
	if n := m.pending.nodes[msg.NodeID]; n != nil && newerThan(n.held, msg, raw) {
		n.held = hold(p.id, msg, raw)
	}
}

// newerThan says whether a node_announcement is to be held in another's place.
func newerThan(held *heldNode, msg *wire.NodeAnnouncement, raw []byte) bool {
	return len(raw) <= maxHeld && (held == nil || held.msg.Timestamp < msg.Timestamp)
}

func hold(from keys.PubKey, msg *wire.NodeAnnouncement, raw []byte) *heldNode {
	msg.Features, msg.Addresses = nil, nil // raw has them
	return &heldNode{from, msg, raw}
}

// hasChannelWith says whether we have a channel with a peer, announced or not.
func (m *Machine) hasChannelWith(id keys.PubKey) bool {
	for _, c := range m.own {
		if c.PeerID == id {
			return true
		}
	}
	return false
}

// considerNode has the node_announcement of a node with a channel verified, if it is newer.
func (m *Machine) considerNode(from keys.PubKey, msg *wire.NodeAnnouncement, raw []byte) {
	n := m.view.node(msg.NodeID)
	if n == nil || msg.Timestamp <= n.timestamp || !n.limit.has(m.now, nodeRate) {
		return
	}
	if at := Timestamp(msg.Timestamp); at > m.now && at-m.now > maxAhead {
		return
	}
	digest, err := wire.GossipDigest(raw)
	if err != nil {
		return // it was decoded, so it is long enough
	}
	m.queue(from, msg, raw, Check{msg.NodeID, digest, msg.Signature})
}

func (m *Machine) nodeVerified(msg *wire.NodeAnnouncement, raw []byte) {
	n := m.view.node(msg.NodeID)
	if n == nil || msg.Timestamp <= n.timestamp {
		return
	}
	if n.at != 0 {
		n.limit.take(m.now, nodeRate)
	}
	at := m.store(0, msg.Timestamp, raw)
	m.remove(n.at, int(n.size))
	n.at, n.size, n.timestamp = at, uint16(len(raw)), msg.Timestamp
}

// Addresses is what a node_announcement's addresses say.
type Addresses struct {
	IPv4, IPv6, Onion [][]byte // descriptors' data: address and port
	Name              []byte   // a DNS hostname and port, or nil
	Names             int      // how many there were
}

// The types of address descriptors (BOLT 7, The node_announcement Message).
const (
	addressIPv4    = 1
	addressIPv6    = 2
	addressTorV2   = 3
	addressTorV3   = 4
	addressDNSName = 5
)

var addressSizes = map[byte]int{addressIPv4: 4 + 2, addressIPv6: 16 + 2, addressTorV2: 10 + 2, addressTorV3: 35 + 2}

var errAddressesEnd = errors.New("addrlen is too short for its addresses")

// ParseAddresses reads a node_announcement's addresses, up to the first of an unknown type. Those with
// port 0, and Tor v2, are left out.
func ParseAddresses(b []byte) (a Addresses, err error) {
	for len(b) > 0 {
		typ := b[0]
		b = b[1:]
		size := addressSizes[typ]
		if typ == addressDNSName {
			if len(b) == 0 {
				return a, fmt.Errorf("%w: type %d", errAddressesEnd, typ)
			}
			size = 1 + int(b[0]) + 2
		}
		if size == 0 {
			return a, nil
		}
		if len(b) < size {
			return a, fmt.Errorf("%w: type %d", errAddressesEnd, typ)
		}
		a.add(typ, b[:size])
		b = b[size:]
	}
	return a, nil
}

func (a *Addresses) add(typ byte, data []byte) {
	if typ == addressDNSName {
		a.Names++
	}
	if data[len(data)-2] == 0 && data[len(data)-1] == 0 {
		return // BOLT 7: ignored
	}
	switch typ {
	case addressIPv4:
		a.IPv4 = append(a.IPv4, data)
	case addressIPv6:
		a.IPv6 = append(a.IPv6, data)
	case addressTorV3:
		a.Onion = append(a.Onion, data)
	case addressDNSName:
		if a.Name == nil {
			a.Name = data[1:]
		}
	}
}

var onionEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// AddressTexts are the addresses of a node_announcement as "IP:port", "name:port" and
// "name.onion:port", in the order in which they should be tried.
func AddressTexts(addresses []byte) []string {
	a, err := ParseAddresses(addresses)
	if err != nil {
		return nil
	}
	var texts []string
	port := func(d []byte) uint16 { return binary.BigEndian.Uint16(d[len(d)-2:]) }
	for _, d := range append(a.IPv4, a.IPv6...) {
		ip, _ := netip.AddrFromSlice(d[:len(d)-2])
		texts = append(texts, netip.AddrPortFrom(ip, port(d)).String())
	}
	if name := a.Name; name != nil && isHostname(name[:len(name)-2]) {
		texts = append(texts, fmt.Sprintf("%s:%d", name[:len(name)-2], port(name)))
	}
	for _, d := range a.Onion {
		texts = append(texts, fmt.Sprintf("%s.onion:%d", strings.ToLower(onionEncoding.EncodeToString(d[:35])), port(d)))
	}
	return texts
}

// isHostname is a loose check, so that nothing else than a name is looked up or printed.
func isHostname(name []byte) bool {
	for _, c := range name {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return len(name) > 0
}
