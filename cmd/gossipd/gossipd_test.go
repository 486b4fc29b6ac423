package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fulmen/internal/daemontest"
	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

// programs is the folder of gossipd.
var programs string

func TestMain(m *testing.M) { os.Exit(daemontest.Run(m, &programs, "fulmen/cmd/gossipd")) }

const patience = 20 * time.Second

// suite is a gossipd among a lightningd, an hsmd and a connectd that the test plays.
type suite struct {
	child    *subd.Child
	connectd *ipc.Conn
	reports  chan ipc.Message
	exits    chan subd.Exit

	storePath string
}

// The points of 1, 2 and 3 times the generator: three nodes.
var (
	alice = mustParse("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
	bob   = mustParse("02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5")
)

func mustParse(s string) keys.PubKey {
	p, err := keys.ParsePubKey(s)
	if err != nil {
		panic(err)
	}
	return p
}

var signature = keys.Signature{1, 63: 2}

func start(t *testing.T) *suite {
	t.Helper()
	return startWith(t, filepath.Join(t.TempDir(), "gossip_store"))
}

// startWith starts with a store that may be there already.
func startWith(t *testing.T, storePath string) *suite {
	t.Helper()
	hsmd, hsmdFd := pair(t)
	connectd, connectdFd := pair(t)
	s := &suite{connectd: connectd, reports: make(chan ipc.Message, 10), exits: make(chan subd.Exit, 1), storePath: storePath}
	go signAll(hsmd, signature)
	child, err := subd.Spawn(subd.Spec{
		Name: "gossipd", Path: filepath.Join(programs, "gossipd"), Links: []*os.File{hsmdFd, connectdFd},
		Handle: s.hear, OnExit: func(e subd.Exit) { s.exits <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.child = child
	t.Cleanup(child.Kill)
	store, err := os.OpenFile(s.storePath, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Send(&gossipdmsg.Init{NodeID: alice, ChainHash: [32]byte{1}}, store); err != nil {
		t.Fatal(err)
	}
	return s
}

func pair(t *testing.T) (ours *ipc.Conn, theirs *os.File) {
	t.Helper()
	a, b, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	ours = ipc.NewConn(a)
	t.Cleanup(func() { ours.Close() })
	return ours, b
}

// signAll plays hsmd.
func signAll(hsmd *ipc.Conn, sig keys.Signature) {
	for {
		f, err := hsmd.Recv()
		if err != nil {
			return
		}
		var reply ipc.Message = &hsmdmsg.SignChannelUpdateReply{Signature: sig}
		if f.Type == hsmdmsg.TypeSignNodeAnnouncement {
			reply = &hsmdmsg.SignNodeAnnouncementReply{Signature: sig}
		}
		if hsmd.Reply(f.ID, reply) != nil {
			return
		}
	}
}

func (s *suite) hear(f *ipc.Frame) error {
	for _, m := range []ipc.Message{new(gossipdmsg.OwnUpdate), new(gossipdmsg.PeerUpdate), new(gossipdmsg.BadPeer), new(gossipdmsg.NewStore), new(gossipdmsg.UseStore)} {
		if f.Type == m.IPCType() {
			err := f.Decode(m)
			s.reports <- m
			return err
		}
	}
	return fmt.Errorf("message type %d", f.Type)
}

// report waits for what lightningd hears next.
func (s *suite) report(t *testing.T) ipc.Message {
	t.Helper()
	select {
	case m := <-s.reports:
		return m
	case e := <-s.exits:
		t.Fatalf("gossipd ended: %s\n%s", e.Reason, e.Detail)
	case <-time.After(patience):
		t.Fatal("no report")
	}
	return nil
}

// toPeer waits for what connectd is to send to the peer.
func (s *suite) toPeer(t *testing.T) *gossipmsg.PeerGossip {
	t.Helper()
	f, err := s.connectd.Recv()
	if err != nil {
		t.Fatal(err)
	}
	m := new(gossipmsg.PeerGossip)
	if err := f.Decode(m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGossipd(t *testing.T) {
	s := start(t)
	channel := gossip.Channel{
		ChannelID: wire.ChannelID{5}, PeerID: bob, RemoteAlias: 77, LocalAlias: 88, Capacity: 100_000,
		Policy: gossip.Policy{CLTVExpiryDelta: 6, HTLCMaximum: 99_000_000},
	}
	if err := s.child.Send(&gossipdmsg.SetChannel{Channel: channel}); err != nil {
		t.Fatal(err)
	}
	own, ok := s.report(t).(*gossipdmsg.OwnUpdate)
	if !ok || own.ChannelID != channel.ChannelID {
		t.Fatalf("report %+v", own)
	}
	msg, err := wire.Decode(own.Update)
	if err != nil {
		t.Fatal(err)
	}
	if u := msg.(*wire.ChannelUpdate); u.Signature != signature || u.ShortChannelID != 77 || u.ChainHash != [32]byte{1} {
		t.Errorf("our update is %+v", u)
	}

	if err := s.connectd.Send(&gossipmsg.PeerUp{ID: bob}); err != nil {
		t.Fatal(err)
	}
	if m := s.toPeer(t); m.ID != bob || len(m.Wire) != 1 || !bytes.Equal(m.Wire[0], own.Update) {
		t.Errorf("to the peer: %+v, want our update", m)
	}
	filter, err := wire.Decode(s.toPeer(t).Wire[0])
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := filter.(*wire.GossipTimestampFilter); !ok || f.FirstTimestamp != 0xffffffff || f.TimestampRange != 0 {
		t.Errorf("to a peer that is not worth asking: %+v, want a filter that lets nothing through", filter)
	}
	query := wire.Encode(&wire.QueryChannelRange{ChainHash: [32]byte{1}, NumberOfBlocks: 9})
	forged := wire.Encode(&wire.ChannelUpdate{
		ChainHash: [32]byte{1}, ShortChannelID: 88, Timestamp: 1, ChannelFlags: wire.ChannelFlagDirection, HTLCMaximumMsat: 1,
	})
	if err := s.connectd.Send(&gossipmsg.PeerGossip{ID: bob, Wire: [][]byte{query, forged}}); err != nil {
		t.Fatal(err)
	}
	answer, err := wire.Decode(s.toPeer(t).Wire[0])
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := answer.(*wire.ReplyChannelRange); !ok || r.NumberOfBlocks != 9 || r.SyncComplete != 1 {
		t.Errorf("answer %+v", answer)
	}
	if bad, ok := s.report(t).(*gossipdmsg.BadPeer); !ok || bad.ID != bob || bad.Reason == "" {
		t.Errorf("report %+v, want a bad peer", bad)
	}
	s.stop(t)
}

func (s *suite) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.child.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if e := <-s.exits; !e.Clean {
		t.Errorf("exit %+v", e)
	}
}

func TestGossipdEndsWithConnectd(t *testing.T) {
	s := start(t)
	s.connectd.Close()
	if e := <-s.exits; !e.Clean || e.Asked {
		t.Errorf("exit %+v", e)
	}
}

func TestGossipdEndsOnGarbage(t *testing.T) {
	s := start(t)
	if err := s.child.Send(&gossipdmsg.BadPeer{}); err != nil {
		t.Fatal(err)
	}
	want := "read lightningd: message type 644 from lightningd is not an order to gossipd"
	if e := <-s.exits; e.Clean || e.Reason != want {
		t.Errorf("exit %+v, want %q", e, want)
	}
}
