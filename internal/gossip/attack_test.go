package gossip

import (
	"bytes"
	"slices"
	"testing"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// claims is an announcement of a channel by keys that are not its own, all of them the party's, with good signatures. Another n is
// another announcement.
func (p party) claims(t testing.TB, id wire.ShortChannelID, n byte) []byte {
	t.Helper()
	other := newParty(200 + n%50)
	m := &wire.ChannelAnnouncement{ChainHash: regtest, ShortChannelID: id, NodeID1: p.id, NodeID2: other.id, BitcoinKey1: p.id, BitcoinKey2: other.id}
	first, second := p, other
	if bytes.Compare(p.id[:], other.id[:]) > 0 {
		first, second = other, p
		m.NodeID1, m.NodeID2, m.BitcoinKey1, m.BitcoinKey2 = other.id, p.id, other.id, p.id
	}
	raw := wire.Encode(m)
	m.NodeSignature1, m.BitcoinSignature1 = first.sign(t, raw), first.sign(t, raw)
	m.NodeSignature2, m.BitcoinSignature2 = second.sign(t, raw), second.sign(t, raw)
	return wire.Encode(m)
}

// newBesides is Alice with her peers Bob, who is honest, and Carol, who is not.
func newBesides(t *testing.T) (*world, *actor) {
	w := newWorld(t, 20, 40)
	a := w.actor(alice)
	a.step(PeerUp{ID: bob.id, Queries: true})
	a.step(PeerUp{ID: carol.id, Queries: true})
	return w, a
}

// TestFalseClaimHidesNoChannel: who announces a channel of others with keys of their own does not keep it from us, be
// it before the channel's own nodes do.
func TestFalseClaimHidesNoChannel(t *testing.T) {
	w, a := newBesides(t)
	id := w.net.Channels[3].SCID
	a.hears(carol.id, carol.claims(t, id, 1))
	if a.hears(carol.id, carol.claims(t, id, 1)); w.asked != 1 {
		t.Errorf("the chain was asked %d times for one claim", w.asked)
	}
	a.hears(bob.id, w.net.ChannelAnnouncement(3), w.net.ChannelUpdate(3, 0), w.net.ChannelUpdate(3, 1))
	a.wantChannels(1)
}

// TestFalseClaimThatWaits: nor while the chain is asked about the false one, with an update that is newer than any.
func TestFalseClaimThatWaits(t *testing.T) {
	w, a := newBesides(t)
	id := w.net.Channels[3].SCID
	a.step(PeerSent{carol.id, carol.claims(t, id, 1)})
	a.step(Idle{})
	for side := range byte(2) {
		a.step(PeerSent{carol.id, carol.update(t, func(u *wire.ChannelUpdate) {
			u.ShortChannelID, u.Timestamp, u.ChannelFlags, u.MessageFlags = id, uint32(w.now+maxAhead), side, 1
		})})
	}
	for n := range byte(20) {
		a.step(PeerSent{carol.id, carol.claims(t, id, n)})
	}
	a.hears(bob.id, w.net.ChannelAnnouncement(3), w.net.ChannelUpdate(3, 0), w.net.ChannelUpdate(3, 1))
	a.wantChannels(1)
	for _, bad := range a.bad {
		if bad.ID == bob.id {
			t.Errorf("what Carol said is held against Bob: %s", bad.Reason)
		}
	}
	if w.asked != 1 {
		t.Errorf("the chain was asked %d times about one channel", w.asked)
	}
}

// TestForgedCopyHidesNoMessage: a copy of which a later signature is wrong, sent a moment before the true one.
func TestForgedCopyHidesNoMessage(t *testing.T) {
	w, a := newBesides(t)
	forged := slices.Clone(w.net.ChannelAnnouncement(3))
	forged[2+3*64+5] ^= 1
	a.step(PeerSent{carol.id, forged})
	a.hears(bob.id, w.net.ChannelAnnouncement(3))
	a.hears(bob.id, w.net.ChannelUpdate(3, 0), w.net.ChannelUpdate(3, 1))
	a.wantChannels(1)
	if len(a.bad) != 1 || a.bad[0].ID != carol.id {
		t.Errorf("%v", a.bad)
	}
}

// TestPeersAliasIsNotPublished: a peer's update that names the channel by its alias, though it may be forwarded for all
// that message_flags say, stays with us when the channel is announced.
func TestPeersAliasIsNotPublished(t *testing.T) {
	ch := aliceAndBob()
	for _, tt := range []struct {
		name string
		edit func(u *wire.ChannelUpdate)
		want bool
	}{
		{"by its place", func(u *wire.ChannelUpdate) { u.ShortChannelID = ch.ShortChannelID }, true},
		{"by its alias", func(u *wire.ChannelUpdate) { u.ShortChannelID = ch.LocalAlias }, false},
		{"of 1970", func(u *wire.ChannelUpdate) { u.ShortChannelID, u.Timestamp = ch.ShortChannelID, 2 }, false},
	} {
		m := newMachine()
		setAndSign(t, m, now, ch)
		raw := bob.update(t, func(u *wire.ChannelUpdate) { u.MessageFlags = wire.MessageFlagMustBeOne; tt.edit(u) })
		from(t, m, bob, raw)
		ask := mustStep(t, m, now, Announced{ch.ChannelID, ownAnnouncement(ch)})[0].(AskSigner)
		stored := false
		for _, action := range mustStep(t, m, now, Signed{ask.ChannelID, alice.sign(t, ask.Update)}) {
			a, ok := action.(Append)
			stored = stored || ok && bytes.Equal(a.Msg, raw)
		}
		if stored != tt.want {
			t.Errorf("%s: stored %t", tt.name, stored)
		}
	}
}

// TestSpentWhileItWaits: a channel whose output is spent by a block that comes between the chain's answer and the
// channel's first update, or between question and answer.
func TestSpentWhileItWaits(t *testing.T) {
	for _, answerFirst := range []bool{true, false} {
		w, a := newBesides(t)
		f := w.funding(w.net.Channels[3].SCID)
		spend := func() {
			key := OutpointKey(f.Txid, uint32(f.ShortChannelID.Output()))
			a.step(BlockSeen{Height: tip + 1, Spent: []uint64{1, key}})
		}
		a.step(PeerSent{bob.id, w.net.ChannelAnnouncement(3)})
		a.step(Idle{})
		if !answerFirst {
			spend()
		}
		a.answerFunding()
		if answerFirst {
			spend()
		}
		a.hears(bob.id, w.net.ChannelUpdate(3, 0), w.net.ChannelUpdate(3, 1))
		a.wantChannels(0)
	}
}

// TestStallingPeerKeepsNobodyWaiting: Carol says something each time just before we give up on her.
func TestStallingPeerKeepsNobodyWaiting(t *testing.T) {
	w, a := newBesides(t)
	reply := wire.Encode(&wire.ReplyChannelRange{ChainHash: regtest, NumberOfBlocks: 1, EncodedShortIDs: wire.EncodeShortIDs(nil)})
	a.step(Tick{})
	asked := a.m.seeker.asking
	for range 60 { // a reply each minute
		w.now += 60
		a.step(PeerSent{asked.id, reply})
		a.step(Tick{})
	}
	if a.m.seeker.asking == asked {
		t.Error("after an hour we still ask the one who never ends")
	}
}

// TestMissedOfOthers: a peer that does not answer does not keep us from asking another.
func TestMissedOfOthers(t *testing.T) {
	w, a := newBesides(t)
	a.m.height = 0 // nothing is compared
	a.step(PeerSent{carol.id, w.net.ChannelUpdate(1, 0)})
	a.step(Tick{})
	a.step(PeerSent{carol.id, w.net.ChannelUpdate(2, 0)})
	a.step(PeerSent{bob.id, w.net.ChannelUpdate(3, 0)})
	a.step(Tick{})
	if n := a.sent[wire.MsgQueryShortChannelIDs]; n != 2 {
		t.Errorf("%d questions, want one to each", n)
	}
}

// TestRelaysAreReplaced: when those who relay to us are gone, or do not answer, others are asked to.
func TestRelaysAreReplaced(t *testing.T) {
	w := newWorld(t, 6, 8)
	a := w.actor(alice)
	var peers []party
	for i := range byte(maxSeekers + 2) {
		p := newParty(50 + i)
		peers = append(peers, p)
		a.step(PeerUp{ID: p.id, Queries: true})
	}
	relays := func() (n int) {
		for _, p := range a.m.peers {
			if p.asked.relays {
				n++
			}
		}
		return n
	}
	a.step(PeerDown{peers[0].id})
	if a.step(Tick{}); relays() != maxSeekers {
		t.Errorf("one is gone: %d relay", relays())
	}
	silent := a.m.seeker.asking
	w.now += answerTime + 1
	if a.step(Tick{}); !silent.asked.silent || relays() != maxSeekers || silent.asked.relays {
		t.Errorf("one is silent: %d relay", relays())
	}
	for _, p := range peers[1:] {
		a.step(PeerDown{p.id})
	}
	if a.m.seeker.relays != 0 {
		t.Errorf("nobody is there, and %d relay", a.m.seeker.relays)
	}
}

// TestFloodLeavesRoom: one peer's channels, which wait for the chain, leave room for another's, and for what is asked for.
func TestFloodLeavesRoom(t *testing.T) {
	w, a := newBesides(t)
	for i := range maxUnasked + 100 {
		a.step(PeerSent{carol.id, carol.claims(t, wire.NewShortChannelID(500_000, uint32(i), 0), byte(i))})
		if i%100 == 99 {
			a.step(Idle{})
		}
	}
	if n := len(a.m.pending.channels); n != maxUnasked {
		t.Errorf("%d channels of Carol's wait, at most %d", n, maxUnasked)
	}
	if a.hears(bob.id, w.net.ChannelAnnouncement(3)); len(a.m.pending.channels) == 0 {
		t.Error("Bob's channel is not taken up")
	}
	a.hears(bob.id, w.net.ChannelUpdate(3, 0), w.net.ChannelUpdate(3, 1))
	a.wantChannels(1)
}

// TestYoungOfOnePeer: blocks to come have any number of channels, of which one peer may name some.
func TestYoungOfOnePeer(t *testing.T) {
	_, a := newBesides(t)
	for i := range 2 * maxMissedEach {
		a.step(PeerSent{carol.id, carol.claims(t, wire.NewShortChannelID(uint32(tip), uint32(i), 0), 1)})
	}
	a.step(PeerSent{bob.id, carol.claims(t, wire.NewShortChannelID(uint32(tip), 7, 0), 1)})
	if n := len(a.m.seeker.young); n != maxMissedEach+1 {
		t.Errorf("%d are to be asked for, want %d of Carol's and one of Bob's", n, maxMissedEach)
	}
}

// TestAnswersToAllAreRationed: many peers that ask at the same time get no more a Tick than our own processes can
// pass on, and each gets its turn.
func TestAnswersToAllAreRationed(t *testing.T) {
	w := newWorld(t, 6, 8)
	a := w.actor(alice)
	for i := range 45_000 {
		a.m.add(channel{id: wire.ShortChannelID(i + 1), at: 1}, [2]keys.PubKey{{2, 1}, {2, 2}})
	}
	query := wire.Encode(&wire.QueryChannelRange{
		ChainHash: regtest, NumberOfBlocks: 1<<32 - 1, QueryOption: new(wire.QueryOptionTimestamps | wire.QueryOptionChecksums),
	})
	const peers = 60
	for i := range byte(peers) {
		p := newParty(100 + i)
		a.step(PeerUp{ID: p.id})
		a.step(PeerSent{p.id, query})
	}
	for ticks := 0; len(a.to) > 0; ticks++ {
		sum := 0
		for _, raw := range a.to {
			sum += len(raw)
		}
		if sum > answerAllBytes+peers*wire.MaxMessage || ticks > peers {
			t.Fatalf("%d bytes with Tick %d", sum, ticks)
		}
		a.to = nil
		a.step(Tick{})
	}
	if n := a.sent[wire.MsgReplyChannelRange]; n != peers*(45_000/rangeReply+1) {
		t.Errorf("%d replies", n)
	}
}

// TestConflictIsNotThePeersFault: whoever holds both keys of an output can announce it to us with one pair of nodes and
// to others with another; then honest peers relay updates that are wrong to us. It does not cost us a channel's peer.
func TestConflictIsNotThePeersFault(t *testing.T) {
	w, a := newBesides(t)
	ch := aliceAndBob()
	a.step(ChannelSet{ch})
	a.learns(carol.id)
	relayed := func(side int) []byte {
		return carol.update(t, func(u *wire.ChannelUpdate) {
			u.ShortChannelID, u.Timestamp, u.ChannelFlags, u.MessageFlags = w.net.Channels[3].SCID, uint32(w.now+100), byte(side), 1
		})
	}
	a.hears(bob.id, relayed(0))
	a.hears(carol.id, relayed(1))
	if len(a.bad) != 2 || a.bad[0].Disconnect || !a.bad[1].Disconnect {
		t.Errorf("%+v", a.bad)
	}
	for range 100 {
		a.hears(bob.id, relayed(0))
	}
	if !a.bad[len(a.bad)-1].Disconnect {
		t.Error("no end of forgeries disconnects")
	}
}

// TestUnansweredDoNotStay: what the chain was asked and never answers makes room at last.
func TestUnansweredDoNotStay(t *testing.T) {
	w, a := newBesides(t)
	a.step(PeerSent{bob.id, w.net.ChannelAnnouncement(3)})
	a.step(Idle{})
	w.now += fundingTime
	if a.step(Tick{}); len(a.m.pending.channels) != 1 {
		t.Fatal("the chain may still answer")
	}
	w.now++
	if a.step(Tick{}); len(a.m.pending.channels) != 0 || len(a.m.pending.unasked) != 0 {
		t.Errorf("%d wait, %v", len(a.m.pending.channels), a.m.pending.unasked)
	}
	a.hears(bob.id, w.net.ChannelAnnouncement(3), w.net.ChannelUpdate(3, 0), w.net.ChannelUpdate(3, 1))
	a.wantChannels(1)
}

// TestWarningsAreFew: each is a line in the log, and a message to the peer.
func TestWarningsAreFew(t *testing.T) {
	w, a := newBesides(t)
	msg, err := wire.Decode(w.net.ChannelAnnouncement(3))
	if err != nil {
		t.Fatal(err)
	}
	disordered := msg.(*wire.ChannelAnnouncement)
	disordered.NodeID1, disordered.NodeID2 = disordered.NodeID2, disordered.NodeID1
	for range 1000 {
		a.hears(carol.id, wire.Encode(disordered))
	}
	if n := len(a.bad); n != int(warnRate.burst) || a.bad[n-1].Disconnect {
		t.Errorf("%d warnings, want %d", n, warnRate.burst)
	}
	a.bad = nil
	forged := slices.Clone(w.net.ChannelAnnouncement(3))
	forged[2+5] ^= 1
	checked := w.checked
	for range 1000 {
		a.hears(carol.id, forged)
	}
	if len(a.bad) != 1 || !a.bad[0].Disconnect || w.checked != checked+4 {
		t.Errorf("%d warnings, %d signatures checked", len(a.bad), w.checked-checked)
	}
}
