package main

import (
	"fulmen/internal/daemon"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/sandbox"
)

func main() {
	p := daemon.Start("connectd")
	lightningd := p.Link(daemon.LinkToLightningd)
	f, err := lightningd.Recv()
	p.Must("read init", err)
	var init connectdmsg.Init
	p.Must("read init", f.Decode(&init))
	tests, err := parseDisconnects(init.DevDisconnect)
	if err != nil {
		p.Must("answer init", lightningd.Reply(f.ID, ipc.Failf(0, "%v", err)))
		p.Must("read init", err)
	}
	listeners, bound, err := listenAll(init.Listen)
	if err != nil {
		p.Must("answer init", lightningd.Reply(f.ID, ipc.Failf(0, "%v", err)))
		p.Must("listen", err)
	}
	p.Confine(sandbox.Connectd) // it listens, and has had no byte from a peer
	s := newServer(lightningd, p.Link(4), p.Link(5))
	s.tests = tests
	s.start(&init, listeners)
	p.Must("answer init", lightningd.Reply(f.ID, &connectdmsg.InitReply{Bound: bound}))
	p.Must("serve lightningd", s.serve())
}
