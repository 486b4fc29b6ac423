// Command sql is the plugin that answers SQL queries over what the list commands say: sql, listsqlschemas.
//
// Started by lightningd. It has nothing until the first query comes; then it asks lightningd for the lists that the query
// reads, and keeps them as tables in memory for some minutes. It reads gossip_store in lightning-dir for what has changed
// in the public network, and writes no file.
//
// Trust: queries may come from anybody who has a rune for them. They cannot write, nor reach a file or another
// database, and what they cost is bounded; see package sql.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"fulmen/plugins/builtin"
	"fulmen/plugins/plugin"
	"fulmen/plugins/sql/sql"
)

// keep is how long tables stay in memory after the last query.
const keep = 10 * time.Minute

func main() {
	p := plugin.New()
	s := sql.New()
	p.OnInit(func(i plugin.Init) error {
		s.Open(sql.Config{
			Store: filepath.Join(i.Configuration.LightningDir, "gossip_store"), Node: p, Now: time.Now,
			Time: sql.DefaultTime, Keep: keep, Freed: debug.FreeOSMemory,
		})
		return nil
	})
	builtin.Add(p, s.Commands()...)
	err := p.Run()
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sql: %v\n", err)
		os.Exit(1)
	}
}
