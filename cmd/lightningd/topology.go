package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/logs"
	"fulmen/internal/subd"
)

// The processes and their links. Each child has its link to lightningd as descriptor 3; what follows
// is in the order of its further descriptors.
//
//	hsmd
//	gossipd   4 hsmd (gossip)                5 connectd
//	connectd  4 hsmd (ecdh)                  5 gossipd
//	channeld  4 hsmd (commitment, one channel) 5 peer, by way of connectd   see startChanneld
//	onchaind  4 hsmd (onchain, one channel)                                 see startOnchaind
//
// hsmd's death ends the node. The others are started again: see connectdEnded and gossipdEnded.

// spawn starts a child that serves the whole node.
func (n *node) spawn(s subd.Spec) (*subd.Child, error) { return n.spawnFor(s, "", "") }

// spawnFor starts a child whose log lines go to ours; those of one that serves one channel name that.
func (n *node) spawnFor(s subd.Spec, peer, channel string) (*subd.Child, error) {
	path, err := n.programs.Path(s.Name)
	if err != nil {
		return nil, err
	}
	s.Path = path
	s.LogLevel = n.book.LevelOf(s.Name, peer, channel)
	s.Confine = n.cfg.String("confine")
	log := n.log.With(logs.KeyDaemon, s.Name, logs.KeyPeer, peer, logs.KeyChannel, channel)
	s.OnLog = func(m *ipc.Log) { logFrom(log, m) }
	onExit := s.OnExit
	s.OnExit = func(e subd.Exit) {
		if e.BySandbox {
			// Whatever the process was for, and even if it was ending: it is taken over, or we have a bug.
			log.Error("killed by the sandbox: a system call that its profile does not allow", "title", s.Title)
		}
		n.failOn(s.Name, e)
		onExit(e)
	}
	return n.fork(s)
}

// logFrom writes a child's record.
func logFrom(log *slog.Logger, m *ipc.Log) {
	attrs := make([]slog.Attr, len(m.Attrs))
	for i, a := range m.Attrs {
		attrs[i] = slog.String(a.Key, a.Value)
	}
	log.LogAttrs(context.Background(), slog.Level(m.Level), m.Message, attrs...)
}

// startNetworkDaemons starts gossipd and connectd with the link between them.
func (n *node) startNetworkDaemons(ctx context.Context) error {
	gossipEnd, connectEnd, err := ipc.Pair()
	if err != nil {
		return err
	}
	gossipHSM, err := n.hsm.newClient(ctx, &hsmdmsg.NewClient{Rights: hsmdmsg.RightGossip})
	if err != nil {
		return fmt.Errorf("start gossipd: %w", err)
	}
	if err := n.startGossipd([]*os.File{gossipHSM, gossipEnd}); err != nil {
		return err
	}
	connectHSM, err := n.hsm.newClient(ctx, &hsmdmsg.NewClient{Rights: hsmdmsg.RightECDH})
	if err != nil {
		return fmt.Errorf("start connectd: %w", err)
	}
	return n.startConnectd(ctx, []*os.File{connectHSM, connectEnd})
}

// firstNetworkDaemons starts both with the node, whose start fails with theirs: a port that is taken is no daemon that
// died and is to be started again.
func (n *node) firstNetworkDaemons(ctx context.Context) error {
	n.loop.call(func() { n.networkStarts = true })
	if err := n.startNetworkDaemons(ctx); err != nil {
		return err
	}
	n.loop.call(func() {
		n.networkStarts = false
		n.replaceEnded()
	})
	return nil
}

// The pause between attempts to start the network daemons again doubles from the first to the last.
const (
	firstRestart = 100 * time.Millisecond
	lastRestart  = 10 * time.Second
)

// restartNetworkDaemons replaces both: each has the other's socket. All peers are gone, and come back.
func (n *node) restartNetworkDaemons() {
	if n.restarting {
		return
	}
	n.restarting = true
	for _, p := range n.peers {
		if p.conn != nil {
			n.connectionLost(p)
			n.scheduleReconnect(p)
			n.forgetIfIdle(p)
		}
	}
	go func() {
		for pause := firstRestart; ; pause = min(2*pause, lastRestart) {
			n.gossipd.child().Kill()
			n.connectd.child().Kill()
			err := n.startNetworkDaemons(n.ctx)
			if err == nil {
				break
			}
			n.log.Error("network daemons do not start, trying again", "error", err, "after", pause)
			select {
			case <-time.After(pause):
			case <-n.ctx.Done():
				return
			}
		}
		n.loop.post(n.networkDaemonsRestarted)
	}()
}

// networkDaemonsRestarted goes on with new daemons, unless one of them is gone again.
func (n *node) networkDaemonsRestarted() {
	n.restarting = false
	if !n.replaceEnded() {
		n.gossipAll()
	}
}

// replaceEnded starts the network daemons again if one has ended, whose end was not looked at while they were started.
func (n *node) replaceEnded() bool {
	for _, child := range []*subd.Child{n.gossipd.child(), n.connectd.child()} {
		select {
		case <-child.Exited():
			n.restartNetworkDaemons()
			return true
		default:
		}
	}
	return false
}
