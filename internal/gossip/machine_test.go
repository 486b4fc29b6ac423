package gossip

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
	"fulmen/internal/wire/wiretest"
)

const now Timestamp = 1_700_000_000

var regtest = [32]byte{0x06, 31: 0x0f}

// party is a node with its key.
type party struct {
	key *btcec.PrivateKey
	id  keys.PubKey
}

func newParty(seed byte) party {
	key, pub := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{seed}, 32))
	return party{key: key, id: keys.PubKey(pub.SerializeCompressed())}
}

var alice, bob, carol = newParty(1), newParty(2), newParty(3)

func (p party) sign(t testing.TB, raw []byte) keys.Signature {
	t.Helper()
	digest, err := wire.GossipDigest(raw)
	if err != nil {
		t.Fatal(err)
	}
	return keys.Signature(ecdsa.SignCompact(p.key, digest[:], true)[1:])
}

// update is a channel_update that is right but for what edit does before it is signed.
func (p party) update(t testing.TB, edit func(u *wire.ChannelUpdate)) []byte {
	t.Helper()
	u := &wire.ChannelUpdate{
		ChainHash: regtest, ShortChannelID: aliceAndBob().LocalAlias, Timestamp: uint32(now),
		MessageFlags: 3, ChannelFlags: wire.Direction(p.id, alice.id), CLTVExpiryDelta: 40,
		HTLCMinimumMsat: 1, HTLCMaximumMsat: 900_000_000, FeeBaseMsat: 1000, FeeProportionalMillionths: 10,
	}
	if edit != nil {
		edit(u)
	}
	u.Signature = p.sign(t, wire.Encode(u))
	return wire.Encode(u)
}

// aliceAndBob is Alice's channel with Bob.
func aliceAndBob() Channel {
	return Channel{
		ChannelID: wire.ChannelID{7}, PeerID: bob.id, Capacity: 1_000_000,
		ShortChannelID: wire.NewShortChannelID(100, 1, 0),
		LocalAlias:     wire.NewShortChannelID(1, 2, 3),
		RemoteAlias:    wire.NewShortChannelID(3, 2, 1),
		Policy: Policy{
			FeeBaseMsat: 1, FeeProportionalMillionths: 100, CLTVExpiryDelta: 6, HTLCMinimum: 1000, HTLCMaximum: 990_000_000,
		},
	}
}

func newMachine() *Machine { return New(Self{ID: alice.id, ChainHash: regtest, Height: 1000}) }

// mustStep applies an event, has signatures checked, and returns what else is to be done, but for
// filters: those are with whoever tests what we ask.
func mustStep(t testing.TB, m *Machine, at Timestamp, ev Event) (actions []Action) {
	t.Helper()
	for events := []Event{ev, Idle{}}; len(events) > 0; events = events[1:] {
		all, err := m.Step(at, events[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			switch a := a.(type) {
			case Verify:
				answer := Verified{}
				for _, c := range a.Checks {
					answer.Good = append(answer.Good, c.Good())
				}
				events = append(events, answer)
			case SendPeer:
				if typ, _ := wire.TypeOf(a.Raw); typ != wire.MsgGossipTimestampFilter {
					actions = append(actions, a)
				}
			default:
				actions = append(actions, a)
			}
		}
	}
	return actions
}

// from is what a connected peer sends.
func from(t testing.TB, m *Machine, p party, raw []byte) []Action {
	t.Helper()
	if m.peers[p.id] == nil {
		mustStep(t, m, now, PeerUp{ID: p.id})
	}
	return mustStep(t, m, now, PeerSent{ID: p.id, Raw: raw})
}

// setAndSign sets the channel and returns what follows from the signature.
func setAndSign(t testing.TB, m *Machine, at Timestamp, ch Channel) []Action {
	t.Helper()
	actions := mustStep(t, m, at, ChannelSet{ch})
	if len(actions) != 1 {
		t.Fatalf("actions %v, want the signer to be asked", actions)
	}
	ask := actions[0].(AskSigner)
	return mustStep(t, m, at, Signed{ask.ChannelID, alice.sign(t, ask.Update)})
}

func decodeUpdate(t testing.TB, raw []byte) *wire.ChannelUpdate {
	t.Helper()
	msg, err := wire.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return msg.(*wire.ChannelUpdate)
}

func TestOwnChannelUpdateByAlias(t *testing.T) {
	m := newMachine()
	ch := aliceAndBob()
	ch.ShortChannelID = 0 // nothing is mined
	made := setAndSign(t, m, now, ch)[0].(Made)
	if got := decodeUpdate(t, made.Raw).ShortChannelID; got != ch.RemoteAlias {
		t.Errorf("update of a channel without a place in the chain is about %s, want %s", got, ch.RemoteAlias)
	}
}

func TestBOLT7OwnChannelUpdate(t *testing.T) {
	m := newMachine()
	mustStep(t, m, now, PeerUp{ID: bob.id})
	actions := setAndSign(t, m, now, aliceAndBob())
	if len(actions) != 2 {
		t.Fatalf("actions %v, want made and sent", actions)
	}
	made, sent := actions[0].(Made), actions[1].(SendPeer)
	if sent.ID != bob.id || !bytes.Equal(made.Raw, sent.Raw) {
		t.Errorf("sent %x to %s, made %x", sent.Raw, sent.ID, made.Raw)
	}
	got := decodeUpdate(t, made.Raw)
	want := &wire.ChannelUpdate{
		Signature: got.Signature, ChainHash: regtest, ShortChannelID: aliceAndBob().ShortChannelID,
		Timestamp: uint32(now), MessageFlags: 3, ChannelFlags: 0, CLTVExpiryDelta: 6,
		HTLCMinimumMsat: 1000, HTLCMaximumMsat: 989_999_999, FeeBaseMsat: 1, FeeProportionalMillionths: 100,
	}
	if bytes.Compare(alice.id[:], bob.id[:]) > 0 {
		want.ChannelFlags = 1
	}
	if *got != *want {
		t.Errorf("update %+v\nwant %+v", got, want)
	}
	digest, err := wire.GossipDigest(made.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Verify(alice.id, digest, got.Signature); err != nil {
		t.Error(err)
	}
}

func TestBOLT7OwnUpdateOnlyWhenItSaysSomethingNew(t *testing.T) {
	m := newMachine()
	ch := aliceAndBob()
	first := decodeUpdate(t, setAndSign(t, m, now, ch)[0].(Made).Raw)
	if actions := mustStep(t, m, now+5, ChannelSet{ch}); len(actions) > 0 {
		t.Errorf("the same again: %v", actions)
	}
	// The clock went back: the timestamp grows nevertheless.
	ch.Policy.Disabled = true
	second := decodeUpdate(t, setAndSign(t, m, now-1000, ch)[0].(Made).Raw)
	if second.Timestamp != first.Timestamp+1 || second.ChannelFlags&wire.ChannelFlagDisable == 0 {
		t.Errorf("timestamp %d after %d, flags %b", second.Timestamp, first.Timestamp, second.ChannelFlags)
	}
}

// TestPublicUpdateIsNewsToThePeer: lnd keeps the update that it has where the next one, within a day, has the same
// terms, whatever message_flags says; and what has dont_forward it forwards to nobody.
func TestPublicUpdateIsNewsToThePeer(t *testing.T) {
	m := newMachine()
	ch := aliceAndBob()
	private := decodeUpdate(t, setAndSign(t, m, now, ch)[0].(Made).Raw)
	actions := mustStep(t, m, now+60, Announced{ch.ChannelID, ownAnnouncement(ch)})
	ask := actions[0].(AskSigner)
	public := decodeUpdate(t, mustStep(t, m, now+60, Signed{ask.ChannelID, alice.sign(t, ask.Update)})[0].(Made).Raw)
	if private.MessageFlags&wire.MessageFlagDontForward == 0 || public.MessageFlags&wire.MessageFlagDontForward != 0 {
		t.Errorf("message_flags are %b, then %b", private.MessageFlags, public.MessageFlags)
	}
	if public.HTLCMaximumMsat != ch.Policy.HTLCMaximum || private.HTLCMaximumMsat == public.HTLCMaximumMsat {
		t.Errorf("htlc_maximum_msat is %s, then %s of %s", private.HTLCMaximumMsat, public.HTLCMaximumMsat, ch.Policy.HTLCMaximum)
	}
}

// TestPeerNamesItselfBeforeWeAnnounceTheChannel: it has all four signatures a moment before us, and says its name once.
func TestPeerNamesItselfBeforeWeAnnounceTheChannel(t *testing.T) {
	m := newMachine()
	ch := aliceAndBob()
	setAndSign(t, m, now, ch)
	name := &wire.NodeAnnouncement{NodeID: bob.id, Timestamp: uint32(now), Alias: [32]byte{'b', 'o', 'b'}}
	name.Signature = bob.sign(t, wire.Encode(name))
	if actions := from(t, m, bob, wire.Encode(name)); len(actions) > 0 {
		t.Fatalf("before the channel is announced: %v", actions)
	}
	ask := mustStep(t, m, now, Announced{ch.ChannelID, ownAnnouncement(ch)})[0].(AskSigner)
	for _, a := range mustStep(t, m, now, Signed{ask.ChannelID, alice.sign(t, ask.Update)}) {
		if a, ok := a.(Append); ok && bytes.Equal(a.Msg, wire.Encode(name)) {
			return
		}
	}
	t.Error("Bob's name is not stored")
}

func TestOwnUpdateIsSentAgainToPeerThatReturns(t *testing.T) {
	m := newMachine()
	made := setAndSign(t, m, now, aliceAndBob())[0].(Made) // nobody is there to send it to
	if actions := mustStep(t, m, now, PeerUp{ID: carol.id}); len(actions) > 0 {
		t.Errorf("Carol hears %v", actions)
	}
	for range 2 {
		actions := mustStep(t, m, now, PeerUp{ID: bob.id})
		if want := []Action{SendPeer{bob.id, made.Raw}}; !reflect.DeepEqual(actions, want) {
			t.Errorf("Bob hears %v, want %v", actions, want)
		}
		mustStep(t, m, now, PeerDown{bob.id})
	}
	mustStep(t, m, now, ChannelGone{aliceAndBob().ChannelID})
	if actions := mustStep(t, m, now, PeerUp{ID: bob.id}); len(actions) > 0 {
		t.Errorf("Bob hears %v of a channel that is gone", actions)
	}
}

func TestSetChannelRefusesWhatCannotBe(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(ch *Channel)
		want string
	}{
		{"no name", func(ch *Channel) { ch.ShortChannelID, ch.RemoteAlias = 0, 0 }, errNoName.Error()},
		{"maximum below minimum", func(ch *Channel) { ch.Policy.HTLCMaximum = 999 }, errMaximum.Error()},
		{"maximum above capacity", func(ch *Channel) { ch.Policy.HTLCMaximum = amount.Sat(1_000_001).Msat() }, errMaximum.Error()},
		{"bad peer", func(ch *Channel) { ch.PeerID = keys.PubKey{} }, keys.ErrNotOnCurve.Error()},
	} {
		ch := aliceAndBob()
		tt.edit(&ch)
		_, err := newMachine().Step(now, ChannelSet{ch})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := newMachine().Step(now, Signed{}); err == nil {
		t.Error("a signature that nobody asked for was taken")
	}
}

func TestBOLT7PeersChannelUpdate(t *testing.T) {
	for _, name := range []wire.ShortChannelID{aliceAndBob().LocalAlias, aliceAndBob().ShortChannelID} {
		m := newMachine()
		setAndSign(t, m, now, aliceAndBob())
		raw := bob.update(t, func(u *wire.ChannelUpdate) { u.ShortChannelID = name })
		want := []Action{Learned{
			ChannelID: aliceAndBob().ChannelID,
			Policy: Policy{
				FeeBaseMsat: 1000, FeeProportionalMillionths: 10, CLTVExpiryDelta: 40, HTLCMinimum: 1, HTLCMaximum: 900_000_000,
			},
			Timestamp: now, Raw: raw,
		}}
		if got := from(t, m, bob, raw); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\nwant %v", name, got, want)
		}
		if got := from(t, m, bob, raw); len(got) > 0 {
			t.Errorf("%s: the same again: %v", name, got)
		}
	}
}

// TestPeersUpdateBeforeItsChannel: what the peer says of a channel before lightningd has set it counts once it
// has, by whatever name; of what says nothing to us, little is kept.
func TestPeersUpdateBeforeItsChannel(t *testing.T) {
	ch := aliceAndBob()
	for _, c := range []struct {
		name  wire.ShortChannelID
		flags byte
		at    uint32
	}{
		{ch.ShortChannelID, wire.MessageFlagDontForward, uint32(now)}, {ch.LocalAlias, wire.MessageFlagDontForward, uint32(now)},
		{ch.ShortChannelID, 0, 2}, {ch.LocalAlias, 0, 2}, // as LDK 0.1 has it
	} {
		name := c.name
		m := newMachine()
		mustStep(t, m, now, PeerUp{ID: bob.id})
		said := func(name wire.ShortChannelID) []byte {
			raw := bob.update(t, func(u *wire.ChannelUpdate) {
				u.ShortChannelID = name
				u.MessageFlags |= c.flags
				u.Timestamp = c.at
			})
			if got := mustStep(t, m, now, PeerSent{bob.id, raw}); len(got) != 0 {
				t.Errorf("%v", got)
			}
			return raw
		}
		for i := range wire.ShortChannelID(20) {
			said(1000 + i)
		}
		said(name)
		raw := said(name)
		if n := len(m.peers[bob.id].early); n != maxEarly {
			t.Errorf("%d updates wait, want %d", n, maxEarly)
		}
		learned := 0
		for _, a := range mustStep(t, m, now, ChannelSet{ch}) {
			if l, ok := a.(Learned); ok && bytes.Equal(l.Raw, raw) {
				learned++
			}
		}
		if learned != 1 {
			t.Errorf("by %s: learned %d times", name, learned)
		}
	}
}

func TestBOLT7PeersChannelUpdateIgnored(t *testing.T) {
	for _, tt := range []struct {
		name string
		from party
		edit func(u *wire.ChannelUpdate)
	}{
		{"unknown channel", bob, func(u *wire.ChannelUpdate) { u.ShortChannelID++ }},
		{"no channel", bob, func(u *wire.ChannelUpdate) { u.ShortChannelID = 0 }},
		{"another's channel", carol, nil},
		{"another chain", bob, func(u *wire.ChannelUpdate) { u.ChainHash[0]++ }},
		{"our direction", bob, func(u *wire.ChannelUpdate) { u.ChannelFlags ^= wire.ChannelFlagDirection }},
		{"older", bob, func(u *wire.ChannelUpdate) { u.Timestamp-- }},
		{"as old, with other terms", bob, func(u *wire.ChannelUpdate) { u.FeeBaseMsat++ }},
		{"from the future", bob, func(u *wire.ChannelUpdate) { u.Timestamp = uint32(now + maxAhead + 1) }},
		{"maximum below minimum", bob, func(u *wire.ChannelUpdate) { u.Timestamp++; u.HTLCMinimumMsat = u.HTLCMaximumMsat + 1 }},
		{"maximum above capacity", bob, func(u *wire.ChannelUpdate) { u.Timestamp++; u.HTLCMaximumMsat = 1_000_000_001 }},
	} {
		m := newMachine()
		setAndSign(t, m, now, aliceAndBob())
		from(t, m, bob, bob.update(t, nil))
		raw := tt.from.update(t, tt.edit)
		if got := from(t, m, tt.from, raw); len(got) > 0 {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestBOLT7Misbehaviour(t *testing.T) {
	forged := carol.update(t, func(u *wire.ChannelUpdate) { u.ChannelFlags = wire.Direction(bob.id, alice.id) })
	for _, tt := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"forged", forged, "channel_update of 1x2x3: signature does not match"},
		{"truncated", forged[:100], "channel_update"},
		{"empty", nil, "message"},
		{"unknown and even", []byte{0x01, 0xfe}, "unknown message type 510"},
		{"zlib", wire.Encode(&wire.QueryShortChannelIDs{EncodedShortIDs: []byte{1, 2, 3}}), "query_short_channel_ids: "},
		{"flags", wire.Encode(&wire.QueryShortChannelIDs{
			EncodedShortIDs: wire.EncodeShortIDs([]wire.ShortChannelID{1, 2}),
			QueryFlags:      &wire.QueryFlags{EncodedQueryFlags: []byte{1}},
		}), "1 flags for 2 short_channel_ids"},
	} {
		m := newMachine()
		setAndSign(t, m, now, aliceAndBob())
		actions := from(t, m, bob, tt.raw)
		if len(actions) != 1 {
			t.Errorf("%s: %v", tt.name, actions)
			continue
		}
		bad, ok := actions[0].(Misbehaved)
		if !ok || bad.ID != bob.id || !strings.Contains(bad.Reason, tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, actions[0], tt.want)
		}
	}
}

func TestBOLT7Queries(t *testing.T) {
	filter := &wire.GossipTimestampFilter{ChainHash: regtest, TimestampRange: 5}
	for _, tt := range []struct {
		name string
		ask  wire.Message
		want wire.Message // nil: no answer
	}{
		{"range", &wire.QueryChannelRange{ChainHash: regtest, FirstBlocknum: 100, NumberOfBlocks: 1 << 31},
			&wire.ReplyChannelRange{ChainHash: regtest, FirstBlocknum: 100, NumberOfBlocks: 1 << 31, SyncComplete: 1, EncodedShortIDs: []byte{0}}},
		{"ids", &wire.QueryShortChannelIDs{ChainHash: regtest, EncodedShortIDs: wire.EncodeShortIDs([]wire.ShortChannelID{5, 6})},
			&wire.ReplyShortChannelIDsEnd{ChainHash: regtest, FullInformation: 1}},
		{"another chain", &wire.QueryShortChannelIDs{EncodedShortIDs: wire.EncodeShortIDs(nil)}, &wire.ReplyShortChannelIDsEnd{}},
		{"filter", filter, nil},
	} {
		got := from(t, newMachine(), bob, wire.Encode(tt.ask))
		var want []Action
		if tt.want != nil {
			want = []Action{SendPeer{bob.id, wire.Encode(tt.want)}}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", tt.name, got, want)
		}
	}
	odd := from(t, newMachine(), bob, []byte{0x01, 0xff})
	if len(odd) > 0 {
		t.Errorf("unknown and odd: %v", odd)
	}
}

func FuzzPeerSent(f *testing.F) {
	for _, raw := range wiretest.Captured(f, wire.IsGossip) {
		f.Add(raw)
	}
	f.Add(bob.update(f, nil))
	f.Add(wire.Encode(&wire.QueryChannelRange{ChainHash: regtest, NumberOfBlocks: 7}))
	f.Add(wire.Encode(&wire.QueryShortChannelIDs{EncodedShortIDs: wire.EncodeShortIDs([]wire.ShortChannelID{9})}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := newMachine()
		setAndSign(t, m, now, aliceAndBob())
		for _, a := range from(t, m, bob, raw) {
			switch a := a.(type) {
			case Learned:
				digest, err := wire.GossipDigest(raw)
				if err != nil || keys.Verify(bob.id, digest, decodeUpdate(t, raw).Signature) != nil {
					t.Fatalf("learned %+v from a forgery", a)
				}
			case SendPeer:
				if _, err := wire.Decode(a.Raw); err != nil {
					t.Fatal(err)
				}
			case Misbehaved:
				if a.Reason == "" {
					t.Fatal("no reason")
				}
			default:
				t.Fatalf("a peer's message leads to %T", a)
			}
		}
	})
}
