package graphtest

import (
	"fmt"
	"os"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// ChannelAnnouncement is that of a channel, signed by all four keys.
func (n *Network) ChannelAnnouncement(channel int) []byte {
	c := &n.Channels[channel]
	signers := []*btcec.PrivateKey{
		n.nodeKey(c.Nodes[0]), n.nodeKey(c.Nodes[1]), n.bitcoinKey(channel, 0), n.bitcoinKey(channel, 1),
	}
	m := wire.ChannelAnnouncement{
		ChainHash: n.Config.ChainHash, ShortChannelID: c.SCID, NodeID1: n.IDs[c.Nodes[0]], NodeID2: n.IDs[c.Nodes[1]],
		BitcoinKey1: pubKey(signers[2]), BitcoinKey2: pubKey(signers[3]),
	}
	digest := digestOf(&m)
	for i, into := range []*keys.Signature{&m.NodeSignature1, &m.NodeSignature2, &m.BitcoinSignature1, &m.BitcoinSignature2} {
		*into = sign(signers[i], digest)
	}
	return wire.Encode(&m)
}

// ChannelUpdate is that of one direction of a channel, signed.
func (n *Network) ChannelUpdate(channel, direction int) []byte {
	c := &n.Channels[channel]
	p := &c.Policies[direction]
	m := wire.ChannelUpdate{
		ChainHash: n.Config.ChainHash, ShortChannelID: c.SCID, Timestamp: p.LastUpdate, MessageFlags: p.MessageFlags,
		ChannelFlags: p.ChannelFlags, CLTVExpiryDelta: p.CLTVDelta, HTLCMinimumMsat: p.HTLCMinimum,
		FeeBaseMsat: p.FeeBase, FeeProportionalMillionths: p.FeePPM, HTLCMaximumMsat: p.HTLCMaximum,
	}
	m.Signature = sign(n.nodeKey(c.Nodes[direction]), digestOf(&m))
	return wire.Encode(&m)
}

// NodeAnnouncement is that of a node, signed: a name, a colour, an address.
func (n *Network) NodeAnnouncement(node int) []byte {
	m := wire.NodeAnnouncement{
		Features: []byte{0x08, 0xa0, 0x88, 0x02, 0x82, 0x02, 0x41, 0x00}, Timestamp: n.nodeTimestamp(node),
		NodeID: n.IDs[node], RGBColor: [3]byte{byte(node), byte(node >> 8), 0x77},
		Addresses: []byte{1, 10, byte(node >> 16), byte(node >> 8), byte(node), 0x26, 0x07}, // ipv4, port 9735
	}
	copy(m.Alias[:], fmt.Sprintf("node-%d", node))
	m.Signature = sign(n.nodeKey(node), digestOf(&m))
	return wire.Encode(&m)
}

func (n *Network) nodeTimestamp(node int) uint32 { return n.Config.Now - uint32(node)%(13*86_400) }

func sign(key *btcec.PrivateKey, digest [32]byte) keys.Signature {
	var s keys.Signature
	copy(s[:], ecdsa.SignCompact(key, digest[:], true)[1:])
	return s
}

func digestOf(m wire.Message) [32]byte {
	digest, err := wire.GossipDigest(wire.Encode(m))
	if err != nil {
		panic(fmt.Sprintf("graphtest: %v", err)) // each is one that is signed
	}
	return digest
}

// announced is all messages of one channel.
type announced struct {
	announcement []byte
	updates      [2][]byte
}

// WriteStore writes the network as a gossip_store, to a file that is empty. Signing takes seconds for a large one.
func (n *Network) WriteStore(f *os.File) error {
	channels, nodes := make([]announced, len(n.Channels)), make([][]byte, len(n.IDs))
	parallel(len(channels), func(i int) {
		channels[i] = announced{n.ChannelAnnouncement(i), [2][]byte{n.ChannelUpdate(i, 0), n.ChannelUpdate(i, 1)}}
	})
	parallel(len(nodes), func(i int) { nodes[i] = n.NodeAnnouncement(i) })
	w, err := gossipstore.Create(f, gossipstore.UUID(n.IDs[0][1:]))
	if err != nil {
		return err
	}
	for i := range channels {
		if err := n.writeChannel(w, i, &channels[i]); err != nil {
			return err
		}
	}
	for i, msg := range nodes {
		if _, err := w.Append(0, n.nodeTimestamp(i), msg); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (n *Network) writeChannel(w *gossipstore.Writer, i int, a *announced) error {
	c := &n.Channels[i]
	// A channel_announcement has no timestamp: the store has that of its first channel_update.
	if _, err := w.Append(0, c.Policies[0].LastUpdate, a.announcement); err != nil {
		return err
	}
	if _, err := w.Append(0, 0, gossipstore.AppendChannelAmount(nil, uint64(c.Capacity))); err != nil {
		return err
	}
	for direction, msg := range a.updates {
		if _, err := w.Append(0, c.Policies[direction].LastUpdate, msg); err != nil {
			return err
		}
	}
	return nil
}
