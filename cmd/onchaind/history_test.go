package main

import (
	"crypto/sha256"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/ipc/onchaindmsg"
	peerwire "fulmen/internal/wire"
)

// side is one side of a channel while it lives, in memory. Alice is ours, bob the peer.
type side struct {
	*channeltest.Node
	out   []peerwire.Message
	stubs []onchaindmsg.HTLCStub
	ended map[uint64]bool // HTLCs of the peer that were settled
}

// history is a channel and what its sides did.
type history struct {
	t          testing.TB
	alice, bob *side
}

func newHistory(t testing.TB, anchors bool) *history {
	t.Helper()
	terms := channeltest.DefaultTerms()
	terms.Anchors = anchors
	a, b, err := channeltest.Open("alice", "bob", terms)
	if err != nil {
		t.Fatal(err)
	}
	h := &history{t: t, alice: &side{Node: a, ended: map[uint64]bool{}}, bob: &side{Node: b, ended: map[uint64]bool{}}}
	for _, s := range []*side{h.alice, h.bob} {
		policy := channeltest.DefaultPolicy()
		policy.ShutdownScript = channeltest.Script(s.Name)
		for _, ev := range []channel.Event{
			channel.SetPolicy{Policy: policy}, channel.NewHeight{Height: 400}, channel.Connected{},
			channel.FundingConfirmed{Depth: 1, ShortChannelID: peerwire.NewShortChannelID(100, 1, 0)},
		} {
			h.step(s, ev)
		}
	}
	h.run()
	return h
}

func (h *history) step(s *side, ev channel.Event) {
	h.t.Helper()
	err := s.Step(ev, func(a channel.Action) {
		switch a := a.(type) {
		case channel.SendPeer:
			s.out = append(s.out, a.Msg)
		case channel.Store:
			s.Log.Append(&a)
			for _, n := range a.NewHTLCs {
				s.stubs = append(s.stubs, onchaindmsg.HTLCStub{Offered: n.Offered, ID: n.ID, PaymentHash: n.PaymentHash, CLTVExpiry: n.CLTVExpiry})
			}
		}
	})
	if err != nil {
		h.t.Fatalf("%s: %T: %v", s.Name, ev, err)
	}
}

// restore forgets all that came after an old log.
func (s *side) restore(t *testing.T, old channeltest.Log) {
	t.Helper()
	ch, err := channel.Restore(old.Snapshot, old.Records)
	if err != nil {
		t.Fatal(err)
	}
	s.Channel, s.Log = ch, old
}

// run lets both sides act until nothing is on its way.
func (h *history) run() {
	h.t.Helper()
	for busy := true; busy; {
		busy = false
		for _, s := range []*side{h.alice, h.bob} {
			h.step(s, channel.Idle{})
			other := h.alice
			if s == h.alice {
				other = h.bob
			}
			list := s.out
			s.out = nil
			for _, m := range list {
				busy = true
				h.step(other, channel.PeerSent{Msg: m})
			}
		}
	}
}

func preimage(n byte) [32]byte { return [32]byte{n} }

// pay offers HTLCs, each of so many sat, with preimage 1, 2 and so on, which expire one block after the other.
func (h *history) pay(from *side, first byte, sats ...amount.Sat) {
	h.t.Helper()
	for i, sat := range sats {
		p := preimage(first + byte(i))
		h.step(from, channel.Offer{
			Ref: uint64(first) + uint64(i), Amount: sat.Msat(), PaymentHash: sha256.Sum256(p[:]), CLTVExpiry: block.Height(500 + i), Onion: new([channel.OnionSize]byte),
		})
	}
	h.run()
}

// settle fulfills the peer's first HTLC.
func (h *history) settle(s *side, id uint64, p [32]byte) {
	h.t.Helper()
	h.step(s, channel.Settle{HTLCID: id, Result: channel.Result{Kind: channel.Fulfill, Preimage: p}})
	h.run()
}

// bobsCommitment is the peer's newest.
func (h *history) bobsCommitment() *wire.MsgTx {
	h.t.Helper()
	c, err := h.bob.Channel.LocalCommitment()
	if err != nil {
		h.t.Fatal(err)
	}
	return c.Tx
}

func (h *history) alicesCommitment() *wire.MsgTx {
	h.t.Helper()
	c, err := h.alice.Channel.LocalCommitment()
	if err != nil {
		h.t.Fatal(err)
	}
	return c.Tx
}
