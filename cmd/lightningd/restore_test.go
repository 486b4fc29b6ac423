package main

import (
	"crypto/sha256"
	"testing"

	core "fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/wire"
)

// talk steps nodes until neither has anything to say.
func talk(t *testing.T, alice, bob *channeltest.Node, first map[*channeltest.Node][]core.Event) {
	t.Helper()
	waiting := map[*channeltest.Node][]core.Event{}
	step := func(n, other *channeltest.Node, ev core.Event) {
		err := n.Step(ev, func(a core.Action) {
			switch a := a.(type) {
			case core.Store:
				n.Log.Append(&a)
			case core.SendPeer:
				msg, err := wire.Decode(wire.Encode(a.Msg))
				if err != nil {
					t.Fatal(err)
				}
				waiting[other] = append(waiting[other], core.PeerSent{Msg: msg})
			}
		})
		if err != nil {
			t.Fatalf("%s: %T: %v", n.Name, ev, err)
		}
	}
	waiting[alice], waiting[bob] = first[alice], first[bob]
	for len(waiting[alice])+len(waiting[bob]) > 0 {
		for n, other := range map[*channeltest.Node]*channeltest.Node{alice: bob, bob: alice} {
			events := waiting[n]
			waiting[n] = nil
			for _, ev := range events {
				step(n, other, ev)
			}
			step(n, other, core.Idle{})
		}
	}
}

// normalPair is a channel that is ready for HTLCs.
func normalPair(t *testing.T) (alice, bob *channeltest.Node) {
	t.Helper()
	terms := channeltest.DefaultTerms()
	terms.Cheap = true
	alice, bob, err := channeltest.Open("alice", "bob", terms)
	if err != nil {
		t.Fatal(err)
	}
	start := []core.Event{
		core.SetPolicy{Policy: channeltest.DefaultPolicy()}, core.NewHeight{Height: 457},
		core.FundingConfirmed{Depth: 6, ShortChannelID: 1 << 40}, core.Connected{},
	}
	talk(t, alice, bob, map[*channeltest.Node][]core.Event{alice: start, bob: start})
	return alice, bob
}

// A node that was killed after it fulfilled a payment, and before the peer had taken that in, must not
// take its channel to the chain because of a deadline that is not the one of its options.
func TestDeadlinesOfStoredChannelsFollowOurOptions(t *testing.T) {
	alice, bob := normalPair(t)
	preimage := [32]byte{1}
	talk(t, alice, bob, map[*channeltest.Node][]core.Event{bob: {core.Offer{
		Ref: 1, Amount: 1_000_000, PaymentHash: sha256.Sum256(preimage[:]), CLTVExpiry: 470, Onion: new([core.OnionSize]byte),
	}}})
	settle := core.Settle{HTLCID: 0, Result: core.Result{Kind: core.Fulfill, Preimage: preimage}}
	for _, ev := range []core.Event{settle, core.Idle{}} { // and never hears from bob again
		if err := alice.Step(ev, func(a core.Action) {
			if s, ok := a.(core.Store); ok {
				alice.Log.Append(&s)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	state, err := alice.Log.Restore()
	if err != nil {
		t.Fatal(err)
	}
	p := policy{CLTVFinal: 10}
	if err := p.apply(state); err != nil {
		t.Fatal(err)
	}
	if at := state.Deadline(); at != 461 {
		t.Errorf("the payment has to be resolved by %d, want 461: 9 blocks before it expires", at)
	}
}
