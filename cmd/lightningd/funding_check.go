package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/gossip"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

const (
	// cachedBlocks is how many blocks' transaction ids are kept: channels of one block are announced
	// at the same time.
	cachedBlocks = 16
	// maxFundingRequests is how many requests of gossipd may wait. Small ones wait as one, so that it has not more under way.
	maxFundingRequests = 1000
)

// fundingChecker looks for channels of strangers in the chain. It asks the backend one thing after the
// other, so that the node's own questions never wait for more than one of its.
type fundingChecker struct {
	backend chain.Backend
	log     *slog.Logger

	mu      sync.Mutex
	waiting []fundingRequest
	running bool

	// Of the goroutine alone.
	blocks map[block.Height][]chainhash.Hash
	order  []block.Height // of blocks, the oldest first
}

type fundingRequest struct {
	child *subd.Child
	ids   []wire.ShortChannelID
}

func newFundingChecker(backend chain.Backend, log *slog.Logger) *fundingChecker {
	return &fundingChecker{backend: backend, log: log, blocks: map[block.Height][]chainhash.Hash{}}
}

// checkCheckFunding bounds a request.
func checkCheckFunding(m *gossipdmsg.CheckFunding) error {
	if len(m.IDs) > gossipdmsg.MaxCheck {
		return fmt.Errorf("%d outputs to check, at most %d", len(m.IDs), gossipdmsg.MaxCheck)
	}
	return nil
}

// ask queues a request of gossipd.
func (c *fundingChecker) ask(child *subd.Child, ids []wire.ShortChannelID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.waiting); n > 0 && c.waiting[n-1].child == child && len(c.waiting[n-1].ids)+len(ids) <= gossipdmsg.MaxCheck {
		last := &c.waiting[n-1]
		last.ids = append(last.ids, ids...)
		return // whoever answers the first of them goes on with this one
	}
	if len(c.waiting) >= maxFundingRequests {
		c.waiting = c.waiting[1:] // the oldest is not answered; only a gossipd that was taken over asks so much
	}
	c.waiting = append(c.waiting, fundingRequest{child, ids})
	if !c.running {
		c.running = true
		go c.run()
	}
}

// run answers all requests, and ends.
func (c *fundingChecker) run() {
	for {
		c.mu.Lock()
		if len(c.waiting) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		r := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.mu.Unlock()
		c.answer(r)
	}
}

// answer looks for each output, those of one block together.
func (c *fundingChecker) answer(r fundingRequest) {
	ids := slices.Clone(r.ids)
	slices.Sort(ids)
	reply := new(gossipdmsg.FundingChecked)
	for _, id := range ids {
		select {
		case <-r.child.Exited():
			return
		default:
		}
		f, err := c.check(context.Background(), id)
		if err != nil {
			c.log.Debug("the chain does not tell of a channel", "short_channel_id", id, "error", err)
			f = gossip.Funding{ShortChannelID: id, Unknown: true}
		}
		reply.Results = append(reply.Results, f)
	}
	if err := r.child.Send(reply); err != nil {
		c.log.Debug("gossipd does not hear", "error", err)
	}
}

// check is for one output.
func (c *fundingChecker) check(ctx context.Context, id wire.ShortChannelID) (gossip.Funding, error) {
	f := gossip.Funding{ShortChannelID: id}
	txids, err := c.txids(ctx, block.Height(id.Height()))
	if err != nil || int(id.TxIndex()) >= len(txids) {
		return f, err
	}
	f.Txid = txids[id.TxIndex()]
	output, err := c.backend.Output(ctx, btcwire.OutPoint{Hash: f.Txid, Index: uint32(id.Output())})
	if err != nil || output == nil {
		return f, err
	}
	f.Unspent, f.Amount, f.Script = true, output.Amount, output.Script
	return f, nil
}

// txids are those of a block; none if there is no such block.
func (c *fundingChecker) txids(ctx context.Context, h block.Height) ([]chainhash.Hash, error) {
	if ids, ok := c.blocks[h]; ok {
		return ids, nil
	}
	b, err := c.backend.BlockAt(ctx, h)
	if err != nil || b == nil {
		return nil, err
	}
	ids := make([]chainhash.Hash, len(b.Transactions))
	for i, tx := range b.Transactions {
		ids[i] = tx.TxHash()
	}
	if len(c.order) == cachedBlocks {
		delete(c.blocks, c.order[0])
		c.order = c.order[1:]
	}
	c.blocks[h] = ids
	c.order = append(c.order, h)
	return ids, nil
}
