package main

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"fulmen/internal/gossip"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/wire"
)

// BenchmarkGossipVerify takes a signed network from a peer: decoding, judging, all signatures, and what
// would be stored. It reports signatures a second, and that as a share of what the same cores do when they
// do nothing but check these signatures.
func BenchmarkGossipVerify(b *testing.B) {
	const now = 1_700_000_000
	n := graphtest.Generate(graphtest.Config{Seed: 1, Nodes: 200, Channels: 500, ChainHash: [32]byte{1}, Now: now})
	messages := encodeAll(n)
	fundingScripts(n) // made before the clock runs
	var taken, raw time.Duration
	signatures := 0
	for b.Loop() {
		begin := time.Now()
		checks := takeAll(b, n, messages, now)
		taken += time.Since(begin)
		begin = time.Now()
		verifyOnly(checks)
		raw += time.Since(begin)
		signatures += len(checks)
	}
	b.ReportMetric(float64(signatures)/taken.Seconds(), "sigs/s")
	b.ReportMetric(float64(raw)/float64(taken), "of-raw-speed")
}

// encodeAll makes the network's messages in the order in which an answer to a query has them.
func encodeAll(n *graphtest.Network) [][]byte {
	var messages [][]byte
	for i := range n.Channels {
		messages = append(messages, n.ChannelAnnouncement(i), n.ChannelUpdate(i, 0), n.ChannelUpdate(i, 1))
	}
	for i := range n.IDs {
		messages = append(messages, n.NodeAnnouncement(i))
	}
	return messages
}

// takeAll lets a machine take all messages, with the chain's answer at once, and returns what was checked.
func takeAll(b *testing.B, n *graphtest.Network, messages [][]byte, now gossip.Timestamp) []gossip.Check {
	m := gossip.New(gossip.Self{ID: alice, ChainHash: [32]byte{1}, Height: 1_000_000})
	m.Loader().Done(now, 1, 0)
	var all []gossip.Check
	stored := 0
	step := func(ev gossip.Event) {
		for events := []gossip.Event{ev}; len(events) > 0; events = events[1:] {
			actions, err := m.Step(now, events[0])
			if err != nil {
				b.Fatal(err)
			}
			for _, a := range actions {
				switch a := a.(type) {
				case gossip.Verify:
					all = append(all, a.Checks...)
					events = append(events, gossip.Verified{Good: verify(a.Checks)})
				case gossip.AskFunding:
					events = append(events, fundingOf(b, n, a.IDs))
				case gossip.Append:
					stored++
				}
			}
		}
	}
	step(gossip.PeerUp{ID: bob})
	for i, raw := range messages {
		step(gossip.PeerSent{ID: bob, Raw: raw})
		if i%1000 == 999 {
			step(gossip.Idle{})
		}
	}
	step(gossip.Idle{})
	step(gossip.Idle{})
	if want := len(n.Channels) * 5; stored < want {
		b.Fatalf("%d records were stored, want %d at least", stored, want)
	}
	return all
}

// fundingOf is what the chain would say, looked up by what graphtest makes.
func fundingOf(b *testing.B, n *graphtest.Network, ids []wire.ShortChannelID) gossip.FundingChecked {
	scripts := fundingScripts(n)
	var ev gossip.FundingChecked
	for _, id := range ids {
		f, ok := scripts[id]
		if !ok {
			b.Fatalf("the chain was asked for %s", id)
		}
		ev.Results = append(ev.Results, f)
	}
	return ev
}

var fundingScripts = func() func(n *graphtest.Network) map[wire.ShortChannelID]gossip.Funding {
	var once sync.Once
	byID := map[wire.ShortChannelID]gossip.Funding{}
	return func(n *graphtest.Network) map[wire.ShortChannelID]gossip.Funding {
		once.Do(func() {
			for i, c := range n.Channels {
				msg, err := wire.Decode(n.ChannelAnnouncement(i))
				if err != nil {
					panic(err)
				}
				a := msg.(*wire.ChannelAnnouncement)
				byID[c.SCID] = gossip.Funding{
					ShortChannelID: c.SCID, Unspent: true, Amount: c.Capacity,
					Script: gossip.FundingScript(a.BitcoinKey1, a.BitcoinKey2), Txid: [32]byte{byte(i), byte(i >> 8)},
				}
			}
		})
		return byID
	}
}()

// verifyOnly checks signatures on all cores, and does nothing else.
func verifyOnly(checks []gossip.Check) {
	var wg sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	for core := range cores {
		wg.Go(func() {
			for i := core; i < len(checks); i += cores {
				checks[i].Good()
			}
		})
	}
	wg.Wait()
}
