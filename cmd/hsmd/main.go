package main

import (
	"fulmen/internal/daemon"
	"fulmen/internal/sandbox"
)

func main() {
	p := daemon.Start("hsmd")
	link := p.Link(daemon.LinkToLightningd)
	p.Confine(sandbox.Hsmd) // before the first request
	master := newMaster()
	p.Must("serve lightningd", requests.Serve(link, master, master.rights))
	p.Exit()
}
