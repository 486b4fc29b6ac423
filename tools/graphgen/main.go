// Command graphgen writes a gossip_store of a made-up network as large as the public one, all of it signed.
//
//	go run ./tools/graphgen [-seed 1] [-nodes 16000] [-channels 45000] FILE
//
// The same seed makes the same network. Package graphtest says after which public figures it is made.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"fulmen/internal/graph/graphtest"
)

func main() {
	c := graphtest.Public()
	flag.Uint64Var(&c.Seed, "seed", c.Seed, "which network")
	flag.IntVar(&c.Nodes, "nodes", c.Nodes, "number of nodes")
	flag.IntVar(&c.Channels, "channels", c.Channels, "number of channels")
	now := flag.Int64("now", time.Now().Unix(), "announcements are of the two weeks before this time, in unix seconds")
	chain := flag.String("network", "regtest", "bitcoin, testnet, signet or regtest: whose chain_hash they have")
	flag.Parse()
	c.Now = uint32(*now)
	if err := write(c, *chain, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "graphgen:", err)
		os.Exit(1)
	}
}

func write(c graphtest.Config, chain string, args []string) error {
	params, ok := map[string]*chaincfg.Params{
		"bitcoin": &chaincfg.MainNetParams, "testnet": &chaincfg.TestNet3Params,
		"signet": &chaincfg.SigNetParams, "regtest": &chaincfg.RegressionNetParams,
	}[chain]
	switch {
	case !ok:
		return fmt.Errorf("-network: there is no %q", chain)
	case len(args) != 1:
		return fmt.Errorf("want the name of the file to write")
	case c.Nodes < 2 || c.Channels < c.Nodes-1:
		return fmt.Errorf("%d channels do not connect %d nodes", c.Channels, c.Nodes)
	}
	c.ChainHash = *params.GenesisHash
	f, err := os.OpenFile(args[0], os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return graphtest.Generate(c).WriteStore(f)
}
