package channel_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
	"fulmen/internal/wire/wiretest"
)

// FuzzRestore feeds Restore with damaged snapshots and records: it may refuse them, and whatever it
// takes can be described and stored again.
func FuzzRestore(f *testing.F) {
	a, _ := busy(f)
	f.Add(a.Log.Snapshot, bytes.Join(a.Log.Records, nil))
	ch, err := a.Log.Restore()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ch.Snapshot(), []byte{})
	f.Fuzz(func(t *testing.T, snapshot, record []byte) {
		ch, err := channel.Restore(snapshot, [][]byte{record})
		if err != nil {
			return
		}
		ch.Summary()
		ch.HTLCs()
		again, err := channel.Restore(ch.Snapshot(), nil)
		if err != nil {
			t.Fatalf("restore what Restore took: %v", err)
		}
		if !bytes.Equal(again.Snapshot(), ch.Snapshot()) {
			t.Error("a snapshot is not what was restored of it")
		}
	})
}

// FuzzStep feeds both sides of a channel in full use with any messages, each with its length before it: after the peer's
// channel_reestablish, and instead of it. Signatures are taken as good, or else hardly any commitment_signed would be.
// What is stored on the way can be restored, and each commitment divides the funding.
func FuzzStep(f *testing.F) {
	for _, raw := range wiretest.Captured(f, wire.IsChannelMessage) {
		f.Add(append([]byte{byte(len(raw) >> 8), byte(len(raw))}, raw...))
	}
	a, b := busy(f)
	nodes, sent := [2]*channeltest.Node{a, b}, resumed(f, a, b)
	for _, all := range sent {
		rest := slices.Clip(all[1:])
		f.Add(framed(all...))
		f.Add(framed(rest...))
		f.Add(framed(append(rest, &wire.ClosingSigned{})...))
		for i := range rest {
			f.Add(framed(rest[i]))
			f.Add(framed(append(rest[:i:i], &wire.Shutdown{ScriptPubkey: channeltest.Script("x")})...))
		}
	}
	f.Add([]byte{0, 2, 0, 38})
	f.Add(framed(&wire.UpdateAddHTLC{ID: 1, AmountMsat: 1, CLTVExpiry: 500}, &wire.CommitmentSigned{}))
	f.Add(framed(&wire.RevokeAndAck{}, &wire.Shutdown{ScriptPubkey: channeltest.Script("x")}))
	f.Add(framed(&wire.UpdateFulfillHTLC{}))
	f.Add(framed(&wire.UpdateFee{FeeratePerKw: 500}, &wire.UpdateFailHTLC{ID: 1, Reason: []byte("x")},
		&wire.UpdateFailMalformedHTLC{FailureCode: 0xc005}, &wire.CommitmentSigned{HTLCSignature: make([]keys.Signature, 2)}))
	f.Add(framed(&wire.ChannelReestablish{NextCommitmentNumber: 2}))
	f.Fuzz(func(t *testing.T, in []byte) {
		for i, n := range nodes {
			receive(t, n, in, sent[1-i][0])
			receive(t, n, in, nil)
		}
	})
}

// resumed takes up a channel anew on both sides, and returns what each sends then: its channel_reestablish, what was on
// its way, what follows from an HTLC more, and from an order to close.
func resumed(tb testing.TB, a, b *channeltest.Node) [2][]wire.Message {
	w := &wires{tb: tb, nodes: [2]*channeltest.Node{restarted(tb, a), restarted(tb, b)}}
	for i := range w.nodes {
		for _, ev := range takeUp(w.nodes[i]) {
			w.step(i, ev)
		}
	}
	w.settle()
	w.step(0, offered(6, 7_000_000))
	w.settle()
	w.step(0, channel.Shutdown{Script: channeltest.Script(a.Name)})
	w.settle()
	return w.sent
}

// takeUp is what a channel's process begins with.
func takeUp(n *channeltest.Node) []channel.Event {
	policy := channeltest.DefaultPolicy()
	policy.ShutdownScript = channeltest.Script(n.Name)
	return []channel.Event{channel.SetPolicy{Policy: policy}, channel.Connected{}}
}

// restarted is a node as after a restart, with what it has stored.
func restarted(tb testing.TB, n *channeltest.Node) *channeltest.Node {
	ch, err := n.Log.Restore()
	if err != nil {
		tb.Fatal(err)
	}
	log := channeltest.Log{Snapshot: n.Log.Snapshot, Records: slices.Clone(n.Log.Records)}
	return &channeltest.Node{Name: n.Name, Channel: ch, Signer: n.Signer, Log: log}
}

// credulous finds every signature good, and makes none. It knows only what was asked of it, whatever the signer
// behind it was asked in other runs.
type credulous struct {
	channeltest.Signer
	funding         amount.Msat
	signed, revoked keys.CommitmentNumber // the next to be signed, revoked
}

func (*credulous) Verify(*channel.Verify) error { return nil }

func (c *credulous) SignRemote(content *channel.Content, _ keys.PubKey) (channel.Signed, error) {
	if content.Number+1 < c.signed || content.Number > c.signed {
		return channel.Signed{}, fmt.Errorf("sign commitment %d, the next is %d", content.Number, c.signed)
	}
	c.signed = content.Number + 1
	return channel.Signed{}, divides(content, c.funding)
}

// divides fails unless a commitment gives out what the funding output has, and no more.
func divides(c *channel.Content, funding amount.Msat) error {
	sum := c.ToLocal + c.ToRemote
	for i := range c.HTLCs {
		sum += c.HTLCs[i].Amount
	}
	if sum != funding || max(c.ToLocal, c.ToRemote) > funding {
		return fmt.Errorf("commitment %d: %s and %s, with HTLCs %s; the channel has %s", c.Number, c.ToLocal, c.ToRemote, sum, funding)
	}
	return nil
}

func (c *credulous) Revoke(n keys.CommitmentNumber) (channel.Revocation, error) {
	if n > c.revoked {
		return channel.Revocation{}, fmt.Errorf("revoke commitment %d, the next is %d", n, c.revoked)
	}
	c.revoked = max(c.revoked, n+1)
	return c.Signer.Revoke(n)
}

// receive restarts a node and steps it through messages until it has had enough; reestablish is the peer's, nil: in
// has it.
func receive(t *testing.T, stored *channeltest.Node, in []byte, reestablish wire.Message) {
	n := restarted(t, stored)
	s := n.Channel.Summary()
	funding := n.Channel.Params().FundingSats.Msat()
	n.Signer = &credulous{n.Signer, funding, s.RemoteSigned, s.LocalNumber}
	save := func(a channel.Action) {
		if s, ok := a.(channel.Store); ok {
			n.Log.Append(&s)
		}
	}
	begin := takeUp(n)
	if reestablish != nil {
		begin = append(begin, channel.PeerSent{Msg: reestablish}, channel.Idle{})
	}
	for _, ev := range begin {
		if err := n.Step(ev, save); err != nil {
			t.Fatal(err)
		}
	}
	for len(in) > 2 {
		size := min(int(in[0])<<8|int(in[1]), len(in)-2)
		m, err := wire.Decode(in[2 : 2+size])
		in = in[2+size:]
		if err != nil {
			continue
		}
		if err = n.Step(channel.PeerSent{Msg: m}, save); err == nil {
			err = n.Step(channel.Idle{}, save)
		}
		if err == nil {
			continue
		}
		if !isFault(err) && !errors.Is(err, channel.ErrDead) { // an error of the peer is its end, too
			t.Fatalf("%s: %v", m.Type(), err)
		}
		if _, err := n.Log.Restore(); err != nil {
			t.Fatalf("restore what was stored before a fault: %v", err)
		}
		return
	}
	again, err := n.Log.Restore()
	if err != nil {
		t.Fatalf("restore what was stored: %v", err)
	}
	if !bytes.Equal(again.Snapshot(), n.Channel.Snapshot()) {
		t.Error("what was stored is not the channel's state")
	}
	content := n.Channel.LocalContent()
	if err := divides(&content, funding); err != nil {
		t.Error(err)
	}
}

func isFault(err error) bool {
	var fault *channel.Fault
	return errors.As(err, &fault)
}

func framed(list ...wire.Message) (out []byte) {
	for _, m := range list {
		raw := wire.Encode(m)
		out = append(out, byte(len(raw)>>8), byte(len(raw)))
		out = append(out, raw...)
	}
	return out
}

// busy makes a channel with HTLCs on their way in every state, and signatures that cost nothing.
func busy(tb testing.TB) (a, b *channeltest.Node) {
	terms := channeltest.DefaultTerms()
	terms.Cheap = true
	a, b, err := channeltest.Open("alice", "bob", terms)
	if err != nil {
		tb.Fatal(err)
	}
	w := &wires{tb: tb, nodes: [2]*channeltest.Node{a, b}}
	for i := range w.nodes {
		w.step(i, channel.SetPolicy{Policy: channeltest.DefaultPolicy()})
		w.step(i, channel.Connected{})
		w.step(i, channel.FundingConfirmed{Depth: 1, ShortChannelID: 1})
	}
	w.settle()
	for ref := range uint64(4) {
		w.step(int(ref%2), offered(ref, 5_000_000))
	}
	w.settle()
	w.step(1, channel.Settle{HTLCID: 0, Result: channel.Result{Kind: channel.Fulfill, Preimage: preimageOf(0)}})
	w.step(1, channel.Idle{})
	w.step(0, offered(5, 100_000))
	w.step(0, channel.Idle{})
	return a, b
}

func offered(ref uint64, amount uint64) channel.Offer {
	return channel.Offer{Ref: ref, Amount: amountOf(amount), PaymentHash: hashOf(ref), CLTVExpiry: 500, Onion: new([channel.OnionSize]byte)}
}

// wires joins two nodes, and hands each everything at once, as a process would.
type wires struct {
	tb    testing.TB
	nodes [2]*channeltest.Node
	out   [2][]wire.Message // that the other has not got
	sent  [2][]wire.Message
	steps int // Stores
	signs int // signing requests

	revoked  [2][]channel.Revoked // commitments of the peer, that each was told of
	received [2][]channel.ReceivedHTLC
	failed   [2][]channel.Failed
	largest  [2]int // of the Stores and logs of each
}

func (w *wires) step(i int, ev channel.Event) {
	err := w.nodes[i].Step(ev, func(a channel.Action) {
		switch a := a.(type) {
		case channel.SendPeer:
			w.out[i] = append(w.out[i], a.Msg)
			w.sent[i] = append(w.sent[i], a.Msg)
		case channel.AskSigner:
			w.signs++
		case channel.Received:
			w.received[i] = append(w.received[i], a.HTLCs...)
		case channel.Store:
			w.steps++
			w.nodes[i].Log.Append(&a)
			w.revoked[i] = append(w.revoked[i], a.Revoked...)
			w.failed[i] = append(w.failed[i], a.Failed...)
			size := len(a.Data)
			for _, f := range a.Failed {
				size += len(f.Result.Reason)
			}
			w.largest[i] = max(w.largest[i], size, w.nodes[i].Log.Size())
		}
	})
	if err != nil {
		w.tb.Fatalf("%s: %T: %v", w.nodes[i].Name, ev, err)
	}
}

// settle runs until nothing is on its way.
func (w *wires) settle() {
	for busy := true; busy; {
		busy = false
		for i := range w.nodes {
			in := w.out[1-i]
			w.out[1-i] = nil
			for _, m := range in {
				w.step(i, channel.PeerSent{Msg: m})
			}
			w.step(i, channel.Idle{})
			busy = busy || len(in) > 0 || len(w.out[i]) > 0
		}
	}
}
