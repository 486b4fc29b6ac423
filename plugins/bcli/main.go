// Command bcli is the chain backend: five methods over the JSON-RPC of a bitcoind, or of a btcd.
//
// Started by lightningd as a plugin; it holds no state but its credentials. It does not retry: an
// answer that cannot be had now is an error, and lightningd, which knows what waits for it, asks
// again. An error that asking again cannot cure carries the data {"permanent": true}.
//
// Trust: what the server answers is decoded with limits, and passed on.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"fulmen/plugins/plugin"
)

func main() {
	// It is asked each few seconds, and would keep 4 MB of old answers before the first is collected; there is hardly
	// anything else to look through.
	debug.SetGCPercent(25)
	p := plugin.New()
	for _, o := range options {
		p.AddOption(o)
	}
	var b backend
	p.OnInit(func(i plugin.Init) error {
		config, err := readConfig(i)
		if err != nil {
			return err
		}
		b.config = config
		b.server, err = newServer(config)
		return err
	})
	for _, m := range b.methods() {
		p.AddMethod(m)
	}
	if err := p.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "bcli: %v\n", err)
		os.Exit(1)
	}
}
