package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/signer"
)

// errNoSecret refuses everything that needs a key before Init.
var errNoSecret = errors.New("the node's secret is not here yet")

// hsm is what all clients share.
type hsm struct {
	requests ipc.Table[client]

	mu       sync.Mutex
	node     *signer.Node // nil before Init
	network  string
	channels map[channelID]*channel
}

// channelID names a channel as lightningd's database does.
type channelID struct {
	peer keys.PubKey
	dbid uint64
}

// channel is one channel's signer; a new channeld may come before the old one's socket has ended.
type channel struct {
	mu        sync.Mutex
	forgotten bool // it is in nobody's table any more: a second signer may be made for its keys
	*signer.Channel
}

// client is one socket's other end.
type client struct {
	hsm     *hsm
	name    string // for the log
	rights  ipc.Rights
	channel *channel // with RightCommitment or RightOnchain
}

// newMaster is lightningd's own socket.
func newMaster() *client {
	return &client{
		hsm:    &hsm{requests: requests, channels: make(map[channelID]*channel)},
		name:   "lightningd",
		rights: hsmdmsg.RightMaster | hsmdmsg.RightECDH | hsmdmsg.RightGossip | hsmdmsg.RightWallet,
	}
}

// serve answers one client until its socket ends, and says why if that is a refusal.
func (c *client) serve(conn *ipc.Conn) error {
	defer conn.Close()
	err := c.hsm.requests.Serve(conn, c, c.rights)
	if err != nil {
		slog.Error("refused, and closed the socket", "client", c.name, "error", err)
	}
	return err
}

// refusal is how a well-formed request that is refused ends: for lightningd with an answer, as
// without its socket the node ends; for any other client with its socket.
func (c *client) refusal(err error) error {
	if err == nil || !c.rights.Has(hsmdmsg.RightMaster) {
		return err
	}
	slog.Error("refused", "client", c.name, "error", err)
	return ipc.Failf(hsmdmsg.CodeRefused, "hsmd refuses: %v", err)
}

// signer is the node's, once Init has brought its secret.
func (h *hsm) signer() (*signer.Node, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.node == nil {
		return nil, errNoSecret
	}
	return h.node, nil
}

// find returns a channel's signer, made on the first call.
func (h *hsm) find(id channelID) (*channel, error) {
	node, err := h.signer()
	if err != nil {
		return nil, err
	}
	if err := id.peer.Check(); err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := h.channels[id]
	if ch == nil {
		ch = &channel{Channel: node.Channel(id.peer, id.dbid)}
		h.channels[id] = ch
	}
	return ch, nil
}

// errForgotten refuses a client whose channel is gone.
var errForgotten = errors.New("the channel was forgotten")

// forget frees a channel that came to nothing; a client that still has it is refused from then on. One
// that was set up stays: what it has revoked must not be signed, and what was broadcast not revoked,
// even if lightningd has been taken over and says that it starts anew.
func (h *hsm) forget(id channelID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := h.channels[id]
	if ch == nil {
		return
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.IsSetUp() {
		ch.forgotten = true
		delete(h.channels, id)
	}
}

// connect makes a socket for a new client and answers it in a goroutine of its own.
func connect(c *client) (*os.File, error) {
	ours, theirs, err := ipc.Pair()
	if err != nil {
		return nil, err
	}
	go c.serve(ipc.NewConn(ours))
	return theirs, nil
}
