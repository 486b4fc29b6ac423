package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"fulmen/internal/features"
	"fulmen/internal/ipc/connectdmsg"
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

// More connections than may be half open are closed at once; when the others are gone, there is room.
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
	over, err := net.Dial("tcp", bob.addr)
	if err != nil {
		t.Fatal(err)
	}
	over.SetDeadline(time.Now().Add(patience))
	if _, err := over.Read(make([]byte, 1)); err != io.EOF && !strings.Contains(err.Error(), "reset") {
		t.Errorf("one too many: %v", err)
	}
	for _, conn := range conns {
		conn.Close()
	}
	alice := startNode(t, "alice")
	deadline := time.Now().Add(patience)
	for alice.tryRequest(&connectdmsg.Connect{ID: bob.id, Addrs: []string{bob.addr}}, new(connectdmsg.ConnectReply)) != nil {
		if time.Now().After(deadline) {
			t.Fatal("no room again")
		}
	}
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
