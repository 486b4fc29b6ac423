package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"fulmen/internal/features"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/noise"
	"fulmen/internal/wire"
)

// rawPeer is a peer that the test plays down to the bytes.
type rawPeer struct {
	t *testing.T
	*secured
}

// handshakeRaw connects to a node and does the handshake alone.
func handshakeRaw(t *testing.T, n *testNode, name string) *rawPeer {
	t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	h, err := noise.NewInitiator(publicOf(t, name), n.id, newEphemeral(), sharedOf(name))
	if err != nil {
		t.Fatal(err)
	}
	one, err := h.ActOne()
	if err != nil {
		t.Fatal(err)
	}
	two := make([]byte, noise.ActTwoSize)
	conn.Write(one)
	if _, err := io.ReadFull(conn, two); err != nil {
		t.Fatal(err)
	}
	three, seal, open, err := h.ActThree(two)
	if err != nil {
		t.Fatal(err)
	}
	conn.Write(three)
	return &rawPeer{t, &secured{conn: conn, remote: n.id, seal: seal, open: open}}
}

// dialRaw also exchanges init.
func dialRaw(t *testing.T, n *testNode, name string) *rawPeer {
	t.Helper()
	p := handshakeRaw(t, n, name)
	p.send(wire.Encode(&wire.Init{Features: features.Ours(features.Init)}))
	if _, err := p.readInit(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *rawPeer) send(msgs ...[]byte) {
	p.t.Helper()
	var out []byte
	for _, msg := range msgs {
		var err error
		if out, err = p.seal.Append(out, msg); err != nil {
			p.t.Fatal(err)
		}
	}
	if _, err := p.conn.Write(out); err != nil {
		p.t.Logf("write: %v", err) // it may have been cut off already
	}
}

// wantWarning reads until the connection ends and looks for a warning.
func (p *rawPeer) wantWarning(text string) {
	p.t.Helper()
	found := false
	for {
		raw, err := p.readMessage()
		if err != nil {
			break
		}
		if m, err := wire.Decode(raw); err == nil {
			w, ok := m.(*wire.Warning)
			found = found || ok && strings.Contains(string(w.Data), text)
		}
	}
	if !found {
		p.t.Errorf("no warning about %q before the end", text)
	}
}

func (p *rawPeer) wantEOF() {
	p.t.Helper()
	for {
		if _, err := p.readMessage(); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				p.t.Error("the connection goes on")
			}
			return
		}
	}
}

func TestBOLT1InitRefused(t *testing.T) {
	bob := startNode(t, "bob")
	for name, tt := range map[string]struct {
		first []byte
		want  string
	}{
		"unknown even feature": {wire.Encode(&wire.Init{Features: features.New(100)}), "feature 100"},
		"missing dependency":   {wire.Encode(&wire.Init{GlobalFeatures: features.New(61)}), "without"},
		"another network":      {wire.Encode(&wire.Init{Networks: [][32]byte{{2}}}), "another network"},
	} {
		p := handshakeRaw(t, bob, "mallory")
		p.send(tt.first)
		t.Log(name)
		p.wantWarning(tt.want)
	}
	for _, first := range [][]byte{
		wire.Encode(&wire.Ping{}),      // before init
		wire.Encode(&wire.Error{}),     // instead of it
		{0, 16, 0xff, 0xff},            // cut short
		{0x9c, 0x42},                   // unknown and even
		{0},                            // no message
		bytes.Repeat([]byte{1}, 65535), // unknown and odd, and then nothing: see the timeout
	} {
		p := handshakeRaw(t, bob, "mallory")
		p.send(first)
		if len(first) == 65535 {
			for range maxEarly {
				p.send(first)
			}
		}
		p.wantEOF()
	}
	select {
	case m := <-bob.reports:
		t.Errorf("lightningd heard of it: %+v", m)
	default:
	}
}

func TestHostileHandshakes(t *testing.T) {
	bob := startNode(t, "bob")
	for _, garbage := range [][]byte{
		make([]byte, noise.ActOneSize),
		[]byte("GET / HTTP/1.1\r\nHost: lightning.example.org:9735\r\n\r\n\r\n"),
		bytes.Repeat([]byte{2}, 200),
	} {
		conn, err := net.Dial("tcp", bob.addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(garbage)
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("answer to garbage: %d bytes, %v", n, err)
		}
		conn.Close()
	}
	dialRaw(t, bob, "mallory") // it still listens
	next[*connectdmsg.PeerConnected](t, bob.reports)
}

// Of more connections than may be half open one is closed, and never the newest: there is always room.
func TestHalfOpenLimit(t *testing.T) {
	bob := startNode(t, "bob")
	var conns []net.Conn
	for range maxHalfOpen {
		conn, err := net.Dial("tcp", bob.addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	alice := startNode(t, "alice")
	alice.request(&connectdmsg.Connect{ID: bob.id, Addrs: []string{bob.addr}}, new(connectdmsg.ConnectReply))
	closed := make(chan struct{}, maxHalfOpen)
	for _, conn := range conns {
		go func() {
			conn.SetDeadline(time.Now().Add(patience))
			if _, err := conn.Read(make([]byte, 1)); err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
				closed <- struct{}{}
			}
		}()
	}
	<-closed
	for _, conn := range conns {
		conn.Close()
	}
}

// TestFailedHandshakeIsClosedAtOnce: with no time to part, or whoever sends garbage keeps our descriptors for as long as they
// like.
func TestFailedHandshakeIsClosedAtOnce(t *testing.T) {
	s := newTestServer()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	closed := &closing{Conn: ours, closed: make(chan struct{})}
	if _, err := s.trySetUp(closed, true, func(net.Conn) (*secured, error) { return nil, noise.ErrTag }); !errors.Is(err, noise.ErrTag) {
		t.Error(err)
	}
	select {
	case <-closed.closed:
	default:
		t.Error("it is still open")
	}
}

// closing notes that a connection is closed.
type closing struct {
	net.Conn
	closed chan struct{}
}

func (c *closing) Close() error {
	close(c.closed)
	return c.Conn.Close()
}

// TestPartingIsLimited: of connections that are over, so many wait for their peers, and the others are closed.
func TestPartingIsLimited(t *testing.T) {
	s := &server{parting: make(chan struct{}, 1)}
	s.parting <- struct{}{}
	ours, theirs := net.Pipe()
	defer theirs.Close()
	closed := &closing{Conn: ours, closed: make(chan struct{})}
	s.partFrom(closed)
	<-closed.closed
}

// TestStrangersMakeRoom: when as many as may have connected to us, one that has no channel and is not new goes; those with
// channels stay, and whom we dialled.
func TestStrangersMakeRoom(t *testing.T) {
	s := newTestServer()
	s.maxIncoming = 3
	now := time.Now()
	add := func(n byte, incoming bool, age time.Duration, channel bool) *peer {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		p := newPeer(s, &secured{conn: ours, remote: keys.PubKey{2, n}, seal: sealer(t)}, remoteInit{}, incoming)
		p.since = now.Add(-age)
		if channel {
			p.channels[chanA] = &attachment{}
		}
		s.peers[p.id] = p
		return p
	}
	partner, fresh := add(1, true, time.Hour, true), add(2, true, time.Second, false)
	add(3, false, time.Hour, false)
	if !s.makeRoom(now) {
		t.Error("there is room")
	}
	second := add(4, true, time.Hour, true)
	if s.makeRoom(now) {
		t.Error("nobody can go")
	}
	second.channels = nil
	if !s.makeRoom(now) || !second.isStopping() || partner.isStopping() || fresh.isStopping() {
		t.Errorf("wrong one goes: stranger %t, partner %t, new one %t", second.isStopping(), partner.isStopping(), fresh.isStopping())
	}
}

// TestArrivalsAreLimited: a peer that connects again and again is let in now and then, and takes nothing from others.
func TestArrivalsAreLimited(t *testing.T) {
	a := newArrivals()
	now := time.Unix(1_700_000_000, 0)
	let := func(n byte, times int) (in int) {
		for range times {
			if a.may(keys.PubKey{2, n}, now) {
				in++
			}
		}
		return in
	}
	if got := let(1, 1000); got != arrivalsBurst {
		t.Errorf("%d of 1000 connections, want %d", got, arrivalsBurst)
	}
	if got := let(2, 1); got != 1 {
		t.Error("another is kept out")
	}
	now = now.Add(10 * time.Second)
	if got := let(1, 1000); got != 10*arrivalsRate {
		t.Errorf("%d after ten seconds", got)
	}
	for i := range 2 * maxArrivals {
		a.may(keys.PubKey{3, byte(i), byte(i >> 8)}, now)
	}
	if len(a.of) > maxArrivals {
		t.Errorf("%d are remembered, at most %d", len(a.of), maxArrivals)
	}
}

// newTestServer is a server without its neighbours.
func newTestServer() *server {
	return &server{maxIncoming: maxIncoming, arrivals: newArrivals(), backlog: newBacklog(), peers: map[keys.PubKey]*peer{}, parting: make(chan struct{}, maxParting)}
}

func TestRefusedMessages(t *testing.T) {
	bob := startNode(t, "bob")
	flood := make([][]byte, 2*budgetBurst)
	for i := range flood {
		flood[i] = []byte{0x9c, 0x41}
	}
	pings := make([][]byte, 2*budgetBurst)
	for i := range pings {
		pings[i] = wire.Encode(&wire.Ping{NumPongBytes: 1})
	}
	for _, tt := range []struct {
		msgs [][]byte
		want string
	}{
		{[][]byte{{0x9c, 0x42}}, "unknown even message type 40002"},
		{[][]byte{wire.Encode(&wire.Init{})}, "init came again"},
		{[][]byte{{7}}, "want 2 bytes"},
		{[][]byte{{0, 36, 1, 2}}, "channel_ready of 4 bytes is too short"},
		{[][]byte{{0, 18, 1}}, "ping"},
		{flood, "too many messages"},
		{pings, "too many pings"},
	} {
		p := dialRaw(t, bob, "mallory")
		c := next[*connectdmsg.PeerConnected](t, bob.reports)
		bob.serve(c)
		channel := bob.attach(c, chanA)
		p.send(tt.msgs...)
		p.wantWarning(tt.want)
		if _, err := channel.recv(); err != io.EOF {
			t.Errorf("%s: channel: %v", tt.want, err)
		}
		for {
			m := <-bob.reports
			if _, unclaimed := m.(*connectdmsg.PeerSent); unclaimed {
				continue
			}
			if d, ok := m.(*connectdmsg.PeerDisconnected); !ok || !strings.Contains(d.Reason, tt.want) {
				t.Errorf("%q: %+v", tt.want, m)
			}
			break
		}
	}
}

func TestBadCiphertext(t *testing.T) {
	bob := startNode(t, "bob")
	p := dialRaw(t, bob, "mallory")
	bob.serve(next[*connectdmsg.PeerConnected](t, bob.reports))
	p.conn.Write(make([]byte, 100))
	p.wantEOF()
	if d := next[*connectdmsg.PeerDisconnected](t, bob.reports); !strings.Contains(d.Reason, "bad tag") {
		t.Errorf("%+v", d)
	}
}
