// Package gossip decides about BOLT 7's messages: which of those that peers send become part of our
// view of the network, what we say of our own channels and ourselves, what we ask, and what we answer
// to queries. It is a pure machine: whoever runs it has the sockets, the clock, the signer, the
// processors that check signatures, and the file.
//
// The view is the file gossip_store (package gossipstore). The machine keeps no message of it, only
// where each is, and what it needs to judge the next one.
package gossip

import (
	"fmt"

	"fulmen/internal/block"
	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Timestamp is in seconds since 1970, as a channel_update has it.
type Timestamp uint32

const (
	// maxAhead is how far in the future another node's clock may be.
	maxAhead Timestamp = 24 * 60 * 60
	// maxAge is when a channel_update is too old to count (BOLT 7, Recommendation on Pruning Stale
	// Entries).
	maxAge Timestamp = 14 * 24 * 60 * 60
)

// Machine is the gossip of one node.
type Machine struct {
	self   Self
	now    Timestamp
	height block.Height
	out    []Action

	peers map[keys.PubKey]*peer
	local peer // the source of what the operator has
	own   map[wire.ChannelID]*ownChannel
	node  ownNode

	view
	size        int64 // of the store, with what the actions append
	deleted     int64 // of that
	compactNext Timestamp
	suspects    map[wire.ShortChannelID]block.Height // channels that a block of that height may close; the chain is asked

	jobs      []job             // that wait for their signatures to be checked
	seen      map[[32]byte]bool // SHA-256 of their encodings
	verifying []job             // whose signatures are being checked
	batch     batch
	pending   pendingChannels
	seeker    seeker
	wrong     memory[wire.ShortChannelID] // outputs that the chain does not have
	pruneAt   Timestamp

	answered   int // bytes of answers since the last tick
	answerFrom int // the place, among the peers, of who is answered first then

	falseClaims memory[claim]
	blocks      uint64     // how many were seen
	spends      [][]uint64 // what the last of them spent, the newest last
}

// Self is who we are.
type Self struct {
	ID        keys.PubKey
	ChainHash [32]byte
	Height    block.Height // the chain's, as far as we know
}

// peer is a connected peer.
type peer struct {
	id        keys.PubKey
	queries   bool // it offers gossip_queries
	wrong     limiter
	warned    limiter
	refused   bool // it is to be disconnected: nothing that it sends counts any more
	questions limiter
	answers   answers
	asked     asked
	early     []earlyUpdate // at most maxEarly, the newest last
	name      *heldNode     // its own node_announcement, until our channel with it is announced
}

// New makes the machine of a node without channels and peers, with an empty view.
func New(self Self) *Machine {
	return &Machine{
		self:     self,
		height:   self.Height,
		peers:    make(map[keys.PubKey]*peer),
		own:      make(map[wire.ChannelID]*ownChannel),
		seen:     make(map[[32]byte]bool),
		batch:    newBatch(),
		pending:  newPending(),
		suspects: make(map[wire.ShortChannelID]block.Height),
		view:     newView(),
		node:     ownNode{loaded: make(map[wire.ShortChannelID]*wire.ChannelUpdate)},
	}
}

// Step applies one event and returns what to do, in order. An error is about the event itself, so
// ours: a peer's faults are actions.
func (m *Machine) Step(now Timestamp, ev Event) ([]Action, error) {
	m.now, m.out = now, nil
	if err := m.step(ev); err != nil {
		return nil, err
	}
	if len(m.jobs) >= maxJobs {
		m.askVerify()
	}
	return m.out, nil
}

func (m *Machine) step(ev Event) error {
	switch ev := ev.(type) {
	case PeerUp:
		m.peerUp(ev)
	case PeerDown:
		m.peerDown(ev.ID)
	case PeerSent:
		m.peerSent(ev)
	case Injected:
		m.injected(ev.Raw)
	case Idle:
		m.askVerify()
	case Verified:
		return m.afterVerify(ev)
	case FundingChecked:
		m.afterFunding(ev)
	case ChannelSet:
		return m.setChannel(ev.Channel)
	case ChannelGone:
		m.channelGone(ev.ChannelID)
	case Announced:
		return m.announce(ev)
	case NodeSet:
		m.setNode(ev.Node)
	case Signed:
		return m.afterSigning(ev)
	case NodeSigned:
		return m.afterNodeSigning(ev)
	case BlockSeen:
		m.blockSeen(ev)
	case Tick:
		m.tick()
	case Compacted:
		m.compacted(ev)
	default:
		panic(fmt.Sprintf("gossip: unknown event %T", ev))
	}
	return nil
}

// do adds an action.
func (m *Machine) do(a Action) { m.out = append(m.out, a) }

// store appends a message to the store, and returns where it will be.
func (m *Machine) store(flags gossipstore.Flags, timestamp uint32, msg []byte) int64 {
	at := m.size
	m.size += gossipstore.Size(len(msg))
	m.do(Append{Offset: at, Flags: flags, Timestamp: timestamp, Msg: msg})
	return at
}

// remove flags a message of the store as deleted. n is its length.
func (m *Machine) remove(at int64, n int) {
	if at == 0 {
		return
	}
	m.deleted += gossipstore.Size(n)
	m.do(Mark{Offset: at, Flags: gossipstore.Deleted})
}

// misbehaved has the peer warned, now and then, and disconnected if the BOLT says so, once.
func (m *Machine) misbehaved(id keys.PubKey, disconnect bool, format string, args ...any) {
	p := m.peers[id]
	if p == nil || p.refused || !disconnect && !p.warned.take(m.now, warnRate) {
		return
	}
	p.refused = disconnect
	m.do(Misbehaved{ID: id, Reason: fmt.Sprintf(format, args...), Disconnect: disconnect})
}

// tick is for what time brings.
func (m *Machine) tick() {
	m.askVerify()
	m.answerAll()
	m.seek()
	m.upkeep()
	m.pending.expire(m.now)
	if m.now >= m.pruneAt {
		m.pruneAt = m.now + pruneInterval
		m.prune()
	}
	m.compact()
}
