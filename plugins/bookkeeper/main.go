// Command bookkeeper is the plugin that keeps accounts: bkpr-listbalances, bkpr-listincome and the other commands bkpr-....
//
// Started by lightningd, which it asks for the movements of coins when the first command comes, and for those since with
// each further one; ten minutes after the last command it forgets them. Descriptions that were edited are in lightningd's
// datastore. bkpr-dumpincomecsv writes one file; there is no other state.
//
// Trust: it takes what lightningd lists. Descriptions in it were written by others, and are text to it.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"fulmen/plugins/bookkeeper/bookkeeper"
	"fulmen/plugins/builtin"
	"fulmen/plugins/plugin"
)

// keep is how long the accounts stay in memory after the last command.
const keep = 10 * time.Minute

// coins are the beginnings of addresses, by network.
var coins = map[string]string{"bitcoin": "bc", "testnet": "tb", "testnet4": "tb", "signet": "tb", "regtest": "bcrt"}

func main() {
	p := plugin.New()
	b := bookkeeper.New()
	p.OnInit(func(i plugin.Init) error {
		coin, ok := coins[i.Configuration.Network]
		if !ok {
			return fmt.Errorf("the network %s is not known", i.Configuration.Network)
		}
		b.Open(bookkeeper.Config{
			Node: p, Coin: coin, Now: time.Now, Zone: time.Local, Folder: i.Configuration.LightningDir, Keep: keep, Freed: debug.FreeOSMemory,
		})
		return nil
	})
	builtin.Add(p, b.Commands()...)
	if err := p.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "bookkeeper: %v\n", err)
		os.Exit(1)
	}
}
