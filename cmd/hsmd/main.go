package main

import (
	"fulmen/internal/daemon"
	"fulmen/internal/sandbox"
)

func main() {
	p := daemon.Start("hsmd")
	link := p.Link(daemon.LinkToLightningd)
	confined, err := sandbox.Enter(sandbox.Hsmd) // before the first request
	p.Must("confine", err)
	p.Log.Debug(confined.String())
	master := newMaster()
	p.Must("serve lightningd", requests.Serve(link, master, master.rights))
	p.Exit()
}
