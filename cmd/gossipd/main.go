package main

import (
	"fulmen/internal/daemon"
	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/sandbox"
)

func main() {
	p := daemon.Start("gossipd")
	lightningd, hsmd, connectd := p.Link(daemon.LinkToLightningd), p.Link(4), p.Link(5)
	init, err := recvInit(lightningd)
	p.Must("read init", err)
	p.Confine(sandbox.Gossipd) // before the first byte from a peer

	events := make(chan gossip.Event, eventsAhead)
	sh := shell{
		machine:    gossip.New(init.NodeID, init.ChainHash),
		lightningd: lightningd,
		hsmd:       hsmd,
		log:        p.Log,
	}
	// A Client, because it must not wait for connectd, which may be waiting for us.
	sh.connectd = ipc.NewClient(connectd, func(f *ipc.Frame) error { return decodeConnectd(f, events) })
	go func() { p.Must("read lightningd", readLightningd(lightningd, events)) }()
	go func() {
		<-sh.connectd.Done()
		p.Must("read connectd", sh.connectd.Err())
	}()
	for ev := range events { // one event is finished before the next is looked at
		p.Must("gossip", sh.step(ev))
	}
}

func recvInit(lightningd *ipc.Conn) (*gossipdmsg.Init, error) {
	f, err := lightningd.Recv()
	if err != nil {
		return nil, err
	}
	init := new(gossipdmsg.Init)
	return init, f.Decode(init)
}
