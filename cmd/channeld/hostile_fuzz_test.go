package main

import (
	"log/slog"
	"reflect"
	"runtime"
	"sync"
	"testing"

	"fulmen/internal/channel/channeltest"
	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
)

// FuzzHostileNeighbours plays lightningd, hsmd and connectd with any peer behind it: an error may end
// the process, nothing may make it panic, hang or grow.
func FuzzHostileNeighbours(f *testing.F) {
	both := append(append([]ipc.Message(nil), hostile.ToChanneld...), hostile.Peer...)
	for i := range both {
		for how := range byte(4) {
			for _, fill := range []byte{0, 1, 3, 255} {
				in := []byte{how, byte(i)}
				for range 60 {
					in = append(in, fill, byte(i))
				}
				f.Add(in)
			}
		}
	}
	a, b, err := channeltest.Open("alice", "bob", channeltest.Terms{Cheap: true, Funding: 1e6, ToOpener: 6e8, Feerate: 1000})
	if err != nil {
		f.Fatal(err)
	}
	words := new(hostile.Words)
	words.Numbers(0, 1, 100, 253, 1000, 1e6)
	words.Values(a.Signer.FundingPubKey(), b.Signer.FundingPubKey())
	words.Texts(a.Log.Snapshot, features.Ours(features.Init), make([]byte, 1366), channeltest.Script("x"))
	for _, m := range peersMessages(b.Signer.FundingPubKey()) {
		words.Texts(wire.Encode(m))
	}
	var growth hostile.Growth
	f.Fuzz(func(t *testing.T, in []byte) {
		t.Cleanup(func() { growth.Check(t) }) // when the links of this input are closed
		s := hostile.NewSource(in, words)
		sh, links := hostileShell(t, s)
		setup := &channeldmsg.Setup{NodeID: a.Signer.FundingPubKey(), PeerID: b.Signer.FundingPubKey(), Height: 100}
		switch s.Below(4) {
		case 0:
			setup.Resume = &channeldmsg.Resume{Snapshot: a.Log.Snapshot}
		case 1:
			setup.Open = &channeldmsg.Open{Funding: 1e6, Feerate: 1000}
		case 2:
			setup.Accept = &channeldmsg.Accept{OpenChannel: wire.Encode(peersMessages(b.Signer.FundingPubKey())[0])}
		default:
			s.Fill(setup)
		}
		sh.setup, sh.height, sh.fees = setup, setup.Height, setup.Policy.Close
		for range 50 {
			if s.Done() {
				break
			}
			m := s.Message(both)
			link := links.lightningd
			if reflect.TypeOf(m).Elem().PkgPath() == "fulmen/internal/ipc/peermsg" {
				link = links.peer
			}
			links.said.Go(func() { link.Send(m) }) // in an order that the socket's size decides when they are large
		}
		hostile.Within(t, "run", func() { runHostile(sh, links) })
	})
}

// peersMessages are what a peer of this name would send, one of each kind that matters.
func peersMessages(key keys.PubKey) []wire.Message {
	return []wire.Message{
		&wire.OpenChannel{
			FundingSatoshis: 1e6, FundingPubkey: key, RevocationBasepoint: key, PaymentBasepoint: key, DelayedPaymentBasepoint: key,
			HTLCBasepoint: key, FirstPerCommitmentPoint: key, FeeratePerKw: 1000, MaxAcceptedHTLCs: 30,
		},
		&wire.AcceptChannel{
			FundingPubkey: key, RevocationBasepoint: key, PaymentBasepoint: key, DelayedPaymentBasepoint: key, HTLCBasepoint: key,
			FirstPerCommitmentPoint: key, MaxAcceptedHTLCs: 30,
		},
		&wire.ChannelReestablish{NextCommitmentNumber: 1, MyCurrentPerCommitmentPoint: key}, &wire.ChannelReady{SecondPerCommitmentPoint: key},
		&wire.UpdateAddHTLC{AmountMsat: 1000, CLTVExpiry: 200}, &wire.CommitmentSigned{}, &wire.RevokeAndAck{NextPerCommitmentPoint: key},
		&wire.Shutdown{ScriptPubkey: channeltest.Script("y")}, &wire.ClosingSigned{FeeSatoshis: 500}, &wire.Error{Data: []byte("x")},
	}
}

// neighbours are the other ends of a channeld's links.
type neighbours struct {
	lightningd, hsmd, peer *ipc.Conn
	said                   sync.WaitGroup // what the input says is written, or the link is closed
}

// hostileShell is a shell whose hsmd answers with what the input says.
func hostileShell(t *testing.T, s *hostile.Source) (*shell, *neighbours) {
	ends, ours := new(neighbours), new(neighbours)
	for _, link := range []struct{ theirs, ours **ipc.Conn }{
		{&ends.lightningd, &ours.lightningd}, {&ends.hsmd, &ours.hsmd}, {&ends.peer, &ours.peer},
	} {
		a, b, err := ipc.Pair()
		if err != nil {
			t.Fatal(err)
		}
		*link.theirs, *link.ours = ipc.NewConn(a), ipc.NewConn(b)
		t.Cleanup(func() { (*link.theirs).Close(); (*link.ours).Close() })
	}
	var replies []ipc.Message
	for i := range hostile.FromHsmd {
		replies = append(replies, s.Message(hostile.FromHsmd[i:i+1]))
	}
	go answer(ends.hsmd, replies)
	go drain(ends.peer)
	return &shell{
		log: slog.New(slog.DiscardHandler), lightningd: ours.lightningd, hsmd: hsmd{ours.hsmd}, peer: ours.peer,
		in: newInbox(), held: make(map[uint64]held),
	}, ends
}

func answer(hsmd *ipc.Conn, replies []ipc.Message) {
	for {
		f, err := hsmd.Recv()
		if err != nil {
			return
		}
		for _, r := range replies {
			if r.IPCType() == f.Type+1 && hsmd.Reply(f.ID, r) != nil {
				return
			}
		}
	}
}

func drain(c *ipc.Conn) {
	for {
		if _, err := c.Recv(); err != nil {
			return
		}
	}
}

// runHostile is main's loop, with an end where the process would end. All that is to be stored is.
func runHostile(sh *shell, ends *neighbours) {
	var readers sync.WaitGroup
	readers.Go(func() { sh.in.readOrders(sh.lightningd); sh.in.giveUp() })
	readers.Go(func() { sh.in.readPeer(sh.peer); sh.in.giveUp() })
	go func() {
		for {
			f, err := ends.lightningd.Recv()
			if err != nil {
				return
			}
			if f.Type == channeldmsg.TypeStore || f.Type == channeldmsg.TypeOpened {
				ends.lightningd.Send(&channeldmsg.Stored{Seq: 1 << 60})
			}
		}
	}()
	if sh.begin() == nil {
		go func() { ends.said.Wait(); ends.peer.CloseWrite() }() // which need that turns take what is there
		for !sh.ended {
			if sh.turn() != nil {
				break
			}
		}
	}
	ends.lightningd.Close()
	sh.peer.Close()
	// A process would end here. What the peer has sent already keeps readPeer busy until it is taken.
	over := make(chan struct{})
	go func() { readers.Wait(); close(over) }()
	for {
		select {
		case <-over:
			return
		default:
			sh.in.drop()
			runtime.Gosched()
		}
	}
}

// drop forgets what the peer has sent.
func (in *inbox) drop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.peer = nil
	in.changed.Broadcast()
}

// giveUp lets nobody wait any more: a link has ended, and with it the process.
func (in *inbox) giveUp() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stored, in.peerGone = 1<<64-1, true
	in.changed.Broadcast()
}
