package main

import (
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
)

// maxSteps bounds what one input says.
const maxSteps = 50

// utter has p say what the input decides: what it may, and now and then what others may.
func (w *surroundings) utter(p *puppet, s *hostile.Source, kinds []ipc.Message) {
	for range maxSteps {
		if s.Done() {
			return
		}
		from := kinds
		if s.Byte() == 0 {
			from = hostile.Everything
		}
		w.send(p, s.Message(from))
	}
}

// seed adds an input for each kind of message, each byte of it once all zero, ones, and mixed.
func seed(f *testing.F, kinds []ipc.Message) {
	for i := range kinds {
		for _, fill := range []byte{0, 1, 2, 3, 5, 255} {
			in := []byte{1, byte(i)}
			for range 40 {
				in = append(in, fill, byte(i))
			}
			f.Add(in)
		}
	}
}

// fuzz surrounds a node for each input, which play says of one who is to say kinds.
func fuzz(f *testing.F, kinds []ipc.Message, play func(w *surroundings, in []byte)) {
	seed(f, kinds)
	var growth hostile.Growth
	f.Fuzz(func(t *testing.T, in []byte) {
		w := surround(t)
		defer growth.Check(t)
		defer w.end()
		play(w, in)
	})
}

// FuzzHostileChanneld plays the channeld of mallory's channel: whatever it says, the node and bob's
// channel go on.
func FuzzHostileChanneld(f *testing.F) {
	fuzz(f, hostile.FromChanneld, func(w *surroundings, in []byte) {
		w.connect()
		w.utter(w.mallory, hostile.NewSource(in, w.vocabulary()), hostile.FromChanneld)
		w.settled(w.mallory)
		w.unharmed()
	})
}

// FuzzHostileOpening plays the channeld of a channel that mallory opens.
func FuzzHostileOpening(f *testing.F) {
	kinds := []ipc.Message{&channeldmsg.NeedFunding{}, &channeldmsg.Opened{}, &channeldmsg.PeerText{}, &channeldmsg.Failing{}, &channeldmsg.Store{}}
	fuzz(f, kinds, func(w *surroundings, in []byte) {
		w.connect()
		w.send(w.connectd, &connectdmsg.PeerSent{ID: malloryID, Conn: 1, Wire: w.openChannel()})
		p := w.next()
		s := hostile.NewSource(in, w.vocabulary())
		says := kinds
		if s.Byte()&1 == 1 {
			w.send(p, w.goodOpened())
			says = hostile.FromChanneld
		}
		w.utter(p, s, says)
		w.settled(p)
		w.unharmed()
	})
}

// FuzzHostileOpener plays the channeld of a channel that we open with mallory, honest up to one of its steps.
func FuzzHostileOpener(f *testing.F) {
	kinds := []ipc.Message{&channeldmsg.NeedFunding{}, &channeldmsg.Opened{}, &channeldmsg.PeerText{}, &channeldmsg.Failing{}, &channeldmsg.Store{}}
	fuzz(f, kinds, func(w *surroundings, in []byte) {
		w.connect()
		o, p := w.propose(malloryChannel)
		s := hostile.NewSource(in, w.vocabulary())
		steps, says := s.Below(4), kinds
		outpoint := btcwire.OutPoint{Hash: [32]byte{77}}
		if steps > 0 {
			w.send(p, w.needFunding())
			<-o.ours.news
			w.n.loop.call(func() { _ = o.fund(outpoint) })
		}
		if steps > 1 {
			w.send(p, w.openedOver(outpoint))
			<-o.ours.news
			says = hostile.FromChanneld
		}
		if steps > 2 {
			w.n.loop.call(func() { _ = w.n.storeOpened([]*opening{o}, new(fundedBy), nil) })
		}
		w.utter(p, s, says)
		w.settled(p)
		w.unharmed()
	})
}

// goodOpened is what gets past the checks.
func (w *surroundings) goodOpened() *channeldmsg.Opened {
	m := &channeldmsg.Opened{Seq: 1, Snapshot: ownSnapshot, ChannelID: wire.NewChannelID([32]byte{9}, 0), ChannelType: testRow(1, false).ChannelType}
	m.Setup.FundingTxid, m.Setup.FundingSats, m.MinimumDepth = [32]byte{9}, 1e6, w.n.policy.FundingConfirms
	return m
}

// FuzzHostileConnectd plays connectd.
func FuzzHostileConnectd(f *testing.F) {
	fuzz(f, hostile.FromConnectd, func(w *surroundings, in []byte) {
		w.utter(w.connectd, hostile.NewSource(in, w.vocabulary()), hostile.FromConnectd)
		w.settled(w.connectd)
		w.listed(bobID)
	})
}

// FuzzHostileGossipd plays gossipd.
func FuzzHostileGossipd(f *testing.F) {
	fuzz(f, hostile.FromGossipd, func(w *surroundings, in []byte) {
		w.connect()
		w.utter(w.gossipd, hostile.NewSource(in, w.vocabulary()), hostile.FromGossipd)
		w.settled(w.gossipd)
		w.listed(bobID)
	})
}
