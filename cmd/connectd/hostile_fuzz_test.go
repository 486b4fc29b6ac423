package main

import (
	"io"
	"log/slog"
	"net"
	"os"
	"testing"

	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
)

// FuzzHostileNeighbours plays lightningd, gossipd, a channeld and a peer: an order that makes no sense
// may end the process, nothing may make it panic, hang or grow.
func FuzzHostileNeighbours(f *testing.F) {
	for who := range byte(4) {
		for i := range byte(8) {
			for _, fill := range []byte{0, 1, 3, 255} {
				in := []byte{who, i}
				for range 60 {
					in = append(in, fill, i)
				}
				f.Add(in)
			}
		}
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	words := new(hostile.Words)
	words.Numbers(0, 1, 2)
	words.Values(publicOf(f, "alice"), publicOf(f, "mallory"), wire.ChannelID{9})
	words.Texts([]byte("127.0.0.1:1"), wire.Encode(&wire.Warning{Data: []byte("x")}), wire.Encode(&wire.Shutdown{ChannelID: wire.ChannelID{9}}),
		wire.Encode(&wire.Ping{NumPongBytes: 9}), wire.Encode(&wire.GossipTimestampFilter{}))
	var growth hostile.Growth
	f.Fuzz(func(t *testing.T, in []byte) {
		defer growth.Check(t)
		hostile.Within(t, "run", func() { runHostile(t, hostile.NewSource(in, words)) })
	})
}

// runHostile runs a server with one peer until the input ends.
func runHostile(t *testing.T, s *hostile.Source) {
	var links, ends [3]*ipc.Conn // lightningd, hsmd, gossipd
	for i := range links {
		end, fd := pair(t)
		ends[i], links[i] = end, ipc.NewConn(fd)
		defer links[i].Close()
	}
	go serveECDH(ends[1], "alice")
	go drain(ends[2])
	connected := make(chan struct{})
	go func() {
		defer close(connected)
		if _, err := ends[0].Recv(); err == nil { // PeerConnected
			go drain(ends[0])
		}
	}()
	srv := newServer(links[0], links[1], links[2])
	srv.nodeID, srv.features = publicOf(t, "alice"), features.Ours(features.Init)
	srv.dialer = dialer{proxy: "127.0.0.1:1", always: true} // nothing is there
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return
	}
	go func() {
		if conn, err := listener.Accept(); err == nil {
			srv.incoming(conn)
		}
	}()
	p := dialRaw(t, &testNode{t: t, id: srv.nodeID, addr: listener.Addr().String()}, "mallory")
	<-connected
	listener.Close()
	go io.Copy(io.Discard, p.conn)
	go func() { srv.readGossipd(); links[2].Close() }()
	done := make(chan struct{})
	go func() { defer close(done); srv.serve(); links[0].Close() }()
	sent := says(t, s, ends[0], ends[2], p)
	ends[0].CloseWrite()
	<-done
	for _, peer := range srv.allPeers() {
		peer.stop("the end")
		p.conn.Close()
		<-peer.done
	}
	p.conn.Close()
	<-sent
}

// says sends what the input decides; the channel is closed when the peer has sent its part.
func says(t *testing.T, s *hostile.Source, lightningd, gossipd *ipc.Conn, p *rawPeer) <-chan struct{} {
	attached := []*ipc.Conn{}
	raw := make(chan []byte, 200) // all that 50 messages can have: the peer must not wait to be read
	defer close(raw)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for msg := range raw {
			p.send(msg)
		}
	}()
	for range 50 {
		if s.Done() {
			break
		}
		switch s.Below(4) {
		case 0:
			m := s.Message(hostile.ToConnectd)
			var fds []*os.File
			if m.IPCType() == connectdmsg.TypeAttachChannel {
				end, fd := pair(t)
				go drain(end)
				attached, fds = append(attached, end), []*os.File{fd}
			}
			lightningd.Send(m, fds...)
		case 1:
			m := new(gossipmsg.PeerGossip)
			s.Fill(m)
			gossipd.Send(m)
		case 2:
			m := s.Message(hostile.Peer)
			for _, link := range attached {
				go link.Send(m)
			}
		case 3:
			m := new(peermsg.Messages)
			s.Fill(m)
			for _, msg := range m.Wire[:min(len(m.Wire), 4)] {
				if len(msg) <= wire.MaxMessage {
					raw <- msg
				}
			}
		}
	}
	return sent
}

func drain(c *ipc.Conn) {
	for {
		f, err := c.Recv()
		if err != nil {
			return
		}
		f.CloseFds()
	}
}
