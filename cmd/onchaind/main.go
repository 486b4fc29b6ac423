package main

import (
	"fulmen/internal/daemon"
	"fulmen/internal/sandbox"
)

// linkToHsmd is the link beside the one to lightningd.
const linkToHsmd = 4

func main() {
	p := daemon.Start("onchaind")
	p.Confine(sandbox.Onchaind)
	lightningd := p.Link(daemon.LinkToLightningd)
	sh := &shell{log: p.Log, lightningd: lightningd, hsmd: p.Link(linkToHsmd)}
	p.Must("follow the chain", orders.Serve(lightningd, sh, 0))
	p.Exit()
}
