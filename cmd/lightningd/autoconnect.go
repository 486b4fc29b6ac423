package main

import (
	"math/rand/v2"
	"time"

	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/keys"
)

// autoconnectPause is how long a node with few connections waits before it looks for another.
func (n *node) autoconnectPause() time.Duration {
	if n.network.Name == "regtest" {
		return time.Second
	}
	return time.Minute
}

// autoconnect keeps at least as many connections as the option says, to nodes chosen at random, as far as
// there are such: gossip comes from peers, and no single one is to decide what we know of the network.
func (n *node) autoconnect() {
	want := int(n.cfg.Int("autoconnect-seeker-peers"))
	if want == 0 || n.cfg.Flag("offline") || n.cfg.Flag("dev-no-reconnect") {
		return
	}
	tick := time.NewTicker(n.autoconnectPause())
	defer tick.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-tick.C:
		}
		have := map[keys.PubKey]bool{}
		n.loop.call(func() {
			for id, p := range n.peers {
				if p.conn != nil {
					have[id] = true
				}
			}
		})
		if missing := want - len(have); missing > 0 {
			n.connectToSome(missing, have)
		}
	}
}

// connectToSome tries a few nodes more than are missing: some cannot be reached.
func (n *node) connectToSome(missing int, have map[keys.PubKey]bool) {
	var reply gossipdmsg.PickNodesReply
	pick := &gossipdmsg.PickNodes{Random: rand.Uint64(), Max: uint32(min(2*missing+len(have), gossipdmsg.MaxPick))}
	if _, err := n.gossipd.child().Request(n.ctx, pick, &reply); err != nil {
		return // gossipd is being started again
	}
	for _, id := range reply.IDs {
		if missing == 0 || n.ctx.Err() != nil {
			return
		}
		if have[id] {
			continue
		}
		addrs, err := n.knownAddresses(n.ctx, id)
		if err == nil && len(addrs) > 0 {
			_, err = n.connectTo(n.ctx, id, addrs)
		}
		if err != nil {
			n.log.Debug("node is not reached for its gossip", "peer_id", id, "error", err)
			continue
		}
		if len(addrs) > 0 {
			missing--
		}
	}
}
