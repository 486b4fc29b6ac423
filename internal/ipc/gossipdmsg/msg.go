// Package gossipdmsg has the messages between lightningd and gossipd.
//
//	lightningd: Init            once, before anything else, with gossip_store to read and write
//	lightningd: SetChannel      a channel of ours is usable, or its terms are others now
//	lightningd: ForgetChannel   it is usable no more
//	lightningd: Announce        both sides have signed a channel's announcement
//	lightningd: SetNode         what we say of ourselves
//	lightningd: NewBlock        the chain has another block
//	lightningd: AddGossip       a message as if a peer had sent it         AddGossipReply
//	lightningd: FindNode        where a node can be reached                FindNodeReply
//	lightningd: PickNodes       some nodes that have announced themselves  PickNodesReply
//	gossipd:    CheckFunding    what of these outputs is in the chain?
//	lightningd: FundingChecked  that, in its own time
//	gossipd:    NewStore        it wants an empty file to compact the store into
//	lightningd: StoreFile       that
//	gossipd:    UseStore        that file is complete: give it the name
//	lightningd: StoreUsed       that was done
//	gossipd:    OwnUpdate       our channel_update, signed
//	gossipd:    PeerUpdate      the peer's, checked
//	gossipd:    BadPeer         lightningd should warn the peer
//
// Those without a reply beside them are one way.
package gossipdmsg

import (
	"fulmen/internal/block"
	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// A request has an even number and its reply the next one; a number is never used again.
const (
	TypeInit           ipc.Type = 600
	TypeSetChannel     ipc.Type = 602
	TypeForgetChannel  ipc.Type = 604
	TypeAnnounce       ipc.Type = 606
	TypeSetNode        ipc.Type = 608
	TypeNewBlock       ipc.Type = 610
	TypeAddGossip      ipc.Type = 612
	TypeAddGossipReply ipc.Type = 613
	TypeFindNode       ipc.Type = 614
	TypeFindNodeReply  ipc.Type = 615
	TypeFundingChecked ipc.Type = 616
	TypeStoreFile      ipc.Type = 618
	TypeStoreUsed      ipc.Type = 620
	TypePickNodes      ipc.Type = 622
	TypePickNodesReply ipc.Type = 623

	TypeOwnUpdate    ipc.Type = 640
	TypePeerUpdate   ipc.Type = 642
	TypeBadPeer      ipc.Type = 644
	TypeCheckFunding ipc.Type = 646
	TypeNewStore     ipc.Type = 648
	TypeUseStore     ipc.Type = 650
)

// Init says who we are. Its descriptor is gossip_store.
type Init struct {
	NodeID    keys.PubKey
	ChainHash [32]byte // internal byte order
	StoreID   [32]byte // which file this is, should it begin anew
}

// SetChannel comes when channel_ready went both ways, again when an alias or the short_channel_id
// becomes known or changes, and when the policy does. The same once more does nothing.
type SetChannel struct {
	Channel gossip.Channel
}

// ForgetChannel comes when a channel is closing, or closed.
type ForgetChannel struct {
	ChannelID wire.ChannelID
}

// Announce comes once a connection at most. The same once more does nothing.
type Announce struct {
	ChannelID    wire.ChannelID
	Announcement []byte // the whole channel_announcement with its type
}

// SetNode comes after Init.
type SetNode struct {
	Node gossip.Node
}

// NewBlock comes for each block that is connected, in order. After a reorganisation Height is lower
// than before, and Spent empty.
type NewBlock struct {
	Height block.Height
	Spent  []uint64 // gossip.OutpointKey of each output that the block spends
}

// AddGossip injects a message; it is checked like any.
type AddGossip struct {
	Message []byte
}

// AddGossipReply says that the message was readable, no more. A Fail says why it was not.
type AddGossipReply struct{}

// FindNode asks for the addresses that a node announced.
type FindNode struct {
	ID keys.PubKey
}

// FindNodeReply answers FindNode.
type FindNodeReply struct {
	// Addresses are "IP:port", "name.onion:port" and "name:port", in the order in which they should be
	// tried. There are none if the node is unknown.
	Addresses []string
}

// PickNodes asks for nodes to connect to.
type PickNodes struct {
	Random uint64 // chooses them
	Max    uint32
}

// MaxPick is what PickNodes.Max may be.
const MaxPick = 1000

// PickNodesReply answers PickNodes with different nodes, each of which has a channel and announced itself.
type PickNodesReply struct {
	IDs []keys.PubKey
}

// MaxCheck is how many outputs one CheckFunding asks for at most.
const MaxCheck = 100

// CheckFunding asks the chain.
type CheckFunding struct {
	IDs []wire.ShortChannelID // at most MaxCheck
}

// FundingChecked answers CheckFunding, with one for each, in any order.
type FundingChecked struct {
	Results []gossip.Funding
}

// NewStore asks for a new file beside gossip_store.
type NewStore struct{}

// StoreFile answers NewStore. Its descriptor is the file, to read and write; there is none if it could
// not be made.
type StoreFile struct {
	StoreID [32]byte
}

// UseStore has the file renamed to gossip_store.
type UseStore struct{}

// StoreUsed answers UseStore.
type StoreUsed struct {
	Done bool
}

// OwnUpdate answers a SetChannel that changed something, and comes when an update is made anew.
type OwnUpdate struct {
	ChannelID wire.ChannelID
	Update    []byte // the whole message with its type
}

// PeerUpdate comes when the peer of one of our channels told its terms: those under which it
// forwards to us.
type PeerUpdate struct {
	ChannelID wire.ChannelID
	Policy    gossip.Policy
	Timestamp gossip.Timestamp
	Update    []byte // the whole message with its type
}

// BadPeer comes when a peer's gossip was malformed or falsely signed. The peer has not heard of it:
// gossipd sends nothing but gossip.
type BadPeer struct {
	ID         keys.PubKey
	Reason     string
	Disconnect bool // close the connection after the warning
}

// IPCType implements ipc.Message.
func (*Init) IPCType() ipc.Type           { return TypeInit }
func (*SetChannel) IPCType() ipc.Type     { return TypeSetChannel }
func (*ForgetChannel) IPCType() ipc.Type  { return TypeForgetChannel }
func (*Announce) IPCType() ipc.Type       { return TypeAnnounce }
func (*SetNode) IPCType() ipc.Type        { return TypeSetNode }
func (*NewBlock) IPCType() ipc.Type       { return TypeNewBlock }
func (*AddGossip) IPCType() ipc.Type      { return TypeAddGossip }
func (*AddGossipReply) IPCType() ipc.Type { return TypeAddGossipReply }
func (*FindNode) IPCType() ipc.Type       { return TypeFindNode }
func (*FindNodeReply) IPCType() ipc.Type  { return TypeFindNodeReply }
func (*CheckFunding) IPCType() ipc.Type   { return TypeCheckFunding }
func (*PickNodes) IPCType() ipc.Type      { return TypePickNodes }
func (*PickNodesReply) IPCType() ipc.Type { return TypePickNodesReply }
func (*FundingChecked) IPCType() ipc.Type { return TypeFundingChecked }
func (*NewStore) IPCType() ipc.Type       { return TypeNewStore }
func (*StoreFile) IPCType() ipc.Type      { return TypeStoreFile }
func (*UseStore) IPCType() ipc.Type       { return TypeUseStore }
func (*StoreUsed) IPCType() ipc.Type      { return TypeStoreUsed }
func (*OwnUpdate) IPCType() ipc.Type      { return TypeOwnUpdate }
func (*PeerUpdate) IPCType() ipc.Type     { return TypePeerUpdate }
func (*BadPeer) IPCType() ipc.Type        { return TypeBadPeer }
