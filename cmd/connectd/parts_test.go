package main

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fulmen/internal/budget"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/keys"
	"fulmen/internal/noise"
	"fulmen/internal/wire"
)

func TestOnSilence(t *testing.T) {
	for _, tt := range []struct {
		silence time.Duration
		asked   bool
		want    idleAction
	}{
		{0, false, idleNothing}, {idlePing - 1, false, idleNothing}, {idlePing, false, idleAsk}, {idlePing, true, idleNothing},
		{idleDead - 1, true, idleNothing}, {idleDead, true, idleGiveUp},
		{time.Hour, false, idleAsk}, // as after the machine slept: ask first
	} {
		if got := onSilence(tt.silence, tt.asked); got != tt.want {
			t.Errorf("%s, asked %v: %d, want %d", tt.silence, tt.asked, got, tt.want)
		}
	}
}

func TestBOLT7AddressDescriptors(t *testing.T) {
	for _, tt := range []struct {
		addr, want string
		private    bool
	}{
		{"203.0.113.7:9735", "203.0.113.7:9735", false},
		{"[2001:db8::1]:9735", "[2001:db8::1]:9735", false},
		{"[::ffff:203.0.113.7]:9735", "203.0.113.7:9735", false},
		{"127.0.0.1:9735", "", false},
		{"127.0.0.1:9735", "127.0.0.1:9735", true},
		{"192.168.1.1:9735", "", false},
		{"[fe80::1]:9735", "", false},
		{"[fd00::1]:9735", "", false},
	} {
		addr, err := net.ResolveTCPAddr("tcp", tt.addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseDescriptor(describeAddr(addr, tt.private)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.addr, got, tt.want)
		}
	}
	for _, bad := range [][]byte{nil, {1}, {1, 1, 2, 3, 4, 5}, {2, 1, 2, 3, 4, 5, 6}, {5, 1, 'a', 0, 1}} {
		if got := parseDescriptor(bad); got != "" {
			t.Errorf("%x: %q", bad, got)
		}
	}
	if d := describeAddr(&net.UnixAddr{}, true); d != nil {
		t.Errorf("a socket that is no TCP: %x", d)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{"": "", "no funds": "no funds", "\x1b[2J": "1b5b324a", "é": "c3a9"} {
		if got := printable([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := printable([]byte(strings.Repeat("x", 70000))); len(got) != 500 {
		t.Errorf("%d bytes of text", len(got))
	}
}

func TestResize(t *testing.T) {
	for name, tt := range map[string]struct{ size, have, n, needs, want int }{
		"quiet":               {minRead, 0, 100, noise.HeaderSize, minRead},
		"reads fill it":       {minRead, 10, minRead - 10, noise.HeaderSize, 2 * minRead},
		"no more than enough": {maxRead, 0, maxRead, noise.HeaderSize, maxRead},
		"quiet again":         {maxRead, 0, 100, noise.HeaderSize, minRead},
		"something is left":   {maxRead, 5, 100, noise.HeaderSize, maxRead},
		"large message":       {minRead, 20, 100, noise.MaxFrame, noise.MaxFrame},
	} {
		buf := make([]byte, tt.size)
		copy(buf, "left over from before")
		got := resize(buf, tt.have, tt.n, tt.needs)
		if len(got) != tt.want || !bytes.Equal(got[:tt.have], buf[:tt.have]) {
			t.Errorf("%s: %d bytes, want %d", name, len(got), tt.want)
		}
	}
}

// Two nodes that dial each other at the same time keep the same one of their two connections.
func TestPrefersOldAgreesOnBothSides(t *testing.T) {
	low, high := keys.PubKey{2, 1}, keys.PubKey{2, 2}
	now := time.Now()
	for _, lowDialledFirst := range []bool{true, false} {
		atLow := &server{nodeID: low}
		atHigh := &server{nodeID: high}
		// Each side sees both connections, in either order; the one that low dialled has to win.
		byLow := &peer{id: high, since: now}
		byHigh := &peer{id: high, since: now.Add(time.Second), incoming: true}
		if !lowDialledFirst {
			byLow.since, byHigh.since = byHigh.since, byLow.since
		}
		if !atLow.prefersOld(byLow, byHigh) || atLow.prefersOld(byHigh, byLow) {
			t.Errorf("low dialled first %v: the lower node keeps the other one", lowDialledFirst)
		}
		seenByLow := &peer{id: low, since: byLow.since, incoming: true}
		seenByHigh := &peer{id: low, since: byHigh.since}
		if !atHigh.prefersOld(seenByLow, seenByHigh) || atHigh.prefersOld(seenByHigh, seenByLow) {
			t.Errorf("low dialled first %v: the higher node keeps the other one", lowDialledFirst)
		}
	}
	s := &server{nodeID: low}
	old := &peer{id: high, since: now}
	if s.prefersOld(old, &peer{id: high, since: now.Add(2 * crossing), incoming: true}) {
		t.Error("an old connection keeps a new one out")
	}
	if s.prefersOld(old, &peer{id: high, since: now}) {
		t.Error("of two connections that we dialled the older stays")
	}
}

// sealer is one end's cipher; nobody decrypts.
func sealer(t *testing.T) *noise.Sealer {
	i, err := noise.NewInitiator(publicOf(t, "a"), publicOf(t, "b"), secretOf("e"), sharedOf("a"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := noise.NewResponder(publicOf(t, "b"), secretOf("f"), sharedOf("b"))
	if err != nil {
		t.Fatal(err)
	}
	one, err := i.ActOne()
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.ActTwo(one)
	if err != nil {
		t.Fatal(err)
	}
	_, seal, _, err := i.ActThree(two)
	if err != nil {
		t.Fatal(err)
	}
	return seal
}

// stall leaves the outbox in the middle of writing a large message, which it returns.
func stall(t *testing.T, o *outbox, theirs net.Conn) []byte {
	msg := make([]byte, noise.MaxMessage)
	o.queue(msg)
	if _, err := theirs.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return msg
}

// A peer that does not read costs a bounded amount of memory, and lightningd no time.
func TestOutboxGivesUpOnSlowPeer(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	o := newOutbox(ours, sealer(t), newBacklog(), nil, slog.New(slog.DiscardHandler))
	msg := stall(t, o, theirs)
	for range outboxStuck/len(msg) + 2 {
		o.queue(msg)
	}
	if err := o.drained(); err != errSlowPeer {
		t.Errorf("the outbox ends with %v", err)
	}
	if err := o.send(msg); err != errSlowPeer {
		t.Errorf("send after the end: %v", err)
	}
	if _, err := ours.Write(nil); err != io.ErrClosedPipe {
		t.Errorf("the connection is still open: %v", err)
	}
}

// Peers that do not read cost a bounded amount of memory together, and those that do read nothing.
func TestOutboxesShareMemory(t *testing.T) {
	all := &backlog{most: 1 << 20}
	waiting := func() (bytes, outboxes int) {
		all.mu.Lock()
		defer all.mu.Unlock()
		return all.bytes, all.outboxes
	}
	msg := make([]byte, noise.MaxMessage)
	var slow []*outbox
	for range 24 {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		slow = append(slow, newOutbox(ours, sealer(t), all, nil, slog.New(slog.DiscardHandler)))
	}
	ours, theirs := net.Pipe()
	reads := newOutbox(ours, sealer(t), all, nil, slog.New(slog.DiscardHandler))
	go io.Copy(io.Discard, theirs)
	for range 20 {
		for _, o := range slow {
			o.queue(msg)
		}
		if err := reads.send(msg); err != nil {
			t.Fatalf("who reads: %v", err)
		}
		if got, _ := waiting(); got > all.most+(len(slow)+1)*(len(msg)+noise.Overhead) {
			t.Fatalf("%d bytes wait", got)
		}
	}
	gone := 0
	for _, o := range slow {
		o.stop()
		o.conn.Close()
		if o.drained() == errSlowPeer {
			gone++
		}
	}
	if gone == 0 {
		t.Error("nobody was given up")
	}
	reads.stop()
	err := reads.drained()
	if bytes, outboxes := waiting(); err != nil || bytes != 0 || outboxes != 0 {
		t.Errorf("%v; in the end %d bytes of %d outboxes", err, bytes, outboxes)
	}
}

// TestPongsShareMemory: peers that ping and do not read are given up like others that do not read.
func TestPongsShareMemory(t *testing.T) {
	all := &backlog{most: 1 << 20}
	var silent []*peer
	for range 8 {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		log := slog.New(slog.DiscardHandler)
		p := &peer{out: newOutbox(ours, sealer(t), all, nil, log), budget: budget.New(budgetBurst, budgetRate, time.Now()), log: log}
		stall(t, p.out, theirs)
		silent = append(silent, p)
	}
	ping := &wire.Ping{NumPongBytes: connectdmsg.MaxPong}
	for range 50 {
		for _, p := range silent {
			if err := p.takePing(ping); err != nil {
				t.Fatal(err)
			}
		}
		all.mu.Lock()
		got := all.bytes
		all.mu.Unlock()
		if most := all.most + len(silent)*noise.MaxFrame; got > most {
			t.Fatalf("%d bytes wait, at most %d", got, most)
		}
	}
}

func TestOutboxDrains(t *testing.T) {
	ours, theirs := net.Pipe()
	o := newOutbox(ours, sealer(t), newBacklog(), nil, slog.New(slog.DiscardHandler))
	msg := make([]byte, 1000)
	for range 10 {
		o.queue(msg)
	}
	o.stop()
	if err := o.send(msg); err != errClosing {
		t.Errorf("send after stop: %v", err)
	}
	got := make([]byte, 10*(len(msg)+noise.Overhead))
	if _, err := io.ReadFull(theirs, got); err != nil {
		t.Fatal(err)
	}
	if err := o.drained(); err != nil {
		t.Error(err)
	}
}

// A sender that waits for room is woken when the connection ends.
func TestOutboxWakesWaiting(t *testing.T) {
	ours, theirs := net.Pipe()
	o := newOutbox(ours, sealer(t), newBacklog(), nil, slog.New(slog.DiscardHandler))
	msg := stall(t, o, theirs)
	for range outboxFull/len(msg) + 2 {
		o.queue(msg)
	}
	waiting := make(chan error)
	go func() { waiting <- o.send(msg) }()
	theirs.Close()
	if err := <-waiting; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the waiting sender has %v", err)
	}
}

// socks is a SOCKS5 proxy that says yes once and reports what was asked of it.
func socks(l net.Listener) (asked string, err error) {
	conn, err := l.Accept()
	if err != nil {
		return "", err
	}
	defer conn.Close()
	hello := make([]byte, 3)
	if _, err := io.ReadFull(conn, hello); err != nil {
		return "", err
	}
	conn.Write([]byte{5, 0})
	head := make([]byte, 5) // version, connect, 0, name, its length
	if _, err := io.ReadFull(conn, head); err != nil {
		return "", err
	}
	name := make([]byte, int(head[4])+2)
	if _, err := io.ReadFull(conn, name); err != nil {
		return "", err
	}
	conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return string(name[:head[4]]), nil
}

func TestDialThroughProxy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, d := range []struct {
		dialer
		name string
	}{
		{dialer{proxy: l.Addr().String()}, "abcdefghijklmnop.onion"},
		{dialer{proxy: l.Addr().String(), always: true}, "node.example.org"},
	} {
		asked := make(chan string, 1)
		go func() {
			name, err := socks(l)
			if err != nil {
				t.Error(err)
			}
			asked <- name
		}()
		conn, err := d.dial(t.Context(), d.name+":9735")
		if err != nil {
			t.Fatal(err)
		}
		if got := newPeer(newTestServer(), &secured{conn: conn}, remoteInit{}, false).addr; got != d.name+":9735" {
			t.Errorf("the peer at %s is said to be at %s", d.name, got)
		}
		conn.Close()
		if got := <-asked; got != d.name {
			t.Errorf("the proxy was asked for %q, want %q", got, d.name)
		}
	}
}

func TestListenAllOrNone(t *testing.T) {
	l, bound, err := listenAll([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer l[0].Close()
	if _, _, err := listenAll([]string{"127.0.0.1:0", bound[0]}); err == nil || !strings.Contains(err.Error(), bound[0]) {
		t.Errorf("bound twice: %v", err)
	}
}

// comer is a connection from an address.
type comer struct {
	net.Conn
	addr   net.Addr
	closed bool
}

func (c *comer) RemoteAddr() net.Addr { return c.addr }
func (c *comer) Close() error         { c.closed = true; return nil }

func TestHalfOpenCountsByPlace(t *testing.T) {
	h := halfOpen{each: make(map[netip.Prefix]int)}
	var all []*comer
	from := make(map[string][]*newcomer)
	enter := func(n int, ip string) (entered int) {
		for range n {
			c := &comer{addr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 1))}
			if in := h.enter(c); in != nil {
				all = append(all, c)
				from[ip] = append(from[ip], in)
				entered++
			}
		}
		return entered
	}
	for _, tt := range []struct {
		ip   string
		want int
	}{
		{"203.0.113.7", maxHalfOpenEach}, {"::ffff:203.0.113.7", 0}, {"203.0.113.8", maxHalfOpenEach},
		{"2001:db8::1", maxHalfOpenEach}, {"2001:db8::2", 0}, {"2001:db8:0:1::1", maxHalfOpenEach},
		{"127.0.0.1", maxHalfOpen},
	} {
		if got := enter(maxHalfOpen, tt.ip); got != tt.want {
			t.Errorf("%s: %d entered, want %d", tt.ip, got, tt.want)
		}
	}
	closed := 0
	for _, c := range all {
		if c.closed {
			closed++
		}
	}
	if len(h.all) != maxHalfOpen || closed != 4*maxHalfOpenEach || all[len(all)-1].closed {
		t.Errorf("%d are half open, %d were closed, the last %t", len(h.all), closed, all[len(all)-1].closed)
	}
	for _, ip := range []string{"203.0.113.7", "203.0.113.8", "2001:db8::1", "2001:db8:0:1::1", "127.0.0.1"} {
		for _, n := range from[ip] {
			h.leave(n)
		}
	}
	if len(h.each) > 0 || len(h.all) > 0 {
		t.Errorf("places that nobody comes from are still counted: %v, %d", h.each, len(h.all))
	}
}

// A process that ends while the peer still talks to it is heard to its end: its last word says why.
func TestLastWordOfAChannelsProcess(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	link, end := pair(t)
	process := ipc.NewConn(end)
	id := wire.ChannelID{1}
	p := &peer{out: newOutbox(ours, sealer(t), newBacklog(), nil, slog.New(slog.DiscardHandler)), log: slog.New(slog.DiscardHandler), channels: map[wire.ChannelID]*attachment{}}
	a := &attachment{p: p, link: link, gone: make(chan struct{})}
	p.channels[id] = a
	word := wire.Encode(&wire.Warning{ChannelID: id, Data: []byte("so long")})
	if err := process.Send(&peermsg.Messages{Wire: [][]byte{word}}); err != nil {
		t.Fatal(err)
	}
	process.Close()
	for !a.deaf.Load() {
		a.send(&peermsg.Messages{Wire: [][]byte{word}})
	}
	ended := make(chan struct{})
	go func() { a.run(); close(ended) }()
	if _, err := io.ReadFull(theirs, make([]byte, len(word)+noise.Overhead)); err != nil {
		t.Errorf("the peer hears nothing: %v", err)
	}
	<-ended
	if len(p.channels) != 0 {
		t.Error("the channel is still attached")
	}
}

// TestConnectionThatEndsIsNone: neither who asks for the peer gets it, nor does it keep a new one out.
func TestConnectionThatEndsIsNone(t *testing.T) { synctest.Test(t, testConnectionThatEndsIsNone) }

func testConnectionThatEndsIsNone(t *testing.T) {
	s := newTestServer()
	s.nodeID, s.dials = keys.PubKey{2}, map[keys.PubKey]*dial{}
	ours, theirs := net.Pipe()
	defer theirs.Close()
	old := newPeer(s, &secured{conn: ours, remote: keys.PubKey{3}, seal: sealer(t)}, remoteInit{}, false)
	s.peers[old.id] = old
	if p, err := s.connectTo(&connectdmsg.Connect{ID: old.id}); p != old || err != nil {
		t.Errorf("it goes on: %v, %v", p, err)
	}
	fresh := &peer{id: old.id, since: old.since, incoming: true}
	if !s.prefersOld(old, fresh) {
		t.Error("of two at the same time the one that we dialled stays")
	}
	old.stop("disconnected by us")
	if s.prefersOld(old, fresh) {
		t.Error("it keeps a new connection out")
	}
	asked := make(chan error, 1)
	go func() {
		_, err := s.connectTo(&connectdmsg.Connect{ID: old.id})
		asked <- err
	}()
	synctest.Wait()
	if len(asked) > 0 {
		t.Error("who asks for the peer does not wait for its end")
	}
	delete(s.peers, old.id)
	close(old.done)
	var fail *ipc.Fail
	if err := <-asked; !errors.As(err, &fail) || fail.Code != connectdmsg.FailNoAddress {
		t.Errorf("who asks for the peer has %v, not another try", err)
	}
}
