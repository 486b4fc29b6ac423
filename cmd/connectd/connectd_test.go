package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/wire"
)

var (
	chanA = wire.ChannelID{0xa}
	chanB = wire.ChannelID{0xb}
)

// channelReady is a short message of one channel; tag makes it one of its own.
func channelReady(id wire.ChannelID, tag byte) []byte {
	return wire.Encode(&wire.ChannelReady{ChannelID: id, SecondPerCommitmentPoint: [33]byte{tag}})
}

func TestConnect(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	var reply connectdmsg.ConnectReply
	alice.request(&connectdmsg.Connect{ID: bob.id, Addrs: []string{bob.addr}}, &reply)
	atAlice, atBob := next[*connectdmsg.PeerConnected](t, alice.reports), next[*connectdmsg.PeerConnected](t, bob.reports)
	if atAlice.ID != bob.id || atAlice.Incoming || atAlice.Addr != bob.addr || atAlice.Conn != reply.Conn || reply.Addr != bob.addr {
		t.Errorf("alice: %+v; reply %+v", atAlice, reply)
	}
	if atBob.ID != alice.id || !atBob.Incoming || !atBob.Features.Equal(features.Ours(features.Init)) {
		t.Errorf("bob: %+v", atBob)
	}
	if atAlice.RemoteAddr != atBob.Addr {
		t.Errorf("bob says that alice is %q, but saw %q", atAlice.RemoteAddr, atBob.Addr)
	}
	// Asked again, from either side, the answer is the same connection.
	var again, back connectdmsg.ConnectReply
	alice.request(&connectdmsg.Connect{ID: bob.id}, &again)
	bob.request(&connectdmsg.Connect{ID: alice.id}, &back)
	if again.Conn != reply.Conn || back.Conn != atBob.Conn || !back.Incoming {
		t.Errorf("again %+v, back %+v", again, back)
	}
}

func TestConnectFails(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	tests := []struct {
		name string
		m    connectdmsg.Connect
		code int32
		want string
	}{
		{"no address", connectdmsg.Connect{ID: bob.id}, connectdmsg.FailNoAddress, "no address"},
		{"name", connectdmsg.Connect{ID: bob.id, Addrs: []string{"localhost:9735"}}, connectdmsg.FailAllAddresses, "looks up no names"},
		{"onion", connectdmsg.Connect{ID: bob.id, Addrs: []string{"abcd.onion:9735"}}, connectdmsg.FailAllAddresses, "needs a proxy"},
		{"no port", connectdmsg.Connect{ID: bob.id, Addrs: []string{"127.0.0.1"}}, connectdmsg.FailAllAddresses, "missing port"},
		{"refused", connectdmsg.Connect{ID: bob.id, Addrs: []string{"127.0.0.1:1"}}, connectdmsg.FailAllAddresses, "refused"},
		{"another node", connectdmsg.Connect{ID: publicOf(t, "carol"), Addrs: []string{bob.addr}}, connectdmsg.FailAllAddresses, "act two: the peer hung up (has it another node_id?)"},
		{"ourselves", connectdmsg.Connect{ID: alice.id, Addrs: []string{alice.addr}}, connectdmsg.FailAllAddresses, "itself"},
	}
	for _, tt := range tests {
		err := alice.tryRequest(&tt.m, new(connectdmsg.ConnectReply))
		var fail *ipc.Fail
		if !errors.As(err, &fail) || fail.Code != tt.code || !strings.Contains(fail.Message, tt.want) {
			t.Errorf("%s: %v, want %d %q", tt.name, err, tt.code, tt.want)
		}
	}
	// A bad address does not keep it from the next.
	alice.request(&connectdmsg.Connect{ID: bob.id, Addrs: []string{"127.0.0.1:1", bob.addr}}, new(connectdmsg.ConnectReply))
}

func TestChannelsTalk(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	atAlice, atBob := link(alice, bob)
	aliceA, aliceB := alice.attach(atAlice, chanA), alice.attach(atAlice, chanB)
	// What comes before Serve waits.
	aliceA.send(channelReady(chanA, 1), channelReady(chanA, 2))
	aliceB.send(channelReady(chanB, 3))
	bobA, bobB := bob.attach(atBob, chanA), bob.attach(atBob, chanB)
	bob.serve(atBob)
	alice.serve(atAlice)
	bobA.want(channelReady(chanA, 1), channelReady(chanA, 2))
	bobB.want(channelReady(chanB, 3))
	bobA.send(channelReady(chanA, 4))
	aliceA.want(channelReady(chanA, 4))

	// An error for one channel, and one for all.
	oneError := wire.Encode(&wire.Error{ChannelID: chanB, Data: []byte("no")})
	allError := wire.Encode(&wire.Error{Data: []byte("never")})
	bobB.send(oneError)
	aliceB.want(oneError)
	bob.order(&connectdmsg.SendPeer{ID: alice.id, Conn: atBob.Conn, Wire: [][]byte{allError}})
	aliceA.want(allError)
	aliceB.want(allError)
	if m := next[*connectdmsg.PeerSent](t, alice.reports); !bytes.Equal(m.Wire, allError) || m.ID != bob.id || m.Conn != atAlice.Conn {
		t.Errorf("lightningd heard %+v", m)
	}

	// The end of a channel's process leaves the others alone; its messages go to lightningd.
	aliceB.link.Close()
	bobB.send(channelReady(chanB, 5))
	bobA.send(channelReady(chanA, 6))
	aliceA.want(channelReady(chanA, 6))
	alice.order(&connectdmsg.Disconnect{ID: bob.id, Conn: atAlice.Conn})
	for _, c := range []*channeld{aliceA, bobA, bobB} {
		if _, err := c.recv(); err != io.EOF {
			t.Errorf("after disconnect: %v", err)
		}
	}
	if m := next[*connectdmsg.PeerDisconnected](t, bob.reports); m.ID != alice.id || m.Reason != "peer closed the connection" {
		t.Errorf("bob: %+v", m)
	}
}

// TestLastWordsOfAProcessGoOut: the order to disconnect comes over another socket than what a channel's process said
// before it ended, and must not overtake it.
func TestLastWordsOfAProcessGoOut(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	var words [][]byte
	for tag := range byte(100) {
		words = append(words, channelReady(chanA, tag))
	}
	for range 10 {
		atAlice, atBob := link(alice, bob)
		aliceA, bobA := alice.attach(atAlice, chanA), bob.attach(atBob, chanA)
		bob.serve(atBob)
		alice.serve(atAlice)
		for _, word := range words {
			aliceA.send(word)
		}
		aliceA.link.Close()
		alice.order(&connectdmsg.Disconnect{ID: bob.id, Conn: atAlice.Conn, Ended: chanA})
		bobA.want(words...)
		if m := next[*connectdmsg.PeerDisconnected](t, alice.reports); m.Conn != atAlice.Conn || m.Reason != "disconnected by us" {
			t.Errorf("alice: %+v", m)
		}
		next[*connectdmsg.PeerDisconnected](t, bob.reports)
	}
}

func TestUnclaimedMessages(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	atAlice, atBob := link(alice, bob)
	alice.serve(atAlice)
	bob.serve(atBob)
	custom := []byte{0x9c, 0x41, 1, 2, 3} // type 40001
	open := wire.Encode(&wire.OpenChannel{TemporaryChannelID: chanA})
	msgs := [][]byte{open, custom, channelReady(chanB, 1)}
	alice.order(&connectdmsg.SendPeer{ID: bob.id, Conn: atAlice.Conn, Wire: msgs})
	for _, want := range msgs {
		if m := next[*connectdmsg.PeerSent](t, bob.reports); !bytes.Equal(m.Wire, want) {
			t.Errorf("have %x, want %x", m.Wire, want)
		}
	}
	// The channel gets a process, which then takes another id.
	channel := bob.attach(atBob, chanA)
	if err := channel.link.Send(&peermsg.AlsoKnownAs{ChannelID: chanB}); err != nil {
		t.Fatal(err)
	}
	accept := wire.Encode(&wire.AcceptChannel{TemporaryChannelID: chanA})
	channel.send(accept)
	if m := next[*connectdmsg.PeerSent](t, alice.reports); !bytes.Equal(m.Wire, accept) {
		t.Errorf("have %x, want %x", m.Wire, accept)
	}
	alice.order(&connectdmsg.SendPeer{ID: bob.id, Conn: atAlice.Conn, Wire: [][]byte{channelReady(chanB, 2)}})
	channel.want(channelReady(chanB, 2))
}

// A channel's process that speaks about another channel is cut off.
func TestChannelProcessKeepsToItsChannel(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	atAlice, atBob := link(alice, bob)
	alice.serve(atAlice)
	bob.serve(atBob)
	good := alice.attach(atAlice, chanA)
	for name, do := range map[string]func(*channeld){
		"other channel": func(c *channeld) { c.send(channelReady(chanA, 1)) },
		"no channel":    func(c *channeld) { c.send(wire.Encode(&wire.Ping{})) },
		"all channels":  func(c *channeld) { c.send(wire.Encode(&wire.Error{})) },
		"no message":    func(c *channeld) { c.send([]byte{1}) },
		"claim":         func(c *channeld) { c.link.Send(&peermsg.AlsoKnownAs{ChannelID: chanA}) },
		"claims": func(c *channeld) {
			for n := range byte(2 * maxClaims) {
				c.link.Send(&peermsg.AlsoKnownAs{ChannelID: wire.ChannelID{99, n}})
			}
		},
		"other link": func(c *channeld) { c.link.Send(&gossipmsg.PeerDown{}) },
	} {
		bad := alice.attach(atAlice, chanB)
		do(bad)
		if _, err := bad.recv(); err != io.EOF {
			t.Errorf("%s: %v, want EOF", name, err)
		}
	}
	good.send(channelReady(chanA, 9))
	if m := next[*connectdmsg.PeerSent](t, bob.reports); !bytes.Equal(m.Wire, channelReady(chanA, 9)) {
		t.Errorf("bob heard %x", m.Wire)
	}
}

func TestReplacedConnection(t *testing.T) {
	bob := startNode(t, "bob")
	first := dialRaw(t, bob, "mallory")
	old := next[*connectdmsg.PeerConnected](t, bob.reports)
	bob.serve(old)
	dialRaw(t, bob, "mallory")
	if m := next[*connectdmsg.PeerDisconnected](t, bob.reports); m.Conn != old.Conn {
		t.Errorf("disconnected %+v", m)
	}
	if m := next[*connectdmsg.PeerConnected](t, bob.reports); m.Conn <= old.Conn || m.ID != old.ID {
		t.Errorf("connected %+v", m)
	}
	first.wantEOF()
	// What is about the old one is dropped, and its descriptor closed.
	if _, err := bob.attach(old, chanA).recv(); err != io.EOF {
		t.Errorf("channel of the old connection: %v", err)
	}
}

func TestPing(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	atAlice, atBob := link(alice, bob)
	alice.serve(atAlice)
	bob.serve(atBob)
	for _, tt := range []struct{ len, pong, want uint16 }{{0, 0, 4}, {128, 100, 104}, {connectdmsg.MaxPing, connectdmsg.MaxPong, 65535}, {1, 65532, 0}} {
		var reply connectdmsg.PingReply
		alice.request(&connectdmsg.Ping{ID: bob.id, Len: tt.len, PongBytes: tt.pong}, &reply)
		if reply.TotLen != tt.want {
			t.Errorf("pong of %d bytes for %d, want %d", reply.TotLen, tt.pong, tt.want)
		}
	}
	if err := alice.tryRequest(&connectdmsg.Ping{ID: publicOf(t, "carol")}, new(connectdmsg.PingReply)); err == nil {
		t.Error("pinged a peer that is not connected")
	}
}

func TestGossip(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	atAlice, atBob := link(alice, bob)
	alice.serve(atAlice)
	bob.serve(atBob)
	if up := next[*gossipmsg.PeerUp](t, bob.rumours); up.ID != alice.id {
		t.Errorf("up %+v", up)
	}
	query := wire.Encode(&wire.QueryChannelRange{NumberOfBlocks: 5})
	if err := alice.gossip.Send(&gossipmsg.PeerGossip{ID: bob.id, Wire: [][]byte{query}}); err != nil {
		t.Fatal(err)
	}
	if m := next[*gossipmsg.PeerGossip](t, bob.rumours); m.ID != alice.id || len(m.Wire) != 1 || !bytes.Equal(m.Wire[0], query) {
		t.Errorf("gossip %+v", m)
	}
	alice.order(&connectdmsg.Disconnect{ID: bob.id})
	if down := next[*gossipmsg.PeerDown](t, bob.rumours); down.ID != alice.id {
		t.Errorf("down %+v", down)
	}
}

// Both sides write far more than all buffers hold, and only then read. Nothing may stand still, and
// nothing get lost or out of order.
func TestBothWriteAtOnce(t *testing.T) {
	alice, bob := startNode(t, "alice"), startNode(t, "bob")
	atAlice, atBob := link(alice, bob)
	a, b := alice.attach(atAlice, chanA), bob.attach(atBob, chanA)
	alice.serve(atAlice)
	bob.serve(atBob)
	const batches, perBatch = 40, 32
	var wg sync.WaitGroup
	for _, c := range []*channeld{a, b} {
		wg.Go(func() { sendNumbered(c, batches, perBatch) })
	}
	wg.Wait()
	for _, c := range []*channeld{a, b} {
		wg.Go(func() { recvNumbered(c, batches*perBatch) })
	}
	wg.Wait()
}

func sendNumbered(c *channeld, batches, perBatch int) {
	n := uint64(0)
	for range batches {
		var msgs [][]byte
		for range perBatch {
			msgs = append(msgs, wire.Encode(&wire.UpdateAddHTLC{ChannelID: chanA, ID: n}))
			n++
		}
		c.send(msgs...)
	}
}

func recvNumbered(c *channeld, total int) {
	for n := 0; n < total; {
		msgs, err := c.recv()
		if err != nil {
			c.t.Errorf("after %d messages: %v", n, err)
			return
		}
		for _, msg := range msgs {
			if got := binary.BigEndian.Uint64(msg[34:]); got != uint64(n) {
				c.t.Errorf("message %d came where %d was due", got, n)
				return
			}
			n++
		}
	}
}

// Both dial each other at the same moment: of the two connections the same one stays on both sides, so
// that in the end they can talk.
func TestBothDialAtOnce(t *testing.T) {
	for range 5 {
		alice, bob := startNode(t, "alice"), startNode(t, "bob")
		var wg sync.WaitGroup
		for _, n := range [][2]*testNode{{alice, bob}, {bob, alice}} {
			go n[0].serveAll()
			wg.Go(func() {
				err := n[0].tryRequest(&connectdmsg.Connect{ID: n[1].id, Addrs: []string{n[1].addr}}, new(connectdmsg.ConnectReply))
				if err != nil {
					t.Errorf("%s connects: %v", n[0].name, err)
				}
			})
		}
		wg.Wait()
		deadline := time.Now().Add(patience)
		for alice.tryRequest(&connectdmsg.Ping{ID: bob.id, PongBytes: 1}, new(connectdmsg.PingReply)) != nil ||
			bob.tryRequest(&connectdmsg.Ping{ID: alice.id, PongBytes: 1}, new(connectdmsg.PingReply)) != nil {
			if time.Now().After(deadline) {
				t.Fatal("no connection is left")
			}
		}
	}
}
