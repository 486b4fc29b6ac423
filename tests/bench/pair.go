package main

import (
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/delay"
	"fulmen/tests/harness"
)

// pair is two nodes with channels from one to the other.
type pair struct {
	*run
	chain        *harness.Btcd
	payer, payee *harness.Node
	pay, receive *rpc.Client // one connection to each, which every request of a bench shares
	scid         string      // of the first channel
	// hops is the way that payments take; nil: the first channel.
	hops func(invoice, amount.Msat) []hop
}

// newPair starts two nodes, connects them at a distance, and opens the channels.
func (r *run) newPair(channels int, oneWay time.Duration, options ...string) *pair {
	r.Helper()
	p := &pair{run: r, chain: harness.StartBtcd(r)}
	options = append([]string{"--log-level=info"}, options...)
	p.payer = harness.StartNode(r, p.chain, "payer", options...)
	p.payee = harness.StartNode(r, p.chain, "payee", options...)
	p.connect(oneWay)
	p.payer.FundWallet(funding * amount.Sat(channels+1))
	for range channels {
		p.payer.OpenChannel(p.payee, funding)
	}
	p.scid = p.payer.Channels()[0].SCID
	p.pay, p.receive = p.dial(p.payer), p.dial(p.payee)
	return p
}

func (p *pair) connect(oneWay time.Duration) {
	p.Helper()
	address := p.payee.Address()
	if oneWay > 0 {
		proxy, err := delay.Listen(address, oneWay)
		if err != nil {
			p.Fatalf("delaying proxy: %v", err)
		}
		p.Cleanup(func() { proxy.Close() })
		address = proxy.Addr()
	}
	p.payer.Call("connect", map[string]any{"id": p.payee.ID() + "@" + address}, nil)
}

func (p *pair) dial(n *harness.Node) *rpc.Client {
	p.Helper()
	c, err := rpc.Dial(n.RPCFile())
	if err != nil {
		p.Fatalf("%s: %v", n.Name, err)
	}
	p.Cleanup(func() { c.Close() })
	return c
}
