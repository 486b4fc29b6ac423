package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/logs"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
)

type connectParams struct {
	ID   string  `param:"id" doc:"The node's public key, or id@host, or id@host:port."`
	Host string  `param:"host,optional" doc:"Its address or name, unless id has it."`
	Port *uint16 `param:"port" doc:"Its port; the network's usual one if omitted."`
}

type connectResult struct {
	ID        string       `json:"id" doc:"The peer."`
	Features  command.Hex  `json:"features" doc:"The feature bits in its init."`
	Direction string       `json:"direction" doc:"in or out: who connected."`
	Address   addressEntry `json:"address" doc:"Where it is."`
}

func (n *node) connectCommand() *command.Command {
	return command.New(command.Doc{
		Name: "connect", Category: command.Network,
		Short: "Connect to a node.",
		Long:  "If it is connected already, that is a success. A peer with a channel is reconnected by itself.",
		Errors: []command.Failure{
			{Code: rpc.CodeConnectNoKnownAddress, When: "No address was given, and none is known."},
			{Code: rpc.CodeConnectAllAddressesFailed, When: "All addresses were tried."},
			{Code: rpc.CodeConnectDisconnectedMeantime, When: "The connection did not last."},
		},
		SeeAlso: []string{"disconnect", "listpeers"},
	}, n.connect)
}

func (n *node) connect(ctx context.Context, p *connectParams) (*connectResult, error) {
	idText, host, found := strings.Cut(p.ID, "@")
	if found && p.Host != "" {
		return nil, command.BadParam("host", "is given twice: in id, and by itself")
	}
	if !found {
		host = p.Host
	}
	id, err := keys.ParsePubKey(idText)
	if err != nil {
		return nil, command.BadParam("id", "%w", err)
	}
	if id == n.id {
		return nil, command.BadParam("id", "is this node itself")
	}
	conn, err := n.reach(ctx, id, host, p.Port)
	if err != nil {
		return nil, err
	}
	r := &connectResult{ID: id.String(), Features: command.Hex(conn.features), Direction: "out", Address: showAddress(conn.addr)}
	if conn.incoming {
		r.Direction = "in"
	}
	return r, nil
}

// reach is the connection that a peer has already, whatever its address is said to be, or else a new one.
func (n *node) reach(ctx context.Context, id keys.PubKey, host string, port *uint16) (*peerConn, error) {
	var conn *peerConn
	err := n.onLoop(func() error {
		conn = n.servedConn(id)
		return nil
	})
	if err != nil || conn != nil {
		return conn, err
	}
	addrs, err := n.addressesOf(ctx, id, host, port)
	if err != nil {
		return nil, err
	}
	if conn, err = n.connectTo(ctx, id, addrs); err != nil {
		return nil, connectError(err)
	}
	return conn, nil
}

// connectError gives connectd's failure its code in the RPC.
func connectError(err error) error {
	var fail *ipc.Fail
	if errors.As(err, &fail) {
		return rpc.Errorf(rpc.Code(fail.Code), "%w", err)
	}
	return err
}

// addressesOf is where to try: what the caller says, or else where the peer was last.
func (n *node) addressesOf(ctx context.Context, id keys.PubKey, host string, port *uint16) ([]string, error) {
	if host == "" {
		return n.knownAddresses(ctx, id)
	}
	hostPort := host
	if port != nil {
		hostPort = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(int(*port)))
	}
	hostPort = withPort(hostPort, n.network.Port)
	name, portText, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, command.BadParam("host", "%w", err)
	}
	_, ipErr := netip.ParseAddr(name)
	if ipErr == nil || strings.HasSuffix(name, ".onion") || n.cfg.Bool("always-use-proxy") {
		return []string{hostPort}, nil
	}
	return n.lookUp(ctx, name, portText)
}

// findTime is how long it may take to find out what a peer has announced, names looked up.
const findTime = 30 * time.Second

// reconnectAddresses are where a peer is to be reached again: where it was reached before, then what it has announced, as
// it may have moved. There are none of one that always came to us: it does so again.
func (n *node) reconnectAddresses(id keys.PubKey) ([]string, error) {
	if _, err := n.db.PeerAddress(id); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(n.ctx, findTime)
	defer cancel()
	return n.knownAddresses(ctx, id)
}

// maxAnnounced is how many announced addresses of a node are tried. Each may take a minute, and a stranger may announce
// hundreds, of others.
const maxAnnounced = 8

// knownAddresses are where the peer was last, and what it has announced.
func (n *node) knownAddresses(ctx context.Context, id keys.PubKey) ([]string, error) {
	var known []string
	last, err := n.db.PeerAddress(id)
	switch {
	case err == nil:
		known = append(known, last)
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	announced, err := n.gossipedAddresses(ctx, id)
	if err != nil {
		return known, nil // gossipd is being started again
	}
	for _, a := range announced[:min(len(announced), maxAnnounced)] {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		addrs := []string{a}
		_, ipErr := netip.ParseAddr(host)
		if isName := ipErr != nil && !strings.HasSuffix(host, ".onion"); isName && !n.cfg.Bool("always-use-proxy") {
			if addrs, err = n.lookUp(ctx, host, port); err != nil {
				continue // the others may do
			}
		}
		known = append(known, n.dialable(addrs)...)
	}
	return slices.Compact(known), nil
}

// dialable are those of a stranger's addresses that lead out of our own network: what anybody announces must not have us
// knock at doors inside. On a chain of one's own all nodes may be inside.
func (n *node) dialable(announced []string) []string {
	if n.network.Name == "regtest" || n.cfg.Flag("dev-allow-localhost") {
		return announced
	}
	return slices.DeleteFunc(announced, isPrivate)
}

// lookUp asks the system's resolver: connectd opens no file and asks no name server.
func (n *node) lookUp(ctx context.Context, name, port string) ([]string, error) {
	if n.cfg.Flag("disable-dns") {
		return nil, rpc.Errorf(rpc.CodeConnectNoKnownAddress, "host: %s is a name, and the option disable-dns is set", name)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return nil, rpc.Errorf(rpc.CodeConnectAllAddressesFailed, "host: look up %s: %w", name, err)
	}
	for i, ip := range ips {
		ips[i] = net.JoinHostPort(ip, port)
	}
	return ips, nil
}

type disconnectParams struct {
	ID    keys.PubKey `param:"id" doc:"The peer."`
	Force bool        `param:"force" default:"false" doc:"Even if a channel is in use."`
}

type emptyResult struct{}

func (n *node) disconnectCommand() *command.Command {
	return command.New(command.Doc{
		Name: "disconnect", Category: command.Network,
		Short:   "End the connection to a peer.",
		Long:    "A peer with a channel in use is kept unless force is set; it is connected again soon.",
		SeeAlso: []string{"connect", "listpeers"},
	}, n.disconnect)
}

// disconnect returns once the connection is gone: a connect that follows makes another.
func (n *node) disconnect(ctx context.Context, p *disconnectParams) (*emptyResult, error) {
	var waiting chan struct{}
	err := n.onLoop(func() error {
		peer := n.peers[p.ID]
		if peer == nil || peer.conn == nil {
			return rpc.Errorf(rpc.CodeFailed, "id: peer %s is not connected", p.ID)
		}
		for _, c := range peer.channels {
			if c.proc != nil && !p.Force {
				return rpc.Errorf(rpc.CodeFailed, "id: peer has a channel in state %s; set force to disconnect all the same", c.row.State)
			}
		}
		waiting = n.disconnectWaiters.add(p.ID)
		n.connectd.send(&connectdmsg.Disconnect{ID: p.ID, Conn: peer.conn.conn})
		return nil
	})
	if err != nil {
		return nil, err
	}
	_, err = await(ctx, n, n.disconnectWaiters, p.ID, waiting)
	return &emptyResult{}, err
}

type listPeersParams struct {
	ID    *keys.PubKey `param:"id" doc:"Only this peer."`
	Level string       `param:"level,optional" enum:"io,trace,debug,info,unusual" doc:"Show the log about each peer from this level on."`
}

type peerResult struct {
	ID          string        `json:"id" doc:"Its public key."`
	Connected   bool          `json:"connected" doc:"Whether it is connected."`
	NumChannels int           `json:"num_channels" doc:"How many channels there are with it."`
	NetAddr     []string      `json:"netaddr,omitempty" doc:"Where it is connected."`
	RemoteAddr  string        `json:"remote_addr,omitempty" doc:"Our own address, as it sees us."`
	Features    *command.Hex  `json:"features,omitempty" doc:"The feature bits in its init."`
	Log         *[]logs.Entry `json:"log,omitempty" doc:"Records about it, if level was given."`
}

type listPeersResult struct {
	Peers []*peerResult `json:"peers" doc:"Peers that are connected or have a channel."`
}

func (n *node) listPeersCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listpeers", Category: command.Network,
		Short:   "List the peers that are connected or have a channel.",
		SeeAlso: []string{"connect", "listpeerchannels"},
	}, n.listPeers)
}

func (n *node) listPeers(_ context.Context, p *listPeersParams) (*listPeersResult, error) {
	r := &listPeersResult{Peers: []*peerResult{}}
	err := n.onLoop(func() error {
		for id, peer := range n.peers {
			if p.ID == nil || *p.ID == id {
				r.Peers = append(r.Peers, showPeer(peer))
			}
		}
		return nil
	})
	slices.SortFunc(r.Peers, func(a, b *peerResult) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	if p.Level != "" {
		level, levelErr := logs.ParseLevel(p.Level)
		err = errors.Join(err, levelErr)
		for _, peer := range r.Peers {
			peer.Log = &[]logs.Entry{}
			for _, e := range n.book.Recent(level, peer.ID).Log {
				if e.Type != "SKIPPED" {
					e.NodeID = peer.ID
				}
				*peer.Log = append(*peer.Log, e)
			}
		}
	}
	return r, err
}

func showPeer(p *peer) *peerResult {
	r := &peerResult{ID: p.id.String(), NumChannels: len(p.channels) + len(p.openings)}
	if c := p.conn; c != nil {
		features := command.Hex(c.features)
		r.Connected, r.NetAddr, r.RemoteAddr, r.Features = true, []string{c.addr}, c.remoteAddr, &features
	}
	return r
}

type pingParams struct {
	ID        keys.PubKey `param:"id" doc:"The peer."`
	Len       uint16      `param:"len" default:"128" doc:"Bytes of padding in the ping."`
	PongBytes uint16      `param:"pongbytes" default:"128" doc:"Bytes of padding to ask for in the pong; from 65532 on, none is sent."`
}

type pingResult struct {
	TotLen uint16 `json:"totlen" doc:"Length of the pong message, 0 if none was due."`
}

func (n *node) pingCommand() *command.Command {
	return command.New(command.Doc{
		Name: "ping", Category: command.Network,
		Short: "Send a peer a ping and wait for its pong.",
	}, n.ping)
}

func (n *node) ping(ctx context.Context, p *pingParams) (*pingResult, error) {
	if p.Len > connectdmsg.MaxPing {
		return nil, command.BadParam("len", "is %d, at most %d fit a message", p.Len, connectdmsg.MaxPing)
	}
	err := n.onLoop(func() error {
		switch peer := n.peers[p.ID]; {
		case peer == nil || peer.conn == nil:
			return rpc.Errorf(rpc.CodeFailed, "id: peer %s is not connected", p.ID)
		case n.pinging[p.ID]:
			return command.BadParam("id", "a ping to this peer is waiting for its pong already")
		}
		n.pinging[p.ID] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer n.loop.post(func() { delete(n.pinging, p.ID) })
	var reply connectdmsg.PingReply
	if _, err := n.connectd.child().Request(ctx, &connectdmsg.Ping{ID: p.ID, Len: p.Len, PongBytes: p.PongBytes}, &reply); err != nil {
		return nil, fmt.Errorf("ping: %w", err)
	}
	return &pingResult{reply.TotLen}, nil
}
