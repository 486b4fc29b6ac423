// Command topology is the plugin that knows the public network: listchannels, listnodes, getroute, getroutes, and the
// layers of askrene.
//
// Started by lightningd; it reads gossip_store in lightning-dir when it is asked something, and has nothing to do
// otherwise. What is known of our own channels it asks lightningd for. Persistent layers are in askrene-layers.json
// beside the store.
//
// Trust: what is in the store was checked by gossipd; records that do not decode are passed over.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"fulmen/internal/quiet"
	"fulmen/plugins/builtin"
	"fulmen/plugins/plugin"
	"fulmen/plugins/topology/topology"
)

func main() {
	p := plugin.New()
	t := topology.New()
	p.OnInit(func(i plugin.Init) error {
		dir := i.Configuration.LightningDir
		err := t.Open(topology.Config{
			Store: filepath.Join(dir, "gossip_store"), Layers: filepath.Join(dir, "askrene-layers.json"), Node: p,
			Now: time.Now, CallID: plugin.CallID, Warn: func(format string, args ...any) { p.Log("unusual", format, args...) },
		})
		if err == nil {
			go func() {
				t.Load()
				debug.FreeOSMemory() // what loading took beside the graph
			}()
		}
		return err
	})
	quiet.GiveBack() // what answers took
	builtin.Add(p, t.Commands()...)
	err := p.Run()
	if closeErr := t.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "topology: %v\n", err)
		os.Exit(1)
	}
}
