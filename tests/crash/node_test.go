package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// node is a lightningd that dies and comes back while others call it. The methods of harness.Node
// are for the test's own goroutine, call is for all.
type node struct {
	*harness.Node
	t  *testing.T
	id string

	mu     sync.Mutex
	client *rpc.Client
	up     chan struct{} // closed while client can be used
	doomed bool          // lightningd was killed, or will die of what was
}

func newNode(t *testing.T, n *harness.Node) *node {
	t.Helper()
	node := &node{Node: n, t: t, id: n.ID(), up: make(chan struct{}), doomed: true}
	node.revived()
	t.Cleanup(func() { node.client.Close() })
	return node
}

// doom announces that lightningd is about to die.
func (n *node) doom() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.doomed = true
	n.up = make(chan struct{})
}

// revived tells all who wait that lightningd is back.
func (n *node) revived() {
	n.t.Helper()
	client, err := rpc.Dial(n.RPCFile())
	if err != nil {
		n.t.Fatalf("%s: %v", n.Name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client != nil {
		n.client.Close()
	}
	n.client, n.doomed = client, false
	close(n.up)
}

// call asks until a lightningd answers that is not about to die: what breaks because it was killed, or
// hsmd under it, is asked again. So it is for requests that may be made twice. An error that is no
// *rpc.Error is a bug of the node.
func (n *node) call(ctx context.Context, method string, params, result any) error {
	for {
		n.mu.Lock()
		up := n.up
		n.mu.Unlock()
		select {
		case <-up:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		n.mu.Lock()
		client := n.client
		n.mu.Unlock()
		err := client.Call(ctx, method, params, result)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if n.dies(client) {
			continue
		}
		var answer *rpc.Error
		if !errors.As(err, &answer) {
			return fmt.Errorf("%s: %s: nobody killed lightningd: %w", n.Name, method, err)
		}
		return err
	}
}

// dies reports whether the lightningd at the end of a connection is, or will be, dead.
func (n *node) dies(client *rpc.Client) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.doomed || n.client != client
}

// channel is what the test looks at in listpeerchannels.
type channel struct {
	ShortChannelID string            `json:"short_channel_id"`
	State          string            `json:"state"`
	Connected      bool              `json:"peer_connected"`
	Reestablished  bool              `json:"reestablished"`
	ToUs           amount.Msat       `json:"to_us_msat"`
	Total          amount.Msat       `json:"total_msat"`
	HTLCs          []json.RawMessage `json:"htlcs"`
}

// channels asks a node that is up.
func (n *node) channels() []channel {
	n.t.Helper()
	var list struct {
		Channels []channel `json:"channels"`
	}
	n.Call("listpeerchannels", nil, &list)
	return list.Channels
}

// channel is the only one that there may be.
func (n *node) channel() channel {
	n.t.Helper()
	list := n.channels()
	if len(list) != 1 {
		n.t.Fatalf("%s has %d channels: %+v", n.Name, len(list), list)
	}
	return list[0]
}

// usable is nil once a payment can be sent.
func (n *node) usable() error {
	n.t.Helper()
	list := n.channels()
	if len(list) != 1 || !list[0].usable() {
		return fmt.Errorf("channels are %+v", list)
	}
	return nil
}

func (c *channel) usable() bool {
	return c.State == "CHANNELD_NORMAL" && c.Connected && c.Reestablished
}
