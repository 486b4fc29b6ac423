package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fulmen/internal/daemontest"
	"fulmen/internal/ecdh"
	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/keys"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

// patience is for anything that a test waits for.
const patience = 20 * time.Second

// programs is the folder of connectd.
var programs string

func TestMain(m *testing.M) { os.Exit(daemontest.Run(m, &programs, "fulmen/cmd/connectd")) }

// testNode is a real connectd process among a lightningd, an hsmd and a gossipd that the test plays.
type testNode struct {
	t       *testing.T
	name    string
	id      keys.PubKey
	addr    string
	child   *subd.Child
	gossip  *ipc.Conn
	reports chan ipc.Message // what connectd tells lightningd
	rumours chan ipc.Message // what it tells gossipd
}

// secretOf is a node key for tests.
func secretOf(name string) (secret keys.Secret) {
	copy(secret[:], name)
	return secret
}

func publicOf(t testing.TB, name string) keys.PubKey {
	secret := secretOf(name)
	priv, err := ecdh.ParseScalar(&secret)
	if err != nil {
		t.Fatal(err)
	}
	return ecdh.PubKeyOf(&priv)
}

func sharedOf(name string) func(keys.PubKey) (keys.Secret, error) {
	return func(p keys.PubKey) (keys.Secret, error) {
		secret := secretOf(name)
		priv, err := ecdh.ParseScalar(&secret)
		if err != nil {
			return keys.Secret{}, err
		}
		point, err := ecdh.ParsePoint(p)
		if err != nil {
			return keys.Secret{}, err
		}
		return ecdh.Shared(&priv, &point), nil
	}
}

func pair(t testing.TB) (ours *ipc.Conn, theirs *os.File) {
	a, b, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	ours = ipc.NewConn(a)
	t.Cleanup(func() { ours.Close() })
	return ours, b
}

// startNode spawns a connectd that listens on loopback, with orders as dev-disconnect has them.
func startNode(t *testing.T, name string, disconnects ...string) *testNode {
	n := &testNode{t: t, name: name, id: publicOf(t, name), reports: make(chan ipc.Message, 1000), rumours: make(chan ipc.Message, 1000)}
	hsm, hsmFd := pair(t)
	go serveECDH(hsm, name)
	gossip, gossipFd := pair(t)
	n.gossip = gossip
	go n.readGossip()
	child, err := subd.Spawn(subd.Spec{
		Name: "connectd", Path: filepath.Join(programs, "connectd"), Links: []*os.File{hsmFd, gossipFd}, LogLevel: slog.LevelDebug, Handle: n.hear,
		OnLog: func(l *ipc.Log) { fmt.Fprintln(os.Stderr, name, l.Message, l.Attrs) },
		OnExit: func(e subd.Exit) {
			if !e.Asked {
				fmt.Fprintf(os.Stderr, "connectd of %s: %s\n%s\n", name, e.Reason, e.Detail)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.child = child
	t.Cleanup(n.stop)
	var reply connectdmsg.InitReply
	n.request(&connectdmsg.Init{
		GossipMillis: 20,
		NodeID:       n.id, ChainHash: [32]byte{1}, Features: features.Ours(features.Init), Listen: []string{"127.0.0.1:0"},
		DevAllowLocalhost: true, DevDisconnect: disconnects,
	}, &reply)
	n.addr = reply.Bound[0]
	return n
}

func (n *testNode) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.child.Stop(ctx); err != nil {
		n.t.Errorf("stop connectd of %s: %v", n.name, err)
	}
}

// serveECDH is all that connectd needs of hsmd.
func serveECDH(link *ipc.Conn, name string) {
	shared := sharedOf(name)
	table := ipc.Table[struct{}]{hsmdmsg.TypeECDH: {Do: func(_ *struct{}, f *ipc.Frame) (ipc.Message, []*os.File, error) {
		var m hsmdmsg.ECDH
		if err := f.Decode(&m); err != nil {
			return nil, nil, err
		}
		reply := new(hsmdmsg.ECDHReply)
		for _, p := range m.Points {
			secret, err := shared(p)
			reply.Results = append(reply.Results, hsmdmsg.ECDHResult{SharedSecret: secret, BadPoint: err != nil})
		}
		return reply, nil, nil
	}}}
	table.Serve(link, &struct{}{}, 0) // until the test closes it
}

// hear takes connectd's reports.
func (n *testNode) hear(f *ipc.Frame) error {
	return decodeTo(n.reports, f, new(connectdmsg.PeerConnected), new(connectdmsg.PeerDisconnected), new(connectdmsg.PeerSent))
}

func (n *testNode) readGossip() {
	for {
		f, err := n.gossip.Recv()
		if err != nil {
			return
		}
		if err := decodeTo(n.rumours, &f, new(gossipmsg.PeerUp), new(gossipmsg.PeerDown), new(gossipmsg.PeerGossip)); err != nil {
			n.t.Error(err)
			return
		}
	}
}

func decodeTo(to chan<- ipc.Message, f *ipc.Frame, kinds ...ipc.Message) error {
	for _, m := range kinds {
		if m.IPCType() == f.Type {
			if err := f.Decode(m); err != nil {
				return err
			}
			to <- m
			return nil
		}
	}
	return fmt.Errorf("unexpected message type %d", f.Type)
}

func (n *testNode) request(m, reply ipc.Message) {
	n.t.Helper()
	if err := n.tryRequest(m, reply); err != nil {
		n.t.Fatalf("%s: %T: %v", n.name, m, err)
	}
}

func (n *testNode) tryRequest(m, reply ipc.Message) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := n.child.Request(ctx, m, reply)
	return err
}

func (n *testNode) order(m ipc.Message, fds ...*os.File) {
	n.t.Helper()
	if err := n.child.Send(m, fds...); err != nil {
		n.t.Fatalf("%s: %T: %v", n.name, m, err)
	}
}

// next is the next message of a kind from a channel of them; another kind fails the test.
func next[M ipc.Message](t *testing.T, from <-chan ipc.Message) M {
	t.Helper()
	select {
	case m := <-from:
		got, ok := m.(M)
		if !ok {
			t.Fatalf("have %T %+v, want %T", m, m, got)
		}
		return got
	case <-time.After(patience):
		var want M
		t.Fatalf("no %T came", want)
		return want
	}
}

// channeld is a channel's process that the test plays.
type channeld struct {
	t    *testing.T
	link *ipc.Conn
}

// attach hands connectd a channel's end.
func (n *testNode) attach(c *connectdmsg.PeerConnected, id wire.ChannelID) *channeld {
	n.t.Helper()
	link, fd := pair(n.t)
	n.order(&connectdmsg.AttachChannel{ID: c.ID, Conn: c.Conn, ChannelID: id}, fd)
	return &channeld{n.t, link}
}

func (c *channeld) send(msgs ...[]byte) {
	c.t.Helper()
	if err := c.link.Send(&peermsg.Messages{Wire: msgs}); err != nil {
		c.t.Errorf("channeld sends: %v", err)
	}
}

// recv is what the next frame carries.
func (c *channeld) recv() ([][]byte, error) {
	f, err := c.link.Recv()
	if err != nil {
		return nil, err
	}
	var m peermsg.Messages
	return m.Wire, f.Decode(&m)
}

// want reads until all messages came.
func (c *channeld) want(msgs ...[]byte) {
	c.t.Helper()
	for len(msgs) > 0 {
		got, err := c.recv()
		if err != nil {
			c.t.Fatalf("channeld waits for %x: %v", msgs[0], err)
		}
		for _, msg := range got {
			if len(msgs) == 0 || string(msg) != string(msgs[0]) {
				c.t.Fatalf("channeld has %x, want %x", msg, msgs)
			}
			msgs = msgs[1:]
		}
	}
}

// link connects two nodes and lets both be served; it returns what each was told.
func link(a, b *testNode) (atA, atB *connectdmsg.PeerConnected) {
	a.t.Helper()
	a.request(&connectdmsg.Connect{ID: b.id, Addrs: []string{b.addr}}, new(connectdmsg.ConnectReply))
	atA, atB = next[*connectdmsg.PeerConnected](a.t, a.reports), next[*connectdmsg.PeerConnected](b.t, b.reports)
	return atA, atB
}

func (n *testNode) serve(c *connectdmsg.PeerConnected) {
	n.t.Helper()
	n.order(&connectdmsg.Serve{ID: c.ID, Conn: c.Conn})
}

// serveAll lets every connection be served as soon as it is reported, until the test ends.
func (n *testNode) serveAll() {
	for {
		select {
		case m := <-n.reports:
			if c, ok := m.(*connectdmsg.PeerConnected); ok {
				n.child.Send(&connectdmsg.Serve{ID: c.ID, Conn: c.Conn})
			}
		case <-n.child.Exited():
			return
		}
	}
}
