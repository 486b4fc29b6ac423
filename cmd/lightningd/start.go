package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/subd"
)

// stopTimeout is how long all of an orderly end may take.
const stopTimeout = 20 * time.Second

// start brings the node up: plugins, chain and keys, then what needs them, the RPC last.
func (n *node) start() error {
	var err error
	net := n.cfg.Network()
	if n.network, err = networkNamed(net.Name, net.Port, net.Test); err != nil {
		return err
	}
	n.crashAfter()
	if err := n.forceFeatures(); err != nil {
		return err
	}
	if err := n.findPrograms(); err != nil {
		return err
	}
	// The plugins' manifests complete the table of options: a wrong one is refused before a key is made.
	if err := n.startPlugins(n.ctx); err != nil {
		return err
	}
	if err := n.initBackup(n.ctx); err != nil {
		return err
	}
	// A new node has no secret, whose words are shown once, before its backend is found to be on its chain.
	if err := n.startChain(n.ctx); err != nil {
		return err
	}
	if err := n.startKeys(n.ctx); err != nil {
		return err
	}
	if err := n.startStaticBackup(n.ctx); err != nil {
		return err
	}
	n.policy = policyFrom(n.cfg)
	if err := n.onLoop(n.loadChannels); err != nil {
		return err
	}
	if err := n.firstNetworkDaemons(n.ctx); err != nil {
		return err
	}
	go n.retellSpends(n.blockHeight) // that is as yet the last run's
	go n.followChain()
	if err := n.startRPC(); err != nil {
		return err
	}
	if err := n.initPlugins(n.ctx); err != nil {
		return err
	}
	n.tellRecovered()
	n.loop.post(n.takeUp)
	go n.tellRevocations()
	go n.autoconnect()
	return nil
}

func (n *node) findPrograms() error {
	dir, err := subd.LibexecDir()
	if err != nil {
		return err
	}
	n.programs = subd.Programs{Dir: dir, Replaced: map[string]string{}}
	for _, s := range n.cfg.Strings("subdaemon") {
		name, path, err := splitSubdaemon(s)
		if err != nil {
			return n.cfg.Malformed("subdaemon", s, err)
		}
		n.programs.Replaced[name] = path
	}
	return n.checkReplaced(n.ctx)
}

// daemonNames are the daemons that --subdaemon may replace.
var daemonNames = []string{"hsmd", "connectd", "gossipd", "channeld", "onchaind"}

func splitSubdaemon(s string) (name, path string, err error) {
	name, path, _ = strings.Cut(s, ":")
	if path != "" && slices.Contains(daemonNames, name) {
		return name, path, nil
	}
	return "", "", fmt.Errorf("should be NAME:PATH with one of the names %v", daemonNames)
}

// startChain initialises the backend's plugin, and waits until it answers.
func (n *node) startChain(ctx context.Context) error {
	backend, ok := n.plugins.Method("getchaininfo")
	if !ok {
		return errors.New("no plugin brings a chain backend (getchaininfo): bcli is disabled or not installed")
	}
	if err := n.plugins.Init(ctx, backend); err != nil {
		return err
	}
	recent, err := n.db.RecentBlocks(chain.Keep)
	if err != nil {
		return err
	}
	asked := &chain.Plugin{Caller: n.plugins, Permanent: isPermanent}
	n.funding = newFundingChecker(asked, n.log)
	n.chain, err = chain.NewRunner(chain.Config{
		Backend: asked, Receiver: chainReceiver{n}, Chain: n.network.BIP70,
		Recent: recent, Start: n.rescanFrom, Rescan: n.rescan(recent), Poll: n.pollInterval(), RetryTimeout: n.retryTimeout(), Log: n.log,
	})
	if err != nil {
		return err
	}
	if len(recent) > 0 {
		n.blockHeight = recent[len(recent)-1].Height
	}
	return n.chain.WaitReady(ctx)
}

// followChain takes blocks until the node stops.
func (n *node) followChain() {
	if err := n.chain.Run(n.ctx); err != nil && n.ctx.Err() == nil {
		n.die("follow the chain", err)
	}
}

// loadChannels takes up the channels of the database.
func (n *node) loadChannels() error {
	var err error
	if n.toldMoves.chain, n.toldMoves.channel, err = n.db.LastMoves(); err != nil {
		return err
	}
	if err := n.forgetUntaken(); err != nil {
		return err
	}
	rows, err := n.db.OpenChannels()
	if err != nil {
		return err
	}
	for _, row := range rows {
		tally, err := n.db.LoadTally(row.ID)
		if err != nil {
			return err
		}
		c := n.newChannel(row, *tally)
		if c.resolvedBelow, err = n.db.ResolvedBelow(row.ID); err != nil {
			return err
		}
		n.watchChannel(c)
		c.forgetUntaken()
	}
	if err := n.loadSent(); err != nil {
		return err
	}
	for _, c := range n.channels {
		if c.row.CloseHeight == 0 {
			continue
		}
		if err := n.loadClosure(c); err != nil {
			return err
		}
	}
	if err := n.resumeForwards(); err != nil {
		return err
	}
	return n.resumeParts()
}

// forgetUntaken drops what the database has of blocks after the last that was taken with all that it means, or
// that was taken back so: the node ended between their units. The chain tells it again if it still holds.
func (n *node) forgetUntaken() error {
	if n.blockHeight == 0 {
		return nil
	}
	return n.db.Update(func(tx *storeTx) error {
		return errors.Join(tx.RemoveOnchainTxs(n.blockHeight+1), tx.RemoveChainMoves(n.blockHeight+1))
	})
}

// forgetUntaken does the same for the channel.
func (c *channel) forgetUntaken() {
	tip := c.n.blockHeight
	if tip == 0 {
		return
	}
	if c.row.CloseHeight > tip {
		c.unspent()
	}
	if block.Height(c.row.ShortChannelID.Height()) > tip {
		c.row.ShortChannelID = 0
		c.save()
	}
}

// takeUp does once what a restart interrupted.
func (n *node) takeUp() {
	n.gossipAll()
	n.staticBackupChanged() // it may have been deleted, or the node ended before it was written
	for _, c := range n.channels {
		if c.row.FundingTx != nil && c.row.ShortChannelID == 0 {
			n.broadcast(c.row.FundingTx)
		}
		switch {
		case c.end != nil:
			c.end.start()
		case c.row.State == store.AwaitingUnilateral:
			n.closeAlone(c)
		case c.row.CloseTx != nil:
			n.broadcast(c.row.CloseTx)
		}
	}
	for _, tx := range n.wallet.UnconfirmedTxs() {
		if n.sent[tx.TxHash()] != nil {
			continue
		}
		n.chain.Remember(chain.Broadcast{Tx: tx, Insist: true})
	}
	for _, p := range n.peers {
		n.scheduleReconnect(p)
	}
	n.scheduleExpiry()
}

// startRPC opens the RPC socket.
func (n *node) startRPC() error {
	var err error
	n.rpcServer, err = rpc.Listen(rpc.Options{
		Path: n.cfg.Path("rpc-file"), Mode: n.cfg.RPCFileMode(), Log: n.log, Dispatch: n.dispatch,
	})
	return err
}

// stopServices ends what start began, in the order that loses least: callers first, the keys last.
func (n *node) stopServices(ctx context.Context) {
	n.loop.post(func() { n.stopping = true })
	if n.rpcServer != nil {
		n.rpcServer.Shutdown()
	}
	n.cancel()
	n.stopChannels(ctx)
	for _, d := range []*subd.Child{n.connectd.child(), n.gossipd.child()} {
		if d != nil {
			n.stopChild(ctx, d)
		}
	}
	n.loop.close()
	n.plugins.Stop(ctx, followsDatabase)
	if n.hsm != nil {
		n.stopChild(ctx, n.hsm.child)
	}
	close(n.stopped)
	if n.rpcServer != nil {
		if err := n.rpcServer.Close(ctx); err != nil {
			n.log.Warn("RPC callers did not leave", "error", err)
		}
	}
}

func (n *node) stopChild(ctx context.Context, c *subd.Child) {
	if err := c.Stop(ctx); err != nil {
		n.log.Warn("process did not stop", "daemon", c.Name, "error", err)
	}
}

// stopChannels ends the channels' processes, all at the same time.
func (n *node) stopChannels(ctx context.Context) {
	var group errgroup.Group
	n.loop.call(func() {
		for _, c := range n.channels {
			if c.proc != nil {
				child := c.proc.child
				group.Go(func() error { n.stopChild(ctx, child); return nil })
			}
			if c.end != nil && c.end.proc != nil {
				child := c.end.proc.child
				group.Go(func() error { n.stopChild(ctx, child); return nil })
			}
		}
	})
	group.Wait() //nolint:errcheck // stopChild logs
}

// listenAddresses are those that connectd is to listen on.
func (n *node) listenAddresses() []string {
	if n.cfg.Flag("offline") {
		return nil
	}
	var list []string
	for _, a := range append(n.cfg.Strings("addr"), n.cfg.Strings("bind-addr")...) {
		list = append(list, withPort(a, n.network.Port))
	}
	if len(list) == 0 && n.cfg.Bool("autolisten") {
		list = []string{fmt.Sprintf(":%d", n.network.Port)}
	}
	return list
}

// withPort adds the network's port to an address that has none.
func withPort(addr string, port uint16) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return net.JoinHostPort(addr, strconv.Itoa(int(port)))
}
