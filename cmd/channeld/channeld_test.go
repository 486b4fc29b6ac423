package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

// open makes alice open a channel to bob, and locks it in.
func open(t testing.TB) (alice, bob *testNode, l *link) {
	alice, bob = newNode(t, "alice"), newNode(t, "bob")
	alice.peer, bob.peer = bob, alice
	terms := channeldmsg.Terms{
		DustLimit: 546, MaxHTLCValueInFlight: 10_000_000_000, HTLCMinimum: 1, ToSelfDelay: 144, MaxAcceptedHTLCs: 483,
	}
	limits := channeldmsg.Limits{
		MinFunding: 100_000, MaxFunding: amount.MaxSat, MinFeerate: 253, MaxFeerate: 100_000, MaxToSelfDelay: 2016,
		MaxDustLimit: 5000, MaxReservePercent: 10, MaxHTLCMinimum: 1000, MinHTLCValueInFlight: 1, MinAcceptedHTLCs: 1, MaxMinimumDepth: 6,
	}
	l = newLink(t)
	alice.start(channeldmsg.Setup{Open: &channeldmsg.Open{
		TemporaryChannelID: wire.ChannelID{1}, Funding: 10_000_000, Push: 3_000_000_000, Feerate: 1000, Announce: true,
		Terms: terms, Limits: limits,
	}}, l.files[0])
	first, err := l.next(0)
	if err != nil {
		t.Fatal(err)
	}
	bob.start(channeldmsg.Setup{Accept: &channeldmsg.Accept{OpenChannel: first.Wire[0], MinimumDepth: 1, Terms: terms, Limits: limits}}, l.files[1])
	l.relay()
	need := wait[*channeldmsg.NeedFunding](alice, nil)
	if need.Amount != 10_000_000 || len(need.PkScript) != 34 || len(need.ChannelType) == 0 || need.MinimumDepth != 1 {
		t.Errorf("asked for %s to %x, channel_type %x, depth %d", need.Amount, need.PkScript, need.ChannelType, need.MinimumDepth)
	}
	alice.order(&channeldmsg.FundingChosen{Txid: [32]byte{9}, OutputIndex: 1})
	opened := wait[*channeldmsg.Opened](alice, nil)
	if other := wait[*channeldmsg.Opened](bob, nil); other.ChannelID != opened.ChannelID || other.Setup.Opener || !opened.Setup.Opener {
		t.Errorf("opened %+v and %+v", opened, other)
	}
	confirm(alice, bob)
	for _, n := range []*testNode{alice, bob} {
		wait(n, func(m *channeldmsg.StateChanged) bool { return m.Status.State == channeldmsg.Normal })
	}
	return alice, bob, l
}

func confirm(nodes ...*testNode) {
	for _, n := range nodes {
		n.order(&channeldmsg.FundingDepth{Depth: 6, ShortChannelID: wire.NewShortChannelID(100, 1, 1)})
	}
}

// reconnect ends both channelds, and starts new ones on what was stored.
func reconnect(t *testing.T, alice, bob *testNode, l *link) *link {
	l.cut()
	for _, n := range []*testNode{alice, bob} {
		select {
		case <-n.channeld.Exited():
		case <-t.Context().Done():
		}
	}
	next := newLink(t)
	for i, n := range []*testNode{alice, bob} {
		n.start(channeldmsg.Setup{Resume: &channeldmsg.Resume{Snapshot: n.snapshot, Records: n.records, Closed: n.closed}}, next.files[i])
	}
	next.relay()
	confirm(alice, bob)
	return next
}

// payment is one with a single hop.
type payment struct {
	preimage, hash [32]byte
	secrets        []keys.Secret
}

// pay orders an HTLC of one hop from n to its peer.
func pay(t *testing.T, n *testNode, ref uint64) *payment {
	p := &payment{preimage: [32]byte{31: byte(ref)}}
	p.hash = sha256.Sum256(p.preimage[:])
	payload := onion.Payload{
		AmtToForward: 5_000_000, OutgoingCLTVValue: 200,
		PaymentData: &onion.PaymentData{PaymentSecret: [32]byte{7}, TotalMsat: 5_000_000},
	}
	packet, secrets, err := onion.Build(keys.Secret{31: byte(ref)}, []onion.Hop{{NodeID: n.peer.id, Payload: payload.Encode()}}, p.hash[:])
	if err != nil {
		t.Fatal(err)
	}
	p.secrets = secrets
	n.order(&channeldmsg.Offer{HTLCs: []channeldmsg.OfferHTLC{
		{Ref: ref, AmountMsat: 5_000_000, PaymentHash: p.hash, CLTVExpiry: block.Height(200), Onion: packet[:]},
	}})
	return p
}

// arrives waits for the payment at n, and checks what the onion told.
func (p *payment) arrives(t *testing.T, n *testNode) *channeldmsg.IncomingHTLC {
	t.Helper()
	h := &wait(n, func(m *channeldmsg.Incoming) bool { return m.HTLCs[0].PaymentHash == p.hash }).HTLCs[0]
	if h.Forward != nil || h.Final == nil || h.Final.TotalMsat != 5_000_000 || *h.Final.PaymentSecret != [32]byte{7} {
		t.Errorf("%s: %+v", n.name, h)
	}
	return h
}

// settled waits until n, who sent it, has the preimage.
func (p *payment) settled(t *testing.T, n *testNode) {
	t.Helper()
	m := wait(n, func(m *channeldmsg.Store) bool { return len(m.Learned) > 0 })
	if m.Learned[0].Preimage != p.preimage {
		t.Errorf("%s learned %x", n.name, m.Learned[0].Preimage)
	}
}

func TestOpenPayResumeClose(t *testing.T) {
	alice, bob, l := open(t)
	for _, n := range []*testNode{alice, bob} {
		raw := wait[*channeldmsg.Announcement](n, nil).ChannelAnnouncement
		if m, err := wire.Decode(raw); err != nil || m.Type() != wire.MsgChannelAnnouncement {
			t.Errorf("%s: announcement: %v", n.name, err)
		}
	}

	p := pay(t, alice, 1)
	id := p.arrives(t, bob).ID
	bob.order(&channeldmsg.Settle{HTLCs: []channeldmsg.SettleHTLC{{ID: id, Preimage: &p.preimage}}})
	p.settled(t, alice)
	wait(bob, func(m *channeldmsg.Store) bool { return len(m.Resolved) > 0 })

	// The other way, and refused with a reason that only the origin can read.
	p = pay(t, bob, 2)
	id = p.arrives(t, alice).ID
	reason := onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: 5_000_000, Height: 100}
	alice.order(&channeldmsg.Settle{HTLCs: []channeldmsg.SettleHTLC{{ID: id, Failure: reason.Encode()}}})
	failed := wait(bob, func(m *channeldmsg.Store) bool { return len(m.Failed) > 0 }).Failed[0]
	if hop, msg, err := onion.DecryptFailure(p.secrets, failed.Reason); err != nil || hop != 0 || !bytes.Equal(msg, reason.Encode()) {
		t.Errorf("failure: hop %d, %x, %v", hop, msg, err)
	}
	if len(failed.Attribution) != onion.AttributionSize {
		t.Fatalf("attribution_data of %d bytes", len(failed.Attribution))
	}
	if holds := (*onion.Attribution)(failed.Attribution).Holds(p.secrets, failed.Reason); len(holds) != 1 {
		t.Errorf("the failure is attributed by %d hops", len(holds))
	}

	// Killed with a payment under way, whatever it was doing.
	p = pay(t, alice, 3)
	wait(alice, func(m *channeldmsg.Store) bool { return len(m.Offered) > 0 })
	alice.channeld.Kill()
	l = reconnect(t, alice, bob, l)
	wait[*channeldmsg.Reestablished](alice, nil)
	id = p.arrives(t, bob).ID
	bob.channeld.Kill()
	l = reconnect(t, alice, bob, l)
	if again := p.arrives(t, bob); again.ID != id {
		t.Errorf("htlc %d is told again as %d", id, again.ID)
	}
	bob.order(&channeldmsg.Settle{HTLCs: []channeldmsg.SettleHTLC{{ID: id, Preimage: &p.preimage}}})
	p.settled(t, alice)

	var reply channeldmsg.DescribeReply
	if _, err := alice.channeld.Request(t.Context(), &channeldmsg.Describe{}, &reply); err != nil {
		t.Fatal(err)
	}
	if reply.Status.State != channeldmsg.Normal {
		t.Errorf("state %s", reply.Status.State)
	}

	alice.order(&channeldmsg.Shutdown{})
	var seen []chainhash.Hash
	mutualClose := func(n *testNode) {
		t.Helper()
		var c btcwire.MsgTx
		m := wait(n, func(m *channeldmsg.MutualClose) bool {
			if err := c.Deserialize(bytes.NewReader(m.Tx)); err != nil {
				t.Fatal(err)
			}
			return !slices.Contains(seen, c.TxHash())
		})
		if spent := (btcwire.OutPoint{Hash: [32]byte{9}, Index: 1}); c.TxIn[0].PreviousOutPoint != spent || len(c.TxOut) != 2 {
			t.Errorf("close %x: %v", m.Tx, c)
		}
		seen = append(seen, c.TxHash())
	}
	mutualClose(alice)
	mutualClose(alice) // of the two, each pays one
	for range 2 {
		wait[*channeldmsg.MutualClose](bob, nil)
	}

	// On another connection nobody asks for what is signed, but for one that pays more.
	l = reconnect(t, alice, bob, l)
	wait[*channeldmsg.Reestablished](alice, nil)
	bob.order(&channeldmsg.Shutdown{Close: channeldmsg.CloseFeerates{Target: 4000, Min: 253, Max: 5000}})
	mutualClose(alice)
	l.cut()
}

func TestBadOnionIsFailedAtOnce(t *testing.T) {
	alice, _, _ := open(t)
	alice.order(&channeldmsg.Offer{HTLCs: []channeldmsg.OfferHTLC{
		{Ref: 1, AmountMsat: 5_000_000, CLTVExpiry: 200, Onion: make([]byte, onion.PacketSize)},
	}})
	failed := wait(alice, func(m *channeldmsg.Store) bool { return len(m.Failed) > 0 }).Failed[0]
	if onion.FailureCode(failed.MalformedCode)&onion.BadOnion == 0 {
		t.Errorf("failed with %+v", failed)
	}
}

// TestBOLT4FinalNodeExpiryTooSoon: a final node has no code of its own for that.
func TestBOLT4FinalNodeExpiryTooSoon(t *testing.T) {
	alice, bob, _ := open(t)
	bob.order(&channeldmsg.NewHeight{Height: 199})
	p := pay(t, alice, 1)
	failed := wait(alice, func(m *channeldmsg.Store) bool { return len(m.Failed) > 0 }).Failed[0]
	want := onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: 5_000_000, Height: 199}
	at, message, err := onion.DecryptFailure(p.secrets, failed.Reason)
	if err != nil || at != 0 || !bytes.Equal(message, want.Encode()) {
		t.Errorf("failure %x of hop %d, %v; want %x", message, at, err, want.Encode())
	}
}

func TestOfferThatDoesNotFit(t *testing.T) {
	alice, _, _ := open(t)
	alice.order(&channeldmsg.Offer{HTLCs: []channeldmsg.OfferHTLC{
		{Ref: 5, AmountMsat: 9_000_000_000, CLTVExpiry: 200, Onion: make([]byte, onion.PacketSize)},
	}})
	m := wait[*channeldmsg.OfferFailed](alice, nil)
	if m.HTLCs[0].Ref != 5 || m.HTLCs[0].Reason == "" || len(m.HTLCs[0].Failure) < 2 {
		t.Errorf("%+v", m.HTLCs[0])
	}
}

// TestLongRelaysFit: reasons of other channels' peers are passed on as long as all of them can be stored together.
func TestLongRelaysFit(t *testing.T) {
	alice, bob, _ := open(t)
	const size, count, fit = 60_000, 20, 17
	settle := &channeldmsg.Settle{}
	for ref := range uint64(count) {
		id := pay(t, alice, 1+ref).arrives(t, bob).ID
		settle.HTLCs = append(settle.HTLCs, channeldmsg.SettleHTLC{ID: id, Relay: make([]byte, size)})
	}
	bob.order(settle)
	var long, short int
	for long+short < count {
		for _, f := range wait(alice, func(m *channeldmsg.Store) bool { return len(m.Failed) > 0 }).Failed {
			if len(f.Reason) == size {
				long++
			} else {
				short++
			}
		}
	}
	if long != fit {
		t.Errorf("%d reasons are as they came, %d are our own; want %d and %d", long, short, fit, count-fit)
	}
}

// TestPeerBreaksRules: the peer is told, lightningd too, and the process ends.
func TestPeerBreaksRules(t *testing.T) {
	alice, bob, l := open(t)
	bob.channeld.Kill()
	l.cut()
	<-alice.channeld.Exited()
	l = newLink(t)
	alice.start(channeldmsg.Setup{Resume: &channeldmsg.Resume{Snapshot: alice.snapshot, Records: alice.records}}, l.files[0])
	bad := wire.Encode(&wire.UpdateFee{ChannelID: alice.opened.ChannelID, FeeratePerKw: 1})
	if err := l.conns[0].Send(&peermsg.Messages{Wire: [][]byte{bad}}); err != nil {
		t.Fatal(err)
	}
	for {
		m := <-alice.reports
		if failing, ok := m.(*channeldmsg.Failing); ok {
			if !failing.Warning || failing.Text != "update_fee before channel_reestablish" {
				t.Errorf("%+v", failing)
			}
			break
		}
	}
	var warned bool
	for {
		m, err := l.next(0)
		if err != nil {
			break
		}
		for _, raw := range m.Wire {
			typ, err := wire.TypeOf(raw)
			warned = warned || err == nil && typ == wire.MsgWarning
		}
	}
	if !warned {
		t.Error("the peer was not warned")
	}
	<-alice.channeld.Exited()
}

func TestVerifyFindsTheBadOne(t *testing.T) {
	if err := verify(nil); err != nil {
		t.Error(err)
	}
	checks := badChecks(t, 100)
	if err := verify(checks); !errors.Is(err, keys.ErrSigRange) {
		t.Errorf("got %v", err)
	}
}

// badChecks are signatures that are none.
func badChecks(t *testing.T, n int) []channel.SignatureCheck {
	node, err := channeltest.NodeOf("alice")
	if err != nil {
		t.Fatal(err)
	}
	key, err := node.ID().Parse()
	if err != nil {
		t.Fatal(err)
	}
	checks := make([]channel.SignatureCheck, n)
	for i := range checks {
		checks[i] = channel.SignatureCheck{What: "htlc_signature", Index: i, Key: key}
	}
	return checks
}
