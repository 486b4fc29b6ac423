package main

import (
	"runtime/debug"
	"time"

	"fulmen/internal/daemon"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/sandbox"
)

// The links beside the one to lightningd.
const (
	linkToHsmd = 4
	linkToPeer = 5
)

func main() {
	p := daemon.Start("channeld")
	p.Confine(sandbox.Channeld)
	lightningd := p.Link(daemon.LinkToLightningd)
	f, err := lightningd.Recv()
	p.Must("read setup", err)
	var setup channeldmsg.Setup
	p.Must("read setup", f.Decode(&setup))

	sh := newShell(p, lightningd, hsmd{p.Link(linkToHsmd)}, p.Link(linkToPeer), &setup)
	p.Must("begin", sh.begin())
	rest := time.AfterFunc(quiet, debug.FreeOSMemory)
	for !sh.ended {
		p.Must("carry out", sh.turn())
		rest.Reset(quiet)
	}
	p.Exit()
}

// quiet is how long nothing must happen before memory that a burst of payments needed is given back:
// most channels have nothing to do most of the time.
const quiet = 2 * time.Second
