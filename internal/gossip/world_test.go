package gossip

import (
	"fmt"
	"slices"
	"testing"

	"fulmen/internal/block"
	"fulmen/internal/gossipstore"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// world is a network, its chain, and what time it is.
type world struct {
	t       testing.TB
	net     *graphtest.Network
	now     Timestamp
	byID    map[wire.ShortChannelID]int
	spent   map[wire.ShortChannelID]bool
	deaf    bool // the chain does not answer
	naive   bool // every signature is right, and every output that is asked for is there
	asked   int  // how many outputs were looked for
	checked int  // how many signatures
}

func newWorld(t testing.TB, nodes, channels int) *world {
	c := graphtest.Config{Seed: 7, Nodes: nodes, Channels: channels, ChainHash: regtest, Now: uint32(now)}
	w := &world{t: t, net: graphtest.Generate(c), now: now, byID: map[wire.ShortChannelID]int{}, spent: map[wire.ShortChannelID]bool{}}
	for i, ch := range w.net.Channels {
		w.byID[ch.SCID] = i
	}
	return w
}

func (w *world) funding(id wire.ShortChannelID) Funding {
	w.asked++
	f := Funding{ShortChannelID: id, Unknown: w.deaf}
	i, ok := w.byID[id]
	if !ok || w.spent[id] {
		return f
	}
	msg, err := wire.Decode(w.net.ChannelAnnouncement(i))
	if err != nil {
		w.t.Fatal(err)
	}
	a := msg.(*wire.ChannelAnnouncement)
	f.Unspent, f.Amount, f.Script = true, w.net.Channels[i].Capacity, FundingScript(a.BitcoinKey1, a.BitcoinKey2)
	f.Txid[0], f.Txid[1], f.Txid[2] = byte(i), byte(i>>8), 1
	return f
}

// tip is a height at which every channel of the network is deep enough.
const tip block.Height = 1_000_000

// actor is a node of the world: a machine with a store, which is kept in memory.
type actor struct {
	w       *world
	m       *Machine
	records map[int64]*Append
	flags   map[int64]gossipstore.Flags
	peer    *actor
	to      [][]byte // what was sent to the peer, and it has not taken
	sent    map[wire.MessageType]int
	bad     []Misbehaved
	funding []wire.ShortChannelID // asked, and not yet answered
	party   party
	trace   func(Action) // of a script; nil for none
}

func (w *world) actor(p party) *actor {
	m := New(Self{ID: p.id, ChainHash: regtest, Height: tip})
	m.Loader().Done(w.now, gossipstore.FirstRecord, 0)
	return &actor{
		w: w, m: m, party: p,
		records: map[int64]*Append{}, flags: map[int64]gossipstore.Flags{}, sent: map[wire.MessageType]int{},
	}
}

// step applies an event and what follows, but for answers of the chain.
func (a *actor) step(ev Event) {
	a.w.t.Helper()
	for events := []Event{ev}; len(events) > 0; events = events[1:] {
		actions, err := a.m.Step(a.w.now, events[0])
		if err != nil {
			a.w.t.Fatal(err)
		}
		for _, action := range actions {
			if answer := a.do(action); answer != nil {
				events = append(events, answer)
			}
		}
	}
}

func (a *actor) do(action Action) Event {
	if a.trace != nil {
		a.trace(action)
	}
	switch action := action.(type) {
	case Verify:
		answer := Verified{}
		for _, c := range action.Checks {
			answer.Good = append(answer.Good, a.w.naive || c.Good())
		}
		a.w.checked += len(action.Checks)
		return answer
	case AskFunding:
		a.funding = append(a.funding, action.IDs...)
	case Append:
		a.records[action.Offset], a.flags[action.Offset] = &action, action.Flags
	case Mark:
		if a.records[action.Offset] == nil {
			a.w.t.Fatalf("mark of offset %d, where nothing is", action.Offset)
		}
		a.flags[action.Offset] |= action.Flags
	case SendPeer:
		a.say(action.Raw)
	case SendStored:
		for _, at := range action.Offsets {
			if a.records[at] == nil || a.flags[at]&gossipstore.Deleted != 0 {
				a.w.t.Fatalf("offset %d, which is sent, is not in the store", at)
			}
			a.say(a.records[at].Msg)
		}
	case Misbehaved:
		a.bad = append(a.bad, action)
	case AskSigner:
		return Signed{action.ChannelID, a.party.sign(a.w.t, action.Update)}
	case AskNodeSigner:
		return NodeSigned{a.party.sign(a.w.t, action.Announcement)}
	}
	return nil
}

func (a *actor) say(raw []byte) {
	typ, err := wire.TypeOf(raw)
	if err != nil {
		a.w.t.Fatal(err)
	}
	a.sent[typ]++
	a.to = append(a.to, raw)
}

// answerFunding lets the chain answer.
func (a *actor) answerFunding() {
	if len(a.funding) == 0 {
		return
	}
	var ev FundingChecked
	for _, id := range a.funding {
		f := a.w.funding(id)
		if p := a.m.pending.channels[id]; p != nil && a.w.naive && !f.Unspent {
			f.Unspent, f.Amount, f.Script = true, 1_000_000_000, FundingScript(p.msg.BitcoinKey1, p.msg.BitcoinKey2)
		}
		ev.Results = append(ev.Results, f)
	}
	a.funding = nil
	a.step(ev)
	a.step(Idle{})
}

// hears lets a node hear messages of a peer that is connected.
func (a *actor) hears(id keys.PubKey, messages ...[]byte) {
	for _, raw := range messages {
		a.step(PeerSent{id, raw})
	}
	a.step(Idle{})
	a.answerFunding()
	a.step(Idle{})
}

// learns tells a node of the whole network, as a peer would.
func (a *actor) learns(id keys.PubKey) { a.learnsNamed(id, len(a.w.net.IDs)) }

// learnsNamed is learns with so many node_announcements.
func (a *actor) learnsNamed(id keys.PubKey, nodes int) {
	n := a.w.net
	for i := range n.Channels {
		a.step(PeerSent{id, n.ChannelAnnouncement(i)})
		a.step(PeerSent{id, n.ChannelUpdate(i, 0)})
		a.step(PeerSent{id, n.ChannelUpdate(i, 1)})
		if i%500 == 499 {
			a.hears(id)
		}
	}
	for i := range nodes {
		a.step(PeerSent{id, n.NodeAnnouncement(i)})
	}
	a.hears(id)
}

// connect joins two nodes.
func connect(a, b *actor) {
	a.peer, b.peer = b, a
	a.step(PeerUp{ID: b.party.id, Queries: true})
	b.step(PeerUp{ID: a.party.id, Queries: true})
}

// talk lets time pass until both have nothing to say.
func talk(a, b *actor) {
	for quiet := 0; quiet < 3; {
		quiet++
		for _, n := range []*actor{a, b} {
			n.step(Tick{})
			n.answerFunding()
			messages := n.to
			n.to = nil
			for _, raw := range messages {
				n.peer.step(PeerSent{n.party.id, raw})
				quiet = 0
			}
			n.peer.step(Idle{})
		}
	}
}

// content is what a node's store says, one line a message, sorted.
func (a *actor) content() []string {
	var lines []string
	for at, r := range a.records {
		if typ, _ := wire.TypeOf(r.Msg); typ <= wire.MsgChannelUpdate && a.flags[at]&gossipstore.Deleted == 0 {
			lines = append(lines, fmt.Sprintf("%x", r.Msg))
		}
	}
	slices.Sort(lines)
	return lines
}

// wantChannels fails unless the node has so many channels, and both updates of each.
func (a *actor) wantChannels(n int) {
	a.w.t.Helper()
	if got := len(a.m.byID); got != n {
		a.w.t.Fatalf("%d channels, want %d", got, n)
	}
	for _, id := range a.m.ids() {
		for side, u := range a.m.channel(id).updates {
			if u.at == 0 || a.flags[u.at]&gossipstore.Deleted != 0 {
				a.w.t.Fatalf("channel %s has no update of side %d", id, side)
			}
		}
	}
}
