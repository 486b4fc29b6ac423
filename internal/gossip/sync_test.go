package gossip

import (
	"runtime"
	"slices"
	"testing"

	"fulmen/internal/block"
	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// TestBOLT7SyncByQueries: a fresh node asks one that has the network, and both have the same.
func TestBOLT7SyncByQueries(t *testing.T) {
	w := newWorld(t, 30, 80)
	old, fresh := w.actor(alice), w.actor(bob)
	old.step(PeerUp{ID: carol.id})
	old.learns(carol.id)
	old.step(PeerDown{carol.id})
	old.to = nil
	old.wantChannels(80)
	connect(old, fresh)
	talk(old, fresh)
	fresh.wantChannels(80)
	if !slices.Equal(old.content(), fresh.content()) {
		t.Error("the stores are not of the same messages")
	}
	if len(old.bad)+len(fresh.bad) > 0 {
		t.Errorf("misbehaviour: %v, %v", old.bad, fresh.bad)
	}
	if n := old.sent[wire.MsgChannelAnnouncement]; n != 80 {
		t.Errorf("%d channel_announcements were sent, want each once", n)
	}

	// Connected again an hour later, only what changed is asked for.
	for _, n := range []*actor{old, fresh} {
		n.step(PeerDown{n.peer.party.id})
		n.sent = map[wire.MessageType]int{}
	}
	w.now += fullInterval + 1
	newer := w.updated(t, 3, 0, w.now)
	old.step(PeerUp{ID: carol.id})
	old.hears(carol.id, newer)
	connect(old, fresh)
	talk(old, fresh)
	if old.sent[wire.MsgChannelAnnouncement] != 0 || old.sent[wire.MsgChannelUpdate] != 1 || old.sent[wire.MsgNodeAnnouncement] != 0 {
		t.Errorf("the second time, sent %v", old.sent)
	}
	if !slices.Equal(old.content(), fresh.content()) {
		t.Error("the stores are not of the same messages any more")
	}
}

// TestBOLT7SyncOfNodes: a node that has every channel and no node_announcement asks for those, each once, and not
// again for those that do not exist.
func TestBOLT7SyncOfNodes(t *testing.T) {
	w := newWorld(t, 30, 80)
	old, fresh := w.actor(alice), w.actor(bob)
	named := len(w.net.IDs) - 5
	for _, n := range []*actor{old, fresh} {
		n.step(PeerUp{ID: carol.id})
		n.learnsNamed(carol.id, map[*actor]int{old: named}[n])
		n.step(PeerDown{carol.id})
		n.to, n.sent = nil, map[wire.MessageType]int{}
		n.wantChannels(80)
	}
	for range 2 {
		connect(old, fresh)
		talk(old, fresh)
		if !slices.Equal(old.content(), fresh.content()) {
			t.Error("the stores are not of the same messages")
		}
		if n := old.sent[wire.MsgNodeAnnouncement]; n != named || old.sent[wire.MsgChannelAnnouncement] > 0 || old.sent[wire.MsgChannelUpdate] > 0 {
			t.Errorf("sent %v, want %d node_announcements in all", old.sent, named)
		}
		for _, n := range []*actor{old, fresh} {
			n.step(PeerDown{n.peer.party.id})
		}
		w.now += fullInterval + 1
	}
}

// TestBOLT7SyncWhileChannelsWait: some channels were relayed with one update, and wait for the chain when we learn
// what the peer has.
func TestBOLT7SyncWhileChannelsWait(t *testing.T) {
	w := newWorld(t, 30, 80)
	old, fresh := w.actor(alice), w.actor(bob)
	old.step(PeerUp{ID: carol.id})
	old.learns(carol.id)
	old.step(PeerDown{carol.id})
	old.to = nil

	fresh.step(PeerUp{ID: carol.id})
	for i := range 10 {
		fresh.step(PeerSent{carol.id, w.net.ChannelAnnouncement(i)})
		fresh.step(PeerSent{carol.id, w.net.ChannelUpdate(i, i%2)})
	}
	fresh.step(Idle{})
	fresh.step(PeerDown{carol.id})
	waiting := fresh.funding
	fresh.funding, fresh.to = nil, nil
	connect(old, fresh)
	talk(old, fresh)
	fresh.funding = waiting
	fresh.answerFunding()
	talk(old, fresh)
	fresh.wantChannels(80)
	if !slices.Equal(old.content(), fresh.content()) {
		t.Error("the stores are not of the same messages")
	}
	if n := old.sent[wire.MsgChannelAnnouncement]; n != 70 {
		t.Errorf("%d channel_announcements were sent, want those that are not known", n)
	}
}

// TestBOLT7SyncWhileTheChainIsSlow: many channels wait for the chain when the last of the peer's come with the end of its
// answer, so that their signatures are checked after that. They were asked for, and find room.
func TestBOLT7SyncWhileTheChainIsSlow(t *testing.T) {
	w := newWorld(t, 30, 80)
	old, fresh := w.actor(alice), w.actor(bob)
	old.step(PeerUp{ID: carol.id})
	old.learns(carol.id)
	old.step(PeerDown{carol.id})
	old.to = nil
	for i := range uint32(maxPending / 2) {
		msg := &wire.ChannelAnnouncement{ShortChannelID: wire.NewShortChannelID(900_000, i, 0)}
		fresh.m.pending.add(&pendingChannel{msg: msg, since: w.now})
	}
	connect(old, fresh)
	talk(old, fresh)
	fresh.wantChannels(80)
}

// TestBOLT7SyncWhileOurChainIsBehind: what is in blocks that we do not have yet is asked for soon after we have them.
func TestBOLT7SyncWhileOurChainIsBehind(t *testing.T) {
	w := newWorld(t, 30, 80)
	old, fresh := w.actor(alice), w.actor(bob)
	old.step(PeerUp{ID: carol.id})
	old.learns(carol.id)
	old.step(PeerDown{carol.id})
	old.to = nil
	fresh.m.height = 400_000 // below all of the network's channels
	connect(old, fresh)
	talk(old, fresh)
	fresh.wantChannels(0)
	fresh.step(BlockSeen{Height: tip})
	w.now += grownInterval + 1
	talk(old, fresh)
	fresh.wantChannels(80)
	asked := fresh.sent[wire.MsgQueryChannelRange]
	fresh.step(BlockSeen{Height: tip + announceDepth})
	w.now += grownInterval + 1
	if talk(old, fresh); fresh.sent[wire.MsgQueryChannelRange] != asked {
		t.Error("a few blocks are no reason to compare everything again")
	}
}

// updated is a channel_update of a later time, signed anew.
func (w *world) updated(t *testing.T, channel, side int, at Timestamp) []byte {
	t.Helper()
	n := *w.net
	n.Channels = slices.Clone(n.Channels)
	p := &n.Channels[channel].Policies[side]
	p.LastUpdate = uint32(at)
	p.FeeBase += 7
	return n.ChannelUpdate(channel, side)
}

// TestBOLT7PrunedAndSpent: channels end by age, and by the chain 72 blocks later.
func TestBOLT7PrunedAndSpent(t *testing.T) {
	w := newWorld(t, 20, 40)
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id})
	a.learns(bob.id)
	a.wantChannels(40)

	gone := w.net.Channels[5].SCID
	key := a.m.channel(gone).output
	a.step(BlockSeen{Height: tip + 1, Spent: []uint64{1, key}})
	a.answerFunding() // it is not spent: another output has the same short name
	if a.m.channel(gone).spentAt != 0 {
		t.Error("a channel that is unspent is called closed")
	}
	w.spent[gone] = true
	w.deaf = true
	a.step(BlockSeen{Height: tip + 2, Spent: []uint64{key}})
	a.answerFunding()
	w.deaf = false
	a.step(BlockSeen{Height: tip + 3})
	a.answerFunding() // the chain answers at last
	c := a.m.channel(gone)
	if c.spentAt != tip+2 || a.flags[c.at]&gossipstore.Dying == 0 {
		t.Errorf("spent at %d, flags %x", c.spentAt, a.flags[c.at])
	}
	a.hears(bob.id, w.updated(t, 5, 0, w.now+1)) // BOLT 7: no more, unless it is disabled
	if got := a.m.channel(gone).updates[0].timestamp; got >= uint32(w.now+1) {
		t.Error("an update of a channel that is closed was taken")
	}
	a.step(BlockSeen{Height: tip + 2 + 71})
	a.wantChannels(40)
	a.step(BlockSeen{Height: tip + 2 + 72})
	a.wantChannels(39)

	// Blocks come faster than the answer.
	fast := w.net.Channels[6].SCID
	key = a.m.channel(fast).output
	w.spent[fast] = true
	a.step(BlockSeen{Height: tip + 100, Spent: []uint64{key}})
	a.step(BlockSeen{Height: tip + 100 + 72})
	a.answerFunding()
	a.wantChannels(38)

	w.now += maxAge
	a.step(Tick{})
	a.wantChannels(0)
	if n := len(a.content()); n != 0 {
		t.Errorf("%d messages are left of channels that are gone", n)
	}
}

// TestBOLT7Ignored: announcements that are not for our view.
func TestBOLT7Ignored(t *testing.T) {
	w := newWorld(t, 20, 40)
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id})
	announcement, update := w.net.ChannelAnnouncement(0), w.net.ChannelUpdate(0, 0)

	a.hears(bob.id, update, w.net.NodeAnnouncement(0)) // of nothing that is known
	w.spent[w.net.Channels[0].SCID] = true
	a.hears(bob.id, announcement, update)
	a.hears(bob.id, announcement, update)
	if w.asked != 1 {
		t.Errorf("the chain was asked %d times for an output that it does not have, want once", w.asked)
	}
	a.wantChannels(0)
	if len(a.bad) > 0 {
		t.Errorf("that is no misbehaviour: %v", a.bad)
	}

	forged := slices.Clone(w.net.ChannelAnnouncement(1))
	forged[2+64+5] ^= 1
	a.hears(bob.id, forged)
	if len(a.bad) != 1 || !a.bad[0].Disconnect {
		t.Errorf("a forgery: %v", a.bad)
	}
	early := w.actor(alice)
	early.m.height = 400_000 // below all of the network's channels
	early.step(PeerUp{ID: bob.id})
	early.hears(bob.id, w.net.ChannelAnnouncement(2))
	if w.asked != 1 {
		t.Error("the chain was asked for a block that is to come")
	}
}

// TestUpdateFloodIsLimited: who changes terms all the time is heard now and then.
func TestUpdateFloodIsLimited(t *testing.T) {
	w := newWorld(t, 20, 40)
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id})
	a.learns(bob.id)
	stored := a.m.size
	for range 100 {
		w.now++
		a.hears(bob.id, w.updated(t, 7, 1, w.now))
	}
	size := gossipstore.Size(len(w.net.ChannelUpdate(7, 1)))
	if n := (a.m.size - stored) / size; n != int64(updateRate.burst) {
		t.Errorf("%d updates of a flood of 100 were stored, want %d", n, updateRate.burst)
	}
}

// TestFloodsOfOnePeer: made-up channels with good signatures, and queries without end.
func TestFloodsOfOnePeer(t *testing.T) {
	w := newWorld(t, 200, 1200)
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id, Queries: true})
	for i := range w.net.Channels {
		w.spent[w.net.Channels[i].SCID] = true
	}
	for i := range w.net.Channels {
		a.hears(bob.id, w.net.ChannelAnnouncement(i))
	}
	if w.asked != int(wrongRate.burst) {
		t.Errorf("the chain was asked for %d of 1200 made-up channels, want %d", w.asked, wrongRate.burst)
	}
	query := wire.Encode(&wire.QueryChannelRange{ChainHash: regtest, NumberOfBlocks: 1})
	for range 1000 {
		a.hears(bob.id, query)
	}
	if len(a.bad) != 1 || !a.bad[0].Disconnect || a.sent[wire.MsgReplyChannelRange] != int(questionRate.burst) {
		t.Errorf("of 1000 queries %d were answered, then %v", a.sent[wire.MsgReplyChannelRange], a.bad)
	}
}

// TestViewIsSmall fails if a network as large as the public one takes more than it should in gossipd.
func TestViewIsSmall(t *testing.T) {
	const channels, nodes, most = 45_000, 16_000, 20 << 20
	m := New(Self{ID: alice.id, ChainHash: regtest, Height: tip})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	nodeID := func(i int) (id keys.PubKey) {
		id[0], id[1], id[2], id[30] = 2, byte(i), byte(i>>8), byte(i)
		return id
	}
	for i := range channels {
		c := channel{id: wire.ShortChannelID(i + 1), at: int64(i), output: uint64(i) + 1}
		m.add(c, [2]keys.PubKey{nodeID(i % nodes), nodeID(i * 7 % nodes)})
	}
	m.ids()
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d channels and %d nodes take %d KiB", channels, len(m.nodes), used>>10)
	if used > most {
		t.Errorf("%d bytes, at most %d", used, most)
	}
	runtime.KeepAlive(m)
}

// TestPickNodes wants different nodes that have announced themselves, others for another random number,
// and in the end each of them.
func TestPickNodes(t *testing.T) {
	w := newWorld(t, 20, 40)
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id})
	if got := a.m.PickNodes(1, 5); len(got) != 0 {
		t.Errorf("nobody has announced itself, and there are %d", len(got))
	}
	a.learns(bob.id)
	seen := map[keys.PubKey]bool{}
	for random := range uint64(100) {
		got := a.m.PickNodes(random, 3)
		if len(got) != 3 || got[0] == got[1] || got[1] == got[2] || got[0] == got[2] {
			t.Fatalf("picked %v", got)
		}
		for _, id := range got {
			seen[id] = true
		}
	}
	all := a.m.PickNodes(0, 1000)
	if len(seen) != len(all) || len(all) < 15 {
		t.Errorf("in a hundred times %d nodes were picked, of %d", len(seen), len(all))
	}
}

// TestAnnouncementAheadOfOurChain: a channel that is announced before we have its blocks is asked for once we have.
func TestAnnouncementAheadOfOurChain(t *testing.T) {
	w := newWorld(t, 6, 8)
	raw := w.net.ChannelAnnouncement(2)
	id := w.net.Channels[2].SCID
	m := New(Self{ID: alice.id, ChainHash: regtest, Height: block.Height(id.Height())})
	mustStep(t, m, now, PeerUp{ID: bob.id, Queries: true})
	for range 2 {
		if got := mustStep(t, m, now, PeerSent{bob.id, raw}); len(got) != 0 {
			t.Errorf("it came too early: %v", got)
		}
	}
	for depth, want := range []int{0, 0, 0, 0, 1, 1} {
		mustStep(t, m, now, BlockSeen{Height: block.Height(id.Height() + uint32(depth))})
		if got := len(m.seeker.missed); got != want {
			t.Errorf("with %d blocks on top, %d channels are to be asked for, want %d", depth, got, want)
		}
	}
	mustStep(t, m, now, PeerDown{bob.id})
	if n := len(m.seeker.missed) + len(m.seeker.young); n != 0 {
		t.Errorf("%d are to be asked of a peer that is gone", n)
	}
}

// TestChannelIsAskedForOnce: one whose announcement came before our chain had its blocks, and an update besides, is once in
// the query that follows: BOLT 7 has the ids of a query in ascending order.
func TestChannelIsAskedForOnce(t *testing.T) {
	w := newWorld(t, 6, 8)
	id := w.net.Channels[2].SCID
	m := New(Self{ID: alice.id, ChainHash: regtest, Height: block.Height(id.Height())})
	mustStep(t, m, now, PeerUp{ID: bob.id, Queries: true}) // and it is asked for what there is
	mustStep(t, m, now, Tick{})
	mustStep(t, m, now, PeerSent{bob.id, w.net.ChannelAnnouncement(2)})
	mustStep(t, m, now, PeerSent{bob.id, w.net.ChannelUpdate(2, 0)})
	mustStep(t, m, now, BlockSeen{Height: block.Height(id.Height() + 10)})
	var asked []wire.ShortChannelID
	note := func(actions []Action) {
		for _, a := range actions {
			send, ok := a.(SendPeer)
			if !ok {
				continue
			}
			msg, err := wire.Decode(send.Raw)
			if err != nil {
				t.Fatal(err)
			}
			if q, ok := msg.(*wire.QueryShortChannelIDs); ok {
				ids, err := wire.DecodeShortIDs(q.EncodedShortIDs)
				if err != nil {
					t.Fatalf("what we ask for: %v", err)
				}
				asked = append(asked, ids...)
			}
		}
	}
	note(mustStep(t, m, now, PeerSent{bob.id, wire.Encode(&wire.ReplyChannelRange{
		ChainHash: regtest, NumberOfBlocks: 1 << 31, SyncComplete: 1, EncodedShortIDs: wire.EncodeShortIDs(nil),
	})}))
	note(mustStep(t, m, now, Tick{}))
	if !slices.Equal(asked, []wire.ShortChannelID{id}) {
		t.Errorf("asked for %v, want %v", asked, id)
	}
}
