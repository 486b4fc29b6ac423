package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"fulmen/internal/chain"
	"fulmen/internal/config"
	"fulmen/internal/features"
	"fulmen/internal/plugin"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/subd"
	"fulmen/internal/version"
)

// stopTimeout is how long all of an orderly end may take.
const stopTimeout = 20 * time.Second

// start brings the node up: plugins and keys, then what needs both, the RPC last.
func (n *node) start() error {
	var err error
	net := n.cfg.Network()
	if n.network, err = networkNamed(net.Name, net.Port, net.Test); err != nil {
		return err
	}
	if err := n.findPrograms(); err != nil {
		return err
	}
	// The plugins' manifests complete the table of options: a wrong one is refused before a key is made.
	if err := n.startPlugins(n.ctx); err != nil {
		return err
	}
	if err := n.startKeys(n.ctx); err != nil {
		return err
	}
	n.policy = policyFrom(n.cfg)
	if err := n.startChain(n.ctx); err != nil {
		return err
	}
	if err := n.onLoop(n.loadChannels); err != nil {
		return err
	}
	if err := n.startNetworkDaemons(n.ctx); err != nil {
		return err
	}
	go n.followChain()
	if err := n.startRPC(); err != nil {
		return err
	}
	if err := n.initPlugins(n.ctx); err != nil {
		return err
	}
	n.loop.post(n.takeUp)
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
	return nil
}

// daemonNames are the daemons that --subdaemon may replace.
var daemonNames = []string{"hsmd", "connectd", "gossipd", "channeld"}

func splitSubdaemon(s string) (name, path string, err error) {
	for _, name := range daemonNames {
		if len(s) > len(name)+1 && s[:len(name)+1] == name+":" {
			return name, s[len(name)+1:], nil
		}
	}
	return "", "", fmt.Errorf("should be NAME:PATH with one of the names %v", daemonNames)
}

// startPlugins starts the built-in plugins and those that the options name, and takes up their options.
func (n *node) startPlugins(ctx context.Context) error {
	builtin, err := filepath.Glob(filepath.Join(n.programs.Dir, "plugins", "*"))
	if err != nil {
		return err
	}
	sort.Strings(builtin)
	n.plugins = plugin.NewHost(plugin.Config{
		Spec: plugin.Spec{Dir: n.cfg.NetworkDir(), Version: version.Version, Log: n.log, OnExit: n.pluginEnded},
		Reserved: func(method string) (string, bool) {
			_, err := n.commands().Lookup(method)
			return "lightningd", err == nil
		},
		AddOption: func(path string, o plugin.Option) error { return n.cfg.Declare(optionOf(path, o)) },
	})
	disabled := map[string]bool{}
	for _, name := range n.cfg.Strings("disable-plugin") {
		disabled[name] = true
	}
	for _, path := range builtin {
		if err := n.addPlugin(ctx, path, true, disabled); err != nil {
			return err
		}
	}
	for _, path := range n.cfg.Strings("important-plugin") {
		if err := n.addPlugin(ctx, path, true, disabled); err != nil {
			return err
		}
	}
	found, err := n.pluginsInFolders()
	if err != nil {
		return err
	}
	for _, path := range append(found, n.cfg.Strings("plugin")...) {
		if err := n.addPlugin(ctx, path, false, disabled); err != nil {
			n.log.Error("plugin does not start", "plugin", path, "error", err)
		}
	}
	return n.cfg.Finish()
}

// pluginsInFolders lists the programs in the folders that plugin-dir names, and in plugins in
// lightning-dir.
func (n *node) pluginsInFolders() ([]string, error) {
	var found []string
	list := func(dir string) error {
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			if info, statErr := os.Stat(filepath.Join(dir, e.Name())); statErr == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
		return err
	}
	for _, dir := range n.cfg.Strings("plugin-dir") {
		if err := list(dir); err != nil {
			return nil, n.cfg.Malformed("plugin-dir", dir, err)
		}
	}
	if err := list(filepath.Join(n.cfg.Dir(), "plugins")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return found, nil
}

func (n *node) addPlugin(ctx context.Context, path string, important bool, disabled map[string]bool) error {
	if disabled[path] || disabled[filepath.Base(path)] {
		return nil
	}
	_, err := n.plugins.Add(ctx, path, important)
	var no *plugin.Disabled
	if errors.As(err, &no) {
		n.log.Info("plugin disables itself", "plugin", path, "reason", no.Reason)
		return nil
	}
	return err
}

// optionOf is a plugin's option as an entry of the table of options.
func optionOf(path string, o plugin.Option) *config.Option {
	kinds := map[plugin.OptionType]config.Kind{
		plugin.String: config.String, plugin.StringConceal: config.Conceal, plugin.Int: config.Int,
		plugin.Bool: config.Bool, plugin.Flag: config.Flag,
	}
	c := &config.Option{Name: o.Name, Kind: kinds[o.Type], Group: config.Plugin, Doc: o.Description, Multi: o.Multi, Dynamic: o.Dynamic, Plugin: path}
	switch d := o.Default.(type) {
	case string:
		c.Default = d
	case bool:
		c.Default = strconv.FormatBool(d)
	case float64:
		c.Default = strconv.FormatInt(int64(d), 10)
	}
	return c
}

// pluginEnded ends the node if it cannot be without the plugin.
func (n *node) pluginEnded(p *plugin.Plugin, reason error) {
	if n.ctx.Err() != nil {
		return
	}
	if p.Important() {
		n.die("important plugin "+p.Name+" ended", reason)
		return
	}
	n.log.Error("plugin ended", "plugin", p.Name, "reason", reason)
}

// initPlugins gives the plugins their options. The backend got its own earlier: nothing goes without it.
func (n *node) initPlugins(ctx context.Context) error {
	for _, p := range n.plugins.Plugins() {
		if isBackend(p) {
			continue
		}
		if err := n.initPlugin(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func isBackend(p *plugin.Plugin) bool {
	for _, m := range p.Manifest().Methods {
		if m.Name == "getchaininfo" {
			return true
		}
	}
	return false
}

func (n *node) initPlugin(ctx context.Context, p *plugin.Plugin) error {
	options := map[string]any{}
	for _, o := range p.Manifest().Options {
		if value := n.optionValue(o); value != nil {
			options[o.Name] = value
		}
	}
	hexOf := func(c features.Context) string { return hex.EncodeToString(features.Ours(c)) }
	err := p.Init(ctx, options, plugin.Configuration{
		LightningDir: n.cfg.NetworkDir(), RPCFile: filepath.Base(n.cfg.Path("rpc-file")), Startup: true, Network: n.network.Name,
		FeatureSet: plugin.FeatureSet{
			Init: hexOf(features.Init), Node: hexOf(features.NodeAnnouncement),
			Channel: hexOf(features.ChannelAnnouncement), Invoice: hexOf(features.Invoice),
		},
	})
	if err == nil {
		return nil
	}
	if p.Important() {
		return fmt.Errorf("plugin %s: %w", p.Name, err)
	}
	n.log.Error("plugin does not start", "plugin", p.Name, "error", err)
	return nil
}

// optionValue is what init tells a plugin of an option of its own: nil for one that is not set.
func (n *node) optionValue(o plugin.Option) any {
	switch {
	case o.Multi:
		return n.cfg.Strings(o.Name)
	case !n.cfg.IsSet(o.Name) && o.Default == nil:
		return nil
	}
	switch o.Type {
	case plugin.Flag:
		if !n.cfg.Flag(o.Name) {
			return nil
		}
		return true
	case plugin.Bool:
		return n.cfg.Bool(o.Name)
	case plugin.Int:
		return n.cfg.Int(o.Name)
	}
	return n.cfg.String(o.Name)
}

// startChain initialises the backend's plugin, and waits until it answers.
func (n *node) startChain(ctx context.Context) error {
	backend, ok := n.plugins.Method("getchaininfo")
	if !ok {
		return errors.New("no plugin brings a chain backend (getchaininfo): bcli is disabled or not installed")
	}
	if err := n.initPlugin(ctx, backend); err != nil {
		return err
	}
	recent, err := n.db.RecentBlocks(chain.Keep)
	if err != nil {
		return err
	}
	n.chain, err = chain.NewRunner(chain.Config{
		Backend: &chain.Plugin{Caller: n.plugins, Permanent: isPermanent}, Receiver: chainReceiver{n}, Chain: n.network.BIP70,
		Recent: recent, RetryTimeout: n.retryTimeout(), Log: n.log,
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
	rows, err := n.db.OpenChannels()
	if err != nil {
		return err
	}
	for _, row := range rows {
		tally, err := n.db.LoadTally(row.ID)
		if err != nil {
			return err
		}
		n.watchChannel(n.newChannel(row, *tally))
	}
	return n.resumeParts()
}

// takeUp does once what a restart interrupted.
func (n *node) takeUp() {
	for _, c := range n.channels {
		n.gossipChannel(c)
		switch {
		case c.row.FundingTx != nil:
			n.broadcast(c.row.FundingTx)
		case c.row.CloseTx != nil && c.row.CloseHeight == 0:
			n.broadcast(c.row.CloseTx)
		case c.row.State == store.AwaitingUnilateral && c.row.CloseTx == nil:
			n.dropToChain(c)
		}
	}
	for _, tx := range n.wallet.UnconfirmedTxs() {
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

// dispatch runs a command of ours, or passes it to the plugin that has it.
func (n *node) dispatch(ctx context.Context, r *rpc.Request) (any, error) {
	if _, ok := n.plugins.Method(r.Method); !ok {
		return n.commands().Dispatch(ctx, r)
	}
	params := any(r.Params)
	if r.Params == nil {
		params = []any{}
	}
	result, err := n.plugins.CallRaw(ctx, r.Method, params)
	var failed *plugin.Error
	switch {
	case errors.As(err, &failed):
		e := rpc.Errorf(rpc.Code(failed.Code), "%s", failed.Message)
		if failed.Data != nil {
			e.Data = failed.Data
		}
		return nil, e
	case err != nil:
		return nil, rpc.Errorf(rpc.CodePluginTerminated, "%w", err)
	}
	return result, nil
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
	if n.plugins != nil {
		n.plugins.Stop(ctx)
	}
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
