package main

import (
	"log/slog"
	"testing"

	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/tests/hostile"
)

// FuzzHostileNeighbours plays lightningd, connectd with any peers behind it, and hsmd: an error may end
// the process, nothing may make it panic, hang or grow.
func FuzzHostileNeighbours(f *testing.F) {
	both := append(append([]ipc.Message(nil), hostile.ToGossipd...), hostile.Gossip...)
	for i := range both {
		for _, fill := range []byte{0, 1, 3, 255} {
			in := []byte{byte(i)}
			for range 60 {
				in = append(in, fill, byte(i))
			}
			f.Add(in)
		}
	}
	words := new(hostile.Words)
	words.Values(alice, bob)
	var growth hostile.Growth
	f.Fuzz(func(t *testing.T, in []byte) {
		defer growth.Check(t)
		s := hostile.NewSource(in, words)
		sh := hostileShell(t, s)
		events := make(chan gossip.Event, 20_000) // all that 50 messages can make
		for range 50 {
			if s.Done() {
				break
			}
			f := frameOf(t, s.Message(both))
			if ev, err := decodeLightningd(&f); err == nil {
				events <- ev
			} else if err := decodeConnectd(&f, events); err != nil {
				break // the real process ends here
			}
		}
		close(events)
		hostile.Within(t, "take events", func() {
			for ev := range events {
				if sh.step(ev) != nil {
					return
				}
			}
		})
	})
}

// hostileShell is a shell whose neighbours read everything; hsmd signs with what the input says.
func hostileShell(t *testing.T, s *hostile.Source) *shell {
	reply := new(hsmdmsg.SignChannelUpdateReply)
	s.Fill(reply)
	hsmd, hsmdFd := pair(t)
	go func() {
		for {
			f, err := hsmd.Recv()
			if err != nil || hsmd.Reply(f.ID, reply) != nil {
				return
			}
		}
	}()
	sh := &shell{machine: gossip.New(alice, [32]byte{1}), log: slog.New(slog.DiscardHandler), hsmd: ipc.NewConn(hsmdFd)}
	lightningd, lightningdFd := pair(t)
	connectd, connectdFd := pair(t)
	go drain(lightningd)
	go drain(connectd)
	sh.lightningd, sh.connectd = ipc.NewConn(lightningdFd), ipc.NewClient(ipc.NewConn(connectdFd), nil)
	t.Cleanup(func() {
		sh.hsmd.Close()
		sh.lightningd.Close()
		sh.connectd.Close()
	})
	return sh
}

func drain(c *ipc.Conn) {
	for {
		if _, err := c.Recv(); err != nil {
			return
		}
	}
}

// frameOf is m as it arrives.
func frameOf(t *testing.T, m ipc.Message) ipc.Frame {
	t.Helper()
	from, toFd := pair(t)
	to := ipc.NewConn(toFd)
	t.Cleanup(func() { to.Close() })
	go from.Send(m)
	f, err := to.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return f
}
