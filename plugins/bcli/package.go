package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// codeMissingInputs is bitcoind's for inputs that are spent, or that it does not have.
const codeMissingInputs = -25

// cheap are the transactions that the server refused for their fee, as a mempool asks for more than they pay. A child
// may pay for one: the method takes one transaction at a time, so that the two come after each other, and bitcoind has to
// be given both at once (a package).
type cheap struct {
	mu  sync.Mutex
	txs []string // in hex, the latest last
}

// mostCheap is how many are kept.
const mostCheap = 20

func (c *cheap) note(tx string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.txs = append(slices.DeleteFunc(c.txs, func(other string) bool { return other == tx }), tx)
	c.txs = slices.Delete(c.txs, 0, max(0, len(c.txs)-mostCheap))
}

func (c *cheap) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.txs)
}

func isTooCheap(e *serverError) bool {
	return strings.Contains(e.Message, "min relay fee not met") || strings.Contains(e.Message, "mempool min fee not met")
}

// decoded is what matters of a transaction.
type decoded struct {
	Txid string `json:"txid"`
	Vin  []struct {
		Txid string `json:"txid"`
	} `json:"vin"`
}

// sendWithParent sends a transaction, whose inputs the server misses, with the one of them that it refused before. It is
// nil if there is none, or if the server does not take packages: bitcoind does so from version 27 on, and passes them on
// from 28 on.
func (b *backend) sendWithParent(ctx context.Context, tx string, allowHighFees bool) *sendResult {
	parent := b.refusedParent(ctx, tx)
	if parent == "" {
		return nil
	}
	params := []any{[]string{parent, tx}}
	if allowHighFees {
		params = append(params, 0) // maxfeerate: no limit
	}
	var got struct {
		Message string `json:"package_msg"`
		Results map[string]struct {
			Error string `json:"error"`
		} `json:"tx-results"`
	}
	if err := b.server.call(ctx, &got, "submitpackage", params...); err != nil {
		return nil
	}
	if got.Message == "success" {
		return &sendResult{Success: true}
	}
	why := "with its parent: " + got.Message
	for _, id := range slices.Sorted(maps.Keys(got.Results)) {
		if e := got.Results[id].Error; e != "" {
			why += ", " + e
		}
	}
	return &sendResult{ErrMsg: why}
}

// refusedParent is one of the inputs' transactions, in hex, that was refused for its fee; empty if there is none.
func (b *backend) refusedParent(ctx context.Context, tx string) string {
	txs := b.cheap.list()
	if len(txs) == 0 {
		return ""
	}
	var child decoded
	if err := b.server.call(ctx, &child, "decoderawtransaction", tx); err != nil {
		return ""
	}
	for _, candidate := range slices.Backward(txs) {
		var parent decoded
		if err := b.server.call(ctx, &parent, "decoderawtransaction", candidate); err != nil {
			continue
		}
		for _, in := range child.Vin {
			if in.Txid == parent.Txid {
				return candidate
			}
		}
	}
	return ""
}
