package main

import (
	"errors"
	"log/slog"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/wire"
)

// orders is all that connectd does for lightningd. They are carried out one after the other and must
// not wait for a peer; the answers to Connect and Ping come later. An error ends the process.
var orders = map[ipc.Type]func(*server, *ipc.Frame) error{
	connectdmsg.TypeConnect:       (*server).connect,
	connectdmsg.TypeDisconnect:    (*server).disconnect,
	connectdmsg.TypeAttachChannel: (*server).attachChannel,
	connectdmsg.TypeServe:         (*server).servePeer,
	connectdmsg.TypeSendPeer:      (*server).sendPeer,
	connectdmsg.TypePing:          (*server).ping,
	connectdmsg.TypeLetThrough:    (*server).letThrough,
	connectdmsg.TypeGossipStore:   (*server).gossipStore,
}

func (s *server) connect(f *ipc.Frame) error {
	var m connectdmsg.Connect
	if err := f.Decode(&m); err != nil {
		return err
	}
	id := f.ID
	go func() {
		p, err := s.connectTo(&m)
		var fail *ipc.Fail
		switch {
		case errors.As(err, &fail):
			s.answer(id, fail)
		case err != nil:
			s.answer(id, ipc.Failf(connectdmsg.FailAllAddresses, "%v", err))
		default:
			s.answer(id, &connectdmsg.ConnectReply{Conn: p.n, Features: p.features, Incoming: p.incoming, Addr: p.addr})
		}
	}()
	return nil
}

// answer is report for the reply to a request.
func (s *server) answer(id uint64, m ipc.Message) {
	if err := s.lightningd.Reply(id, m); err != nil {
		slog.Debug("lightningd does not hear", "error", err)
	}
}

// letThrough keeps the types that plugins want to see.
func (s *server) letThrough(f *ipc.Frame) error {
	var m connectdmsg.LetThrough
	if err := f.Decode(&m); err != nil {
		return err
	}
	through := make(map[wire.MessageType]bool, len(m.Types))
	for _, t := range m.Types {
		through[wire.MessageType(t)] = true
	}
	s.through.Store(&through)
	return nil
}

func (s *server) disconnect(f *ipc.Frame) error {
	var m connectdmsg.Disconnect
	if err := f.Decode(&m); err != nil {
		return err
	}
	p := s.peer(m.ID, m.Conn)
	if p == nil {
		return nil
	}
	const reason = "disconnected by us"
	if a := p.claimant(m.Ended); a != nil {
		go func() {
			a.readOut()
			p.stop(reason)
		}()
		return nil
	}
	p.stop(reason)
	return nil
}

func (s *server) attachChannel(f *ipc.Frame) error {
	var m connectdmsg.AttachChannel
	if err := f.Decode(&m); err != nil {
		return err
	}
	if len(f.Fds) != 1 {
		return errors.New("AttachChannel without its descriptor")
	}
	p := s.peer(m.ID, m.Conn)
	if p == nil {
		return nil // closing the descriptor tells channeld
	}
	link := ipc.NewConn(f.Fds[0])
	f.Fds = nil
	p.attach(link, m.ChannelID)
	return nil
}

func (s *server) servePeer(f *ipc.Frame) error {
	var m connectdmsg.Serve
	if err := f.Decode(&m); err != nil {
		return err
	}
	if p := s.peer(m.ID, m.Conn); p != nil {
		p.startServing()
	}
	return nil
}

func (s *server) sendPeer(f *ipc.Frame) error {
	var m connectdmsg.SendPeer
	if err := f.Decode(&m); err != nil {
		return err
	}
	for _, msg := range m.Wire {
		if _, err := wire.TypeOf(msg); err != nil || len(msg) > wire.MaxMessage {
			return errors.New("SendPeer with what is no BOLT message")
		}
	}
	if p := s.peer(m.ID, m.Conn); p != nil {
		p.out.queue(m.Wire...)
	}
	return nil
}

func (s *server) ping(f *ipc.Frame) error {
	var m connectdmsg.Ping
	if err := f.Decode(&m); err != nil {
		return err
	}
	p := s.peer(m.ID, 0)
	if p == nil {
		return s.lightningd.Reply(f.ID, ipc.Failf(connectdmsg.FailNotConnected, "peer is not connected"))
	}
	if m.Len > connectdmsg.MaxPing {
		return s.lightningd.Reply(f.ID, ipc.Failf(connectdmsg.FailNotConnected, "ping of %d bytes, at most %d", m.Len, connectdmsg.MaxPing))
	}
	id := f.ID
	p.ping(m.Len, m.PongBytes, func(totLen uint16, err error) {
		if err != nil {
			s.answer(id, ipc.Failf(connectdmsg.FailNotConnected, "%v", err))
			return
		}
		s.answer(id, &connectdmsg.PingReply{TotLen: totLen})
	})
	return nil
}

func (s *server) gossipStore(f *ipc.Frame) error {
	if err := f.Decode(new(connectdmsg.GossipStore)); err != nil {
		return err
	}
	if len(f.Fds) != 1 {
		return errors.New("GossipStore without its descriptor")
	}
	s.gossip.use(f.Fds[0])
	f.Fds = nil
	return nil
}
