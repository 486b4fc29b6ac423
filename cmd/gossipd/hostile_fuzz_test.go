package main

import (
	"log/slog"
	"os"
	"testing"

	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
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
		for range 50 {
			if s.Done() {
				break
			}
			f := frameOf(t, s.Message(both))
			if sh.fromLightningd(&f) == nil {
				continue
			}
			if err := fromConnectd(&f, sh.in); err != nil {
				break // the real process ends here
			}
		}
		hostile.Within(t, "take events", func() {
			if sh.takeAll() == nil {
				_ = sh.step(gossip.Tick{}) // an error ends the process
			}
		})
	})
}

// hostileShell is a shell whose neighbours read everything; hsmd signs with what the input says.
func hostileShell(t *testing.T, s *hostile.Source) *shell {
	reply := new(hsmdmsg.SignChannelUpdateReply)
	s.Fill(reply)
	hsmd, hsmdFd := pair(t)
	go signAll(hsmd, reply.Signature)
	sh := newShell(slog.New(slog.DiscardHandler))
	sh.hsmd = ipc.NewConn(hsmdFd)
	file, err := os.CreateTemp(t.TempDir(), "gossip_store")
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.load(&gossipdmsg.Init{NodeID: alice, ChainHash: [32]byte{1}}, file); err != nil {
		t.Fatal(err)
	}
	lightningd, lightningdFd := pair(t)
	connectd, connectdFd := pair(t)
	go drain(lightningd)
	go drain(connectd)
	sh.lightningd, sh.connectd = ipc.NewConn(lightningdFd), ipc.NewClient(ipc.NewConn(connectdFd), nil)
	t.Cleanup(func() {
		sh.hsmd.Close()
		sh.lightningd.Close()
		sh.connectd.Close()
		file.Close()
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
