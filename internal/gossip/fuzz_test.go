package gossip

import (
	"slices"
	"testing"

	"fulmen/internal/wire"
	"fulmen/internal/wire/wiretest"
)

// FuzzSync has a peer that we compare everything with send any messages, to a node that knows nothing and to one that
// has a network. Signatures are right and outputs exist, or else hardly anything would be taken. What is marked or sent
// is in the store, nothing is an error of ours, and what we send can be decoded.
//
// Each message has its length before it. An empty one lets the chain answer, and time pass.
func FuzzSync(f *testing.F) {
	w := newWorld(f, 5, 6)
	w.naive = true
	old, fresh := w.actor(alice), w.actor(bob)
	old.step(PeerUp{ID: carol.id})
	old.learns(carol.id)
	old.step(PeerDown{carol.id})
	old.to = nil
	old.wantChannels(6)
	known := old.stored()
	said := overheard(old, fresh)
	fresh.wantChannels(6)
	for _, in := range said {
		f.Add(in)
	}
	f.Add(slices.Concat(said...))
	for _, raw := range wiretest.Captured(f, wire.IsGossip) {
		f.Add(append([]byte{0, 0, byte(len(raw) >> 8), byte(len(raw))}, raw...))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, learnt := range [][][]byte{nil, known} {
			w := &world{t: t, net: w.net, now: now, byID: w.byID, naive: true}
			a := w.actor(alice)
			a.step(PeerUp{ID: carol.id})
			a.hears(carol.id, learnt...)
			if learnt != nil {
				a.wantChannels(6)
			}
			a.step(PeerUp{ID: bob.id, Queries: true})
			a.told(in)
		}
	})
}

// stored is what a node's store has of the network, in its order.
func (a *actor) stored() (messages [][]byte) {
	var offsets []int64
	for at := range a.records {
		offsets = append(offsets, at)
	}
	slices.Sort(offsets)
	for _, at := range offsets {
		if typ, _ := wire.TypeOf(a.records[at].Msg); typ <= wire.MsgChannelUpdate {
			messages = append(messages, a.records[at].Msg)
		}
	}
	return messages
}

// overheard is what each of two nodes says to the other while they compare everything.
func overheard(a, b *actor) [][]byte {
	said := [][]byte{nil, nil}
	connect(a, b)
	for range 40 {
		for i, n := range []*actor{a, b} {
			n.step(Tick{})
			n.answerFunding()
			for _, raw := range n.to {
				said[i] = append(append(said[i], byte(len(raw)>>8), byte(len(raw))), raw...)
				n.peer.step(PeerSent{n.party.id, raw})
			}
			said[i] = append(said[i], 0, 0)
			n.to = nil
			n.peer.step(Idle{})
		}
		a.w.now++
	}
	return said
}

// told lets Bob send messages, each with its length before it.
func (a *actor) told(in []byte) {
	for len(in) >= 2 {
		size := min(int(in[0])<<8|int(in[1]), len(in)-2)
		if size > 0 {
			a.step(PeerSent{bob.id, in[2 : 2+size]})
		} else {
			a.pass(1)
		}
		in = in[2+size:]
	}
	a.pass(answerTime + 1)
	a.pass(fullInterval + 1)
	for _, raw := range a.to {
		if _, err := wire.Decode(raw); err != nil {
			a.w.t.Fatalf("sent %x: %v", raw, err)
		}
	}
	for _, b := range a.bad {
		if b.Reason == "" {
			a.w.t.Fatal("no reason")
		}
	}
}

// pass lets the chain answer, and so many seconds pass.
func (a *actor) pass(seconds Timestamp) {
	a.step(Idle{})
	a.answerFunding()
	a.step(Idle{})
	a.w.now += seconds
	a.step(Tick{})
}
