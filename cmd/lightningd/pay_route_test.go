package main

import (
	"errors"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// nodeID is some node; a greater number has the greater id.
func nodeID(b byte) keys.PubKey { return keys.PubKey{2, b} }

func hop(node byte, scid wire.ShortChannelID, base, ppm uint32, delta block.Delta) invoice.HopHint {
	return invoice.HopHint{NodeID: nodeID(node), ShortChannelID: scid, FeeBaseMsat: base, FeeProportionalMillionths: ppm, CLTVExpiryDelta: delta}
}

// TestBOLT11RouteHintFees follows an amount over the two steps of a hint, back from the payee.
func TestBOLT11RouteHintFees(t *testing.T) {
	d := destination{payee: nodeID(9), finalCLTV: 118}
	p := path{out: outChannel{id: 1, peer: nodeID(3), scid: 11}, hint: []invoice.HopHint{hop(3, 33, 1, 20, 3), hop(4, 44, 2, 30, 4)}}
	route, err := p.hops(10_000_000, &d)
	if err != nil {
		t.Fatal(err)
	}
	// 10,000,000 + 2 + 300 reach node 4; that + 1 + 200 (200.006 rounded down) reach node 3.
	want := []struct {
		node byte
		scid wire.ShortChannelID
		amt  amount.Msat
		cltv block.Height
	}{{3, 11, 10_000_503, 125}, {4, 33, 10_000_302, 122}, {9, 44, 10_000_000, 118}}
	if len(route) != len(want) {
		t.Fatalf("%d hops, want %d", len(route), len(want))
	}
	for i, w := range want {
		h := route[i]
		if h.NodeID != nodeID(w.node) || h.ShortChannelID != w.scid || h.Amount != w.amt || h.CLTVExpiry != w.cltv {
			t.Errorf("hop %d: %+v, want %+v", i, h, w)
		}
	}
}

func TestMostDeliveredFitsTheChannel(t *testing.T) {
	d := destination{payee: nodeID(9), finalCLTV: 100}
	for _, spendable := range []amount.Msat{0, 999, 1000, 1001, 123_457, 999_999_999, 21e6 * 1e11} {
		for _, ppm := range []uint32{0, 1, 3333, 1_000_000, 1<<32 - 1} {
			p := path{hint: []invoice.HopHint{hop(3, 33, 1000, ppm, 1), hop(4, 44, 0, ppm, 1)}}
			amt := p.mostDelivered(spendable)
			if amt == 0 {
				continue
			}
			route, err := p.hops(amt, &d)
			if err != nil || route[0].Amount > spendable {
				t.Errorf("spendable %s at %d ppm: delivers %s, for which the channel sends %s, %v", spendable, ppm, amt, route[0].Amount, err)
			}
		}
	}
}

func newPlanner(hints ...[]invoice.HopHint) *planner {
	return &planner{
		dest:   destination{payee: nodeID(9), finalCLTV: 110, hints: hints, exclude: newExclusions(nodeID(1), nil)},
		height: 100, maxFee: 5000, maxDelay: 2016, limits: map[pathKey]amount.Msat{},
	}
}

func out(id uint64, peer byte, spendable amount.Msat) outChannel {
	return outChannel{id, nodeID(peer), wire.ShortChannelID(10 + id), spendable}
}

func TestPlan(t *testing.T) {
	hint := []invoice.HopHint{hop(3, 33, 1000, 0, 40)}
	dear := []invoice.HopHint{hop(3, 33, 6000, 0, 40)}
	slow := []invoice.HopHint{hop(3, 33, 0, 0, 2010)}
	for _, c := range []struct {
		name     string
		planner  *planner
		split    bool
		channels []outChannel
		parts    []amount.Msat
		code     rpc.Code
	}{
		{"no channel", newPlanner(), true, nil, nil, rpc.CodePayRouteNotFound},
		{"none to the payee", newPlanner(hint), true, []outChannel{out(1, 5, 9e6)}, nil, rpc.CodePayRouteNotFound},
		{"direct", newPlanner(), false, []outChannel{out(1, 9, 1e6)}, []amount.Msat{1e6}, 0},
		{"direct before a hint", newPlanner(hint), false, []outChannel{out(1, 3, 9e6), out(2, 9, 1e6)}, []amount.Msat{1e6}, 0},
		{"hint", newPlanner(hint), false, []outChannel{out(1, 3, 1_001_000)}, []amount.Msat{1e6}, 0},
		{"hint but for its fee", newPlanner(hint), false, []outChannel{out(1, 3, 1_000_999)}, nil, rpc.CodePayRouteNotFound},
		{"hint too dear", newPlanner(dear), true, []outChannel{out(1, 3, 9e6)}, nil, rpc.CodePayRouteTooExpensive},
		{"hint too slow", newPlanner(slow), true, []outChannel{out(1, 3, 9e6)}, nil, rpc.CodePayRouteTooExpensive},
		{"split", newPlanner(), true, []outChannel{out(1, 9, 400_000), out(2, 9, 700_000)}, []amount.Msat{700_000, 300_000}, 0},
		{"must not split", newPlanner(), false, []outChannel{out(1, 9, 400_000), out(2, 9, 700_000)}, nil, rpc.CodePayRouteNotFound},
		{"no tiny rest", newPlanner(), true, []outChannel{out(1, 9, 999_000), out(2, 9, 500_000)}, []amount.Msat{990_000, 10_000}, 0},
		{"too narrow", newPlanner(), true, []outChannel{out(1, 9, 400_000), out(2, 9, 500_000)}, nil, rpc.CodePayRouteNotFound},
		{"two hints share a channel", newPlanner(hint, []invoice.HopHint{hop(3, 34, 0, 0, 40)}), true, []outChannel{out(1, 3, 900_000)}, nil, rpc.CodePayRouteNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.planner.split = c.split
			parts, err := c.planner.plan(1e6, c.channels)
			var e *rpc.Error
			if errors.As(err, &e); c.code == 0 && err != nil || c.code != 0 && (e == nil || e.Code != c.code) {
				t.Fatalf("error %v, want code %d", err, c.code)
			}
			if len(parts) != len(c.parts) {
				t.Fatalf("%d parts, want %v", len(parts), c.parts)
			}
			for i := range parts {
				if parts[i].amt != c.parts[i] {
					t.Errorf("part %d of %s, want %s", i, parts[i].amt, c.parts[i])
				}
			}
		})
	}
}

func TestPlanLearnsFromFailures(t *testing.T) {
	pl := newPlanner()
	pl.split = true
	channels := []outChannel{out(1, 9, 5e6), out(2, 9, 5e6)}
	first, err := pl.plan(1e6, channels)
	if err != nil || len(first) != 1 {
		t.Fatalf("%d parts, %v", len(first), err)
	}
	pl.learn(first[0].key, 1e6, true)
	second, err := pl.plan(1e6, channels)
	if err != nil || len(second) != 1 || second[0].key == first[0].key {
		t.Fatalf("after a lasting failure: %+v, %v", second, err)
	}
	pl.learn(second[0].key, 1e6, false)
	if third, err := pl.plan(1e6, channels); err == nil {
		t.Fatalf("half of one channel is left: %+v", third)
	}
	if third, err := pl.plan(5e5, channels); err != nil || third[0].key != second[0].key {
		t.Fatalf("what one channel may still carry: %+v, %v", third, err)
	}
}

func TestExclude(t *testing.T) {
	hint := []invoice.HopHint{hop(3, 33, 0, 0, 1), hop(4, 44, 0, 0, 1)}
	channels := []outChannel{out(1, 3, 9e6)}
	node := func(b byte) excluded { id := nodeID(b); return excluded{node: &id} }
	direction := func(id wire.ShortChannelID, d uint8) excluded {
		return excluded{channel: command.ShortChannelIDDir{ID: id, Direction: d}}
	}
	for _, c := range []struct {
		name  string
		items []excluded
		left  int
	}{
		{"nothing", nil, 1},
		{"our peer", []excluded{node(3)}, 0},
		{"a node on the way", []excluded{node(4)}, 0},
		{"another node", []excluded{node(5)}, 1},
		{"our channel", []excluded{direction(11, 0)}, 0},
		{"our channel the other way", []excluded{direction(11, 1)}, 1},
		{"a channel on the way", []excluded{direction(44, 0)}, 0},
		{"a channel on the way, the other way", []excluded{direction(44, 1)}, 1},
	} {
		d := destination{payee: nodeID(9), hints: [][]invoice.HopHint{hint}, exclude: newExclusions(nodeID(1), c.items)}
		if paths := d.paths(channels); len(paths) != c.left {
			t.Errorf("%s: %d paths, want %d", c.name, len(paths), c.left)
		}
	}
}
