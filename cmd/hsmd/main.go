package main

import (
	"fulmen/internal/daemon"
)

func main() {
	p := daemon.Start("hsmd")
	link := p.Link(daemon.LinkToLightningd)
	master := newMaster()
	p.Must("serve lightningd", requests.Serve(link, master, master.rights))
	p.Exit()
}
