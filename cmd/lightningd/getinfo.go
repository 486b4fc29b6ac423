package main

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/config"
	"fulmen/internal/features"
	"fulmen/internal/logs"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/version"
)

type getInfoResult struct {
	ID                   string         `json:"id" doc:"This node's public key."`
	Alias                string         `json:"alias" doc:"Its name, as others see it."`
	Color                command.Hex    `json:"color" doc:"Its colour, as others see it."`
	NumPeers             int            `json:"num_peers" doc:"Peers that are connected or have a channel."`
	NumPendingChannels   int            `json:"num_pending_channels" doc:"Channels that are being opened."`
	NumActiveChannels    int            `json:"num_active_channels" doc:"Channels that can be used."`
	NumInactiveChannels  int            `json:"num_inactive_channels" doc:"Channels that are being closed."`
	Address              []addressEntry `json:"address" doc:"The addresses that are announced."`
	Binding              []addressEntry `json:"binding" doc:"The addresses that are listened on."`
	Version              string         `json:"version" doc:"The API level, then the version of this program."`
	BlockHeight          block.Height   `json:"blockheight" doc:"Height of the last block that was processed."`
	Network              string         `json:"network" doc:"The chain."`
	FeesCollectedMsat    amount.Msat    `json:"fees_collected_msat" doc:"Earned by forwarding."`
	LightningDir         string         `json:"lightning-dir" doc:"Where everything of this node is."`
	OurFeatures          featureSet     `json:"our_features" doc:"Feature bits, in hex, by where they are shown."`
	WarningBitcoindSync  string         `json:"warning_bitcoind_sync,omitempty" doc:"The chain backend is away or behind."`
	WarningLightningSync string         `json:"warning_lightningd_sync,omitempty" doc:"This node is behind its backend."`
}

type featureSet struct {
	Init    command.Hex `json:"init" doc:"In init."`
	Node    command.Hex `json:"node" doc:"In node_announcement."`
	Channel command.Hex `json:"channel" doc:"In channel_announcement."`
	Invoice command.Hex `json:"invoice" doc:"In invoices."`
}

// addressEntry is a network address as the RPC shows it.
type addressEntry struct {
	Type    string `json:"type" doc:"ipv4, ipv6, torv3 or dns."`
	Address string `json:"address" doc:"The address."`
	Port    uint16 `json:"port" doc:"The TCP port."`
}

func showAddress(hostPort string) addressEntry {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	p, _ := strconv.ParseUint(port, 10, 16)
	e := addressEntry{Type: "dns", Address: host, Port: uint16(p)}
	switch ip := net.ParseIP(host); {
	case ip != nil && ip.To4() != nil:
		e.Type = "ipv4"
	case ip != nil:
		e.Type = "ipv6"
	case len(host) == 62 && host[56:] == ".onion":
		e.Type = "torv3"
	}
	return e
}

func (n *node) getInfoCommand() *command.Command {
	return command.New(command.Doc{
		Name: "getinfo", Category: command.Utility,
		Short: "Show what this node is and how it is.",
		Long:  "A warning is there while the chain backend is away, or not all of its blocks are processed: then what this node says of coins and heights is old.",
	}, n.getInfo)
}

func (n *node) getInfo(context.Context, *command.None) (*getInfoResult, error) {
	status := n.chain.Status()
	r := &getInfoResult{
		ID: n.id.String(), Alias: n.alias(), Color: n.color(), Version: version.Version, Network: n.network.Name,
		LightningDir: n.cfg.NetworkDir(), Address: []addressEntry{}, Binding: []addressEntry{},
		OurFeatures: featureSet{
			Init: command.Hex(n.ourFeatures(features.Init)), Node: command.Hex(n.ourFeatures(features.NodeAnnouncement)),
			Channel: command.Hex(n.ourFeatures(features.ChannelAnnouncement)), Invoice: command.Hex(n.ourFeatures(features.Invoice)),
		},
		WarningBitcoindSync: status.BitcoindWarning(), WarningLightningSync: status.LightningdWarning(),
	}
	for _, a := range n.announcedAddresses() {
		r.Address = append(r.Address, showAddress(a))
	}
	for _, a := range *n.bound.Load() {
		r.Binding = append(r.Binding, showAddress(a))
	}
	var err error
	if r.FeesCollectedMsat, err = n.db.FeesCollected(); err != nil {
		return nil, err
	}
	err = n.onLoop(func() error {
		r.BlockHeight, r.NumPeers = n.blockHeight, len(n.peers)
		for _, c := range n.channels {
			switch c.row.State {
			case store.AwaitingLockin:
				r.NumPendingChannels++
			case store.Normal:
				r.NumActiveChannels++
			default:
				r.NumInactiveChannels++
			}
		}
		for _, p := range n.peers {
			r.NumPendingChannels += len(p.openings)
		}
		return nil
	})
	return r, err
}

// alias is the node's name: the option, or one made from its id.
func (n *node) alias() string {
	if a := n.cfg.String("alias"); a != "" {
		return a
	}
	return fmt.Sprintf("fulmen-%x", n.id[:4])
}

// color is the node's colour: the option, or the first bytes of its id.
func (n *node) color() command.Hex {
	var c command.Hex
	if err := c.UnmarshalText([]byte(n.cfg.String("rgb"))); err != nil || len(c) != 3 {
		return n.id[:3]
	}
	return c
}

func (n *node) stopCommand() *command.Command {
	return command.New(command.Doc{
		Name: "stop", Category: command.Utility,
		Short:   "Shut this node down.",
		Long:    "Everything is stored at every moment; nothing is lost. The reply comes when all has ended but the RPC.",
		SeeAlso: []string{"graceful"},
	}, func(context.Context, *command.None) (string, error) {
		n.stopOnce.Do(func() { close(n.stopRequested) })
		<-n.stopped
		return "Shutdown complete", nil
	})
}

type getLogParams struct {
	Level string `param:"level" enum:"broken,unusual,info,debug,trace,io" default:"info" doc:"The least level to show."`
}

func (n *node) getLogCommand() *command.Command {
	return command.New(command.Doc{
		Name: "getlog", Category: command.Utility,
		Short: "Show the latest records of the log.",
		Long:  "The node keeps them in memory up to bytes_max; a record of type SKIPPED says how many are left out. The option log-level decides what is recorded.",
	}, func(_ context.Context, p *getLogParams) (*logs.Recent, error) {
		level, err := logs.ParseLevel(p.Level)
		if err != nil {
			return nil, command.BadParam("level", "%w", err)
		}
		recent := n.book.Recent(level, "")
		return &recent, nil
	})
}

type listConfigsParams struct {
	Config string `param:"config,optional" doc:"Only this option."`
}

type listConfigsResult struct {
	Configs config.Listing `json:"configs" doc:"Each option that has a value, and where it is from."`
}

func (n *node) listConfigsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listconfigs", Category: command.Utility,
		Short: "List the options that are in force.",
	}, func(_ context.Context, p *listConfigsParams) (*listConfigsResult, error) {
		list := n.cfg.List(p.Config)
		if list == nil && p.Config != "" {
			return nil, command.BadParam("config", "there is no option %q", p.Config)
		}
		return &listConfigsResult{list}, nil
	})
}

type waitBlockHeightParams struct {
	Height  block.Height `param:"blockheight" doc:"The height to wait for."`
	Timeout uint32       `param:"timeout" default:"60" doc:"Seconds to wait at most."`
}

type waitBlockHeightResult struct {
	Height block.Height `json:"blockheight" doc:"The height that is reached."`
}

func (n *node) waitBlockHeightCommand() *command.Command {
	return command.New(command.Doc{
		Name: "waitblockheight", Category: command.Utility,
		Short:  "Wait until the chain has reached a height.",
		Errors: []command.Failure{{Code: rpc.CodeWaitBlockHeightTimeout, When: "It did not in time."}},
	}, n.waitBlockHeight)
}

// waitBlockHeight returns once everything in the node knows of the height, and what the blocks mean is on disk: lists
// that follow have it, and peers that open a channel are not refused.
func (n *node) waitBlockHeight(ctx context.Context, p *waitBlockHeightParams) (*waitBlockHeightResult, error) {
	reached := make(chan block.Height, 1)
	if err := n.onLoop(func() error {
		if n.toldHeight >= p.Height {
			reached <- n.toldHeight
			return nil
		}
		n.heightWaiters[reached] = p.Height
		return nil
	}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, seconds(uint64(p.Timeout)),
		rpc.Errorf(rpc.CodeWaitBlockHeightTimeout, "height %d was not reached within %d seconds", p.Height, p.Timeout))
	defer cancel()
	select {
	case h := <-reached:
		return &waitBlockHeightResult{h}, n.db.Update(func(*storeTx) error { return nil })
	case <-ctx.Done():
		n.loop.post(func() { delete(n.heightWaiters, reached) })
		return nil, context.Cause(ctx)
	}
}
