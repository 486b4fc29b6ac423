package channel_test

import (
	"bytes"
	"errors"
	"testing"

	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
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

// FuzzStep feeds a channel in full use with any messages, each with its length before it.
func FuzzStep(f *testing.F) {
	for _, raw := range wiretest.Captured(f, wire.IsChannelMessage) {
		f.Add(append([]byte{byte(len(raw) >> 8), byte(len(raw))}, raw...))
	}
	f.Add([]byte{0, 2, 0, 38})
	f.Add(framed(&wire.UpdateAddHTLC{ID: 1, AmountMsat: 1, CLTVExpiry: 500}, &wire.CommitmentSigned{}))
	f.Add(framed(&wire.RevokeAndAck{}, &wire.Shutdown{ScriptPubkey: channeltest.Script("x")}, &wire.UpdateFee{FeeratePerKw: 500}))
	f.Add(framed(&wire.UpdateFulfillHTLC{}, &wire.UpdateFailHTLC{ID: 1, Reason: []byte("x")}, &wire.UpdateFailMalformedHTLC{FailureCode: 0xc005}))
	f.Add(framed(&wire.ChannelReestablish{NextCommitmentNumber: 2}))
	_, b := busy(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, connected := range []bool{true, false} {
			ch, err := b.Log.Restore()
			if err != nil {
				t.Fatal(err)
			}
			n := *b
			n.Channel = ch
			receive(t, &n, in, connected)
		}
	})
}

// receive steps n through messages until it has had enough.
func receive(t *testing.T, n *channeltest.Node, in []byte, reestablished bool) {
	ignore := func(channel.Action) {}
	begin := []channel.Event{channel.SetPolicy{Policy: channeltest.DefaultPolicy()}, channel.Connected{}}
	if reestablished {
		begin = append(begin, channel.PeerSent{Msg: &wire.ChannelReestablish{NextCommitmentNumber: 1, NextRevocationNumber: 1}})
	}
	for _, ev := range begin {
		if err := n.Step(ev, ignore); err != nil && !isFault(err) {
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
		for _, ev := range []channel.Event{channel.PeerSent{Msg: m}, channel.Idle{}} {
			if err := n.Step(ev, ignore); err != nil {
				if !isFault(err) && !errors.Is(err, channel.ErrDead) {
					t.Fatalf("%s: %v", m.Type(), err)
				}
				return
			}
		}
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
	out   [2][]wire.Message
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
