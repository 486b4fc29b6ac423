package network

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"fulmen/internal/gossipstore"
	"fulmen/internal/wire"
	"fulmen/tests/harness"
)

// view is what a node's gossip_store says.
type view struct {
	channels map[wire.ShortChannelID]bool
	updates  map[wire.ShortChannelID]map[byte]*wire.ChannelUpdate // by side
	nodes    map[string]*wire.NodeAnnouncement                    // by id
}

// viewOf reads a node's gossip_store, as any tool would.
func viewOf(t *testing.T, n *harness.Node) view {
	t.Helper()
	v := view{
		channels: map[wire.ShortChannelID]bool{}, updates: map[wire.ShortChannelID]map[byte]*wire.ChannelUpdate{},
		nodes: map[string]*wire.NodeAnnouncement{},
	}
	r, err := gossipstore.Open(filepath.Join(n.Dir, "regtest", "gossip_store"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return v
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Flags&gossipstore.Deleted != 0 || rec.Type() > wire.MsgChannelUpdate {
			continue
		}
		msg, err := wire.Decode(rec.Msg)
		if err != nil {
			t.Fatal(err)
		}
		switch msg := msg.(type) {
		case *wire.ChannelAnnouncement:
			v.channels[msg.ShortChannelID] = true
			v.updates[msg.ShortChannelID] = map[byte]*wire.ChannelUpdate{}
		case *wire.ChannelUpdate:
			if sides := v.updates[msg.ShortChannelID]; sides != nil { // a channel's records are deleted one by one
				sides[msg.ChannelFlags&wire.ChannelFlagDirection] = msg
			}
		case *wire.NodeAnnouncement:
			v.nodes[msg.NodeID.String()] = msg
		}
	}
}

// waitView waits until a node's view is as try wants.
func waitView(t *testing.T, n *harness.Node, what string, try func(v view) error) {
	t.Helper()
	harness.Eventually(t, n.Name+": "+what, func() error { return try(viewOf(t, n)) })
}

// has is nil if the view has so many channels, each with both updates, and nodes.
func has(channels, nodes int) func(view) error {
	return func(v view) error {
		if len(v.channels) != channels || len(v.nodes) != nodes {
			return fmt.Errorf("%d channels and %d nodes, want %d and %d", len(v.channels), len(v.nodes), channels, nodes)
		}
		for id, sides := range v.updates {
			if len(sides) != 2 {
				return fmt.Errorf("channel %s has %d updates", id, len(sides))
			}
		}
		return nil
	}
}

// TestThirdNodeHearsOfAChannel: Alice and Bob announce their channel. Carol, connected to Bob from the
// beginning, hears it as it happens; Dave, who comes later, asks for it.
func TestThirdNodeHearsOfAChannel(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", "--alias=ALICE", "--rgb=010203", "--announce-addr=203.0.113.7:9735")
	bob := harness.StartNode(t, btcd, "bob")
	carol := harness.StartNode(t, btcd, "carol")
	alice.FundWallet(1_000_000)
	carol.Connect(bob)
	alice.Connect(bob)
	alice.OpenChannel(bob, 500_000)
	for _, n := range []*harness.Node{alice, bob, carol} {
		waitView(t, n, "hears of the channel", has(1, 2))
	}
	announced := viewOf(t, carol).nodes[alice.ID()]
	if alias := string(announced.Alias[:5]); alias != "ALICE" || announced.RGBColor != [3]byte{1, 2, 3} || len(announced.Addresses) != 7 {
		t.Errorf("Alice says that she is %q, %x, at %x", alias, announced.RGBColor, announced.Addresses)
	}

	// A change of terms goes out.
	alice.Call("setchannel", map[string]any{"id": "all", "feebase": 4321}, nil)
	waitView(t, carol, "hears of the new fee", func(v view) error {
		for _, sides := range v.updates {
			for _, u := range sides {
				if u.FeeBaseMsat == 4321 {
					return nil
				}
			}
		}
		return errors.New("the fee is the old one")
	})

	// Dave asks Carol, who has no channel.
	dave := harness.StartNode(t, btcd, "dave")
	dave.Connect(carol)
	waitView(t, dave, "asks for the channel", has(1, 2))

	// All know it after a restart, and nothing is said anew.
	before := viewOf(t, bob)
	bob.Restart()
	waitView(t, bob, "has the channel", has(1, 2))
	for id, sides := range viewOf(t, bob).updates {
		for side, u := range sides {
			if u.Timestamp != before.updates[id][side].Timestamp {
				t.Errorf("the update of %s from side %d was made anew", id, side)
			}
		}
	}

	// The channel is closed: it is said to be disabled, and spent.
	for _, n := range []*harness.Node{alice, carol} {
		n.Connect(bob)
	}
	alice.Call("close", []any{bob.ID(), int(harness.Patience.Seconds())}, nil)
	btcd.WaitMempool(1)
	// Once it is spent nobody is told any more: so it is not mined before.
	waitView(t, carol, "hears that the channel closes", func(v view) error {
		for _, sides := range v.updates {
			for _, u := range sides {
				if u.ChannelFlags&wire.ChannelFlagDisable != 0 {
					return nil
				}
			}
		}
		return errors.New("it is not disabled")
	})
	btcd.Mine(1 + 73)
	for _, n := range []*harness.Node{alice, bob, carol, dave} {
		n.Sync()
		waitView(t, n, "forgets the channel", has(0, 0))
	}
}
