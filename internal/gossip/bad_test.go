package gossip

import (
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/features"
	"fulmen/internal/graph"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// edited is the world's network with a change, so that what it signs is changed, too.
func (w *world) edited(edit func(n *graphtest.Network)) *graphtest.Network {
	n := *w.net
	n.Channels = slices.Clone(n.Channels)
	edit(&n)
	return &n
}

// TestBOLT7BadUpdate: a channel_update that is signed as it should be, and nevertheless is not for our view. Nobody
// is to blame, nothing is stored, and but for the terms nothing is even checked.
func TestBOLT7BadUpdate(t *testing.T) {
	w := newWorld(t, 20, 40)
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id})
	a.learns(bob.id)
	w.now += Timestamp(20 * 24 * 60 * 60)                                                                       // none of the channels is pruned before a Tick
	small := slices.IndexFunc(w.net.Channels, func(c graphtest.Channel) bool { return c.Capacity < 4_000_000 }) // a fee can be above it
	newer := func(edit func(p *graph.Policy, capacity amount.Msat)) []byte {
		return w.edited(func(n *graphtest.Network) {
			p := &n.Channels[small].Policies[0]
			p.LastUpdate = uint32(w.now)
			edit(p, n.Channels[small].Capacity.Msat())
		}).ChannelUpdate(small, 0)
	}
	last := w.net.Channels[small].Policies[0].LastUpdate
	for _, tt := range []struct {
		name string
		raw  []byte
	}{
		{"wrong chain", w.edited(func(n *graphtest.Network) {
			n.Config.ChainHash[0]++
			n.Channels[small].Policies[0].LastUpdate = uint32(w.now)
		}).ChannelUpdate(small, 0)},
		{"older", newer(func(p *graph.Policy, _ amount.Msat) { p.LastUpdate = last - 1 })},
		{"as old, with other terms", newer(func(p *graph.Policy, _ amount.Msat) { p.LastUpdate, p.FeeBase = last, 77 })},
		{"from the future", newer(func(p *graph.Policy, _ amount.Msat) { p.LastUpdate = uint32(w.now + maxAhead + 1) })},
		{"from the end of time", newer(func(p *graph.Policy, _ amount.Msat) { p.LastUpdate = 1<<32 - 1 })},
		{"ancient", newer(func(p *graph.Policy, _ amount.Msat) { p.LastUpdate = uint32(w.now - maxAge) })},
		{"fee above the capacity", newer(func(p *graph.Policy, most amount.Msat) { p.FeeBase = uint32(most + 1) })},
		{"maximum above the capacity", newer(func(p *graph.Policy, most amount.Msat) { p.HTLCMaximum = most + 1 })},
		{"maximum below the minimum", newer(func(p *graph.Policy, _ amount.Msat) { p.HTLCMinimum = p.HTLCMaximum + 1 })},
		{"not to be forwarded", newer(func(p *graph.Policy, _ amount.Msat) { p.MessageFlags |= wire.MessageFlagDontForward })},
		{"of no channel", w.edited(func(n *graphtest.Network) { n.Channels[small].SCID++ }).ChannelUpdate(small, 0)},
	} {
		size, checked := a.m.size, w.checked
		a.hears(bob.id, tt.raw)
		if a.m.size != size || w.checked != checked || len(a.bad) > 0 {
			t.Errorf("%s: %d bytes stored, %d signatures checked, %v", tt.name, a.m.size-size, w.checked-checked, a.bad)
		}
	}
	size := a.m.size
	a.hears(bob.id, newer(func(p *graph.Policy, _ amount.Msat) { p.FeePPM = 1<<32 - 1 }))
	if a.m.size == size {
		t.Error("a fee that nobody will pay is the channel's own affair, and it is not known")
	}
}

// TestBOLT7BadSignatures: each signature of each message matters; a wrong one costs the connection.
func TestBOLT7BadSignatures(t *testing.T) {
	w := newWorld(t, 20, 40)
	for i := range 4 {
		w.forgery(t, w.net.ChannelAnnouncement(39), i, false)
	}
	w.forgery(t, w.updated(t, 3, 0, w.now), 0, true)
	w.forgery(t, w.net.NodeAnnouncement(3), 0, false)
}

// forgery lets Alice, who knows all channels but the last, hear a message whose i-th signature is wrong.
func (w *world) forgery(t *testing.T, raw []byte, i int, named bool) {
	t.Helper()
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id})
	for c := range w.net.Channels[:39] {
		a.hears(bob.id, w.net.ChannelAnnouncement(c), w.net.ChannelUpdate(c, 0), w.net.ChannelUpdate(c, 1))
	}
	size, asked := a.m.size, w.asked
	forged := slices.Clone(raw)
	forged[2+64*i+5] ^= 1
	a.hears(bob.id, forged)
	if len(a.bad) != 1 || !a.bad[0].Disconnect || a.bad[0].ID != bob.id || a.m.size != size || w.asked != asked {
		t.Errorf("signature %d of %x: %v, %d bytes stored", i, raw[:2], a.bad, a.m.size-size)
	}
	a.bad = nil
	if a.hears(bob.id, raw); len(a.bad) > 0 { // the true one is not held against what was forged
		t.Errorf("signature %d of %x: %v", i, raw[:2], a.bad)
	}
}

// TestBOLT7BadAnnouncements of channels and nodes.
func TestBOLT7BadAnnouncements(t *testing.T) {
	w := newWorld(t, 20, 40)
	announced := func(edit func(m *wire.ChannelAnnouncement)) []byte {
		msg, err := wire.Decode(w.net.ChannelAnnouncement(3))
		if err != nil {
			t.Fatal(err)
		}
		edit(msg.(*wire.ChannelAnnouncement))
		return wire.Encode(msg)
	}
	for _, tt := range []struct {
		name string
		raw  []byte
		want string // the warning; empty: it is ignored
	}{
		{"wrong chain", w.edited(func(n *graphtest.Network) { n.Config.ChainHash[0]++ }).ChannelAnnouncement(3), ""},
		{"node ids not in order", announced(func(m *wire.ChannelAnnouncement) { m.NodeID1, m.NodeID2 = m.NodeID2, m.NodeID1 }), "not in order"},
		{"one node", announced(func(m *wire.ChannelAnnouncement) { m.NodeID1 = m.NodeID2 }), "not in order"},
		{"too long", announced(func(m *wire.ChannelAnnouncement) { m.Features = make(features.Vector, maxAnnouncement) }), ""},
		{"a channel with us", announced(func(m *wire.ChannelAnnouncement) { m.NodeID1 = alice.id }), ""},
		{"a block to come", announced(func(m *wire.ChannelAnnouncement) { m.ShortChannelID = wire.NewShortChannelID(uint32(tip)-3, 1, 1) }), ""},
		{"a node without channels", w.net.NodeAnnouncement(1), ""},
	} {
		a := w.actor(alice)
		a.step(PeerUp{ID: bob.id})
		checked := w.checked
		a.hears(bob.id, tt.raw)
		switch {
		case w.checked != checked || len(a.records) > 0:
			t.Errorf("%s: %d signatures checked, %d records stored", tt.name, w.checked-checked, len(a.records))
		case tt.want == "" && len(a.bad) > 0, tt.want != "" && (len(a.bad) != 1 || !strings.Contains(a.bad[0].Reason, tt.want)):
			t.Errorf("%s: %v", tt.name, a.bad)
		}
	}
}

// TestBOLT7BadReplies: what answers no question is ignored, and one that is out of order ends the connection.
func TestBOLT7BadReplies(t *testing.T) {
	reply := func(first uint32, ids ...wire.ShortChannelID) *wire.ReplyChannelRange {
		return &wire.ReplyChannelRange{ChainHash: regtest, FirstBlocknum: block.Height(first), NumberOfBlocks: 10, EncodedShortIDs: wire.EncodeShortIDs(ids)}
	}
	one := wire.NewShortChannelID(5, 1, 1)
	for _, tt := range []struct {
		name    string
		asked   bool
		replies []*wire.ReplyChannelRange
		bad     string
	}{
		{"not asked", false, []*wire.ReplyChannelRange{reply(0, one)}, ""},
		{"another chain", true, []*wire.ReplyChannelRange{{FirstBlocknum: 9, EncodedShortIDs: wire.EncodeShortIDs(nil)}}, ""},
		{"backwards", true, []*wire.ReplyChannelRange{reply(100), reply(50)}, errRangeOrder.Error()},
		{"zlib", true, []*wire.ReplyChannelRange{{ChainHash: regtest, EncodedShortIDs: []byte{1, 2}}}, "reply_channel_range"},
		{"ids not in order", true, []*wire.ReplyChannelRange{reply(0, one+1, one)}, "reply_channel_range"},
		{"timestamps of others", true, []*wire.ReplyChannelRange{func() *wire.ReplyChannelRange {
			r := reply(0, one)
			r.TimestampsTLV = wire.NewTimestampsTLV(make([]wire.ChannelUpdateTimestamps, 2))
			return r
		}()}, errRangeLength.Error()},
	} {
		w := newWorld(t, 6, 8)
		a := w.actor(alice)
		a.step(PeerUp{ID: bob.id, Queries: tt.asked})
		a.step(Tick{})
		for _, r := range tt.replies {
			a.hears(bob.id, wire.Encode(r))
		}
		if tt.bad == "" && len(a.bad) > 0 || tt.bad != "" && (len(a.bad) != 1 || !a.bad[0].Disconnect || !strings.Contains(a.bad[0].Reason, tt.bad)) {
			t.Errorf("%s: %v, want %q", tt.name, a.bad, tt.bad)
		}
		if a.sent[wire.MsgQueryShortChannelIDs] > 0 {
			t.Errorf("%s: the peer is asked for channels", tt.name)
		}
	}
}

// TestAnswersAreRationed: a peer that asks for everything, and for everything again, gets so much a Tick, and is warned
// when it does not wait for the end.
func TestAnswersAreRationed(t *testing.T) {
	w := newWorld(t, 6, 8)
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id})
	for i := range 45_000 {
		a.m.add(channel{id: wire.ShortChannelID(i + 1), at: 1}, [2]keys.PubKey{{2, 1}, {2, 2}})
	}
	query := wire.Encode(&wire.QueryChannelRange{
		ChainHash: regtest, NumberOfBlocks: 1<<32 - 1, QueryOption: new(wire.QueryOptionTimestamps | wire.QueryOptionChecksums),
	})
	a.to = nil
	bytes := func() (sum int) {
		for _, raw := range a.to {
			sum += len(raw)
		}
		a.to = nil
		return sum
	}
	total := 0
	for range 4 {
		a.step(PeerSent{bob.id, query})
		n := bytes()
		for ticks := 0; n > 0; ticks++ {
			if n > answerBytes+wire.MaxMessage || ticks > 10 {
				t.Fatalf("%d bytes with Tick %d, at most %d", n, ticks, answerBytes+wire.MaxMessage)
			}
			total += n
			a.step(Tick{})
			n = bytes()
		}
	}
	for range 3 {
		a.step(PeerSent{bob.id, query})
	}
	if len(a.bad) != 1 || !a.bad[0].Disconnect {
		t.Errorf("of three queries at once, two are too many: %v", a.bad)
	}
	if least := 4 * 45_000 * 24; total < least {
		t.Errorf("%d bytes answer four queries, at least %d", total, least)
	}
}

// TestWaitingIsSmall: 10,000 channels of the longest kind, with good signatures, all updates and nodes, of each as many
// versions as are held, and a chain that does not answer. What waits takes no more than maxPending says.
func TestWaitingIsSmall(t *testing.T) {
	const most = 40 << 20
	m := New(Self{ID: alice.id, ChainHash: regtest, Height: tip})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	step := func(ev Event) {
		for events := []Event{ev}; len(events) > 0; events = events[1:] {
			actions, err := m.Step(now, events[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range actions {
				switch a := a.(type) {
				case Verify:
					events = append(events, Verified{slices.Repeat([]bool{true}, len(a.Checks))})
				case Misbehaved:
					t.Fatal(a.Reason)
				}
			}
		}
	}
	peers := []party{bob, carol, newParty(4), newParty(5)}
	for _, p := range peers {
		step(PeerUp{ID: p.id, Queries: true})
	}
	m.seeker.asking = m.peers[bob.id]
	sent := 0
	sendAs := func(p party, msg wire.Message) {
		raw := wire.Encode(msg)
		sent += len(raw)
		step(PeerSent{p.id, raw})
	}
	send := func(msg wire.Message) { sendAs(bob, msg) }
	nodeID := func(i int) (id keys.PubKey) {
		id[0] = 2
		binary.BigEndian.PutUint32(id[1:], uint32(i))
		return id
	}
	for i := range 10_000 {
		scid := wire.NewShortChannelID(500_000, uint32(i), 0)
		announcement := &wire.ChannelAnnouncement{
			ChainHash: regtest, ShortChannelID: scid, NodeID1: nodeID(2 * i), NodeID2: nodeID(2*i + 1),
			BitcoinKey1: alice.id, BitcoinKey2: bob.id, Features: make(features.Vector, maxAnnouncement-440),
		}
		for _, p := range peers {
			announcement.BitcoinKey2 = p.id
			sendAs(p, announcement)
			if p == bob {
				step(Idle{})
			}
		}
		if i%100 < 99 {
			continue
		}
		step(Idle{})
		for j := i - 99; j <= i; j++ {
			for side := range byte(2) {
				for n, p := range peers {
					raw := wire.Encode(&wire.ChannelUpdate{
						ChainHash: regtest, ShortChannelID: wire.NewShortChannelID(500_000, uint32(j), 0), Timestamp: uint32(now) + uint32(n),
						ChannelFlags: side, MessageFlags: wire.MessageFlagMustBeOne, HTLCMaximumMsat: 1000,
					})
					step(PeerSent{p.id, append(raw, make([]byte, maxHeldUpdate-len(raw))...)})
				}
				send(&wire.NodeAnnouncement{NodeID: nodeID(2*j + int(side)), Features: make(features.Vector, maxHeld-150)})
			}
		}
		step(Idle{})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("of %d kB that were sent, %d channels wait and take %d KiB", sent>>10, len(m.pending.channels), used>>10)
	if len(m.pending.channels) != maxPending || used > most {
		t.Errorf("%d channels take %d bytes, at most %d", len(m.pending.channels), used, most)
	}
	runtime.KeepAlive(m)
}
