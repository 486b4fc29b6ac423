// Command holder is a plugin that keeps HTLCs that arrive until it is told what to do with them. What it
// was told survives the node.
//
//	hold PAYMENT_HASH       keep what arrives with this hash
//	release PAYMENT_HASH    let it go on, now and later
//	refuse PAYMENT_HASH     fail it with temporary_node_failure, now and later
//	holding                 the hashes that have arrived and are kept
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"fulmen/plugins/plugin"
)

// What is done with a hash.
const (
	keep   = "keep"
	goOn   = "go on"
	refuse = "refuse"
)

type holder struct {
	mu      sync.Mutex
	changed *sync.Cond
	file    string
	orders  map[string]string
	kept    map[string]bool
}

func main() {
	h := &holder{orders: make(map[string]string), kept: make(map[string]bool)}
	h.changed = sync.NewCond(&h.mu)
	p := plugin.New()
	p.OnInit(h.load)
	p.AddHook(plugin.Hook{Name: "htlc_accepted", Run: h.arrived})
	for name, order := range map[string]string{"hold": keep, "release": goOn, "refuse": refuse} {
		p.AddMethod(plugin.Method{Name: name, Params: []string{"payment_hash"}, Description: order, Run: h.order(order)})
	}
	p.AddMethod(plugin.Method{Name: "holding", Description: "what is kept", Run: h.holding})
	if err := p.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (h *holder) load(i plugin.Init) error {
	h.file = filepath.Join(i.Configuration.LightningDir, "held.json")
	raw, err := os.ReadFile(h.file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, &h.orders)
}

func (h *holder) order(order string) func(context.Context, plugin.Args) (any, error) {
	return func(_ context.Context, args plugin.Args) (any, error) {
		var hash string
		if err := args.Get("payment_hash", &hash); err != nil {
			return nil, err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.orders[hash] = order
		raw, err := json.Marshal(h.orders)
		if err != nil {
			return nil, err
		}
		h.changed.Broadcast()
		return struct{}{}, os.WriteFile(h.file, raw, 0o600)
	}
}

func (h *holder) holding(context.Context, plugin.Args) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []string{}
	for hash := range h.kept {
		list = append(list, hash)
	}
	return map[string]any{"holding": list}, nil
}

// arrived answers the hook htlc_accepted, which may be asked again after a reconnect.
func (h *holder) arrived(_ context.Context, question json.RawMessage) (any, error) {
	var q struct {
		HTLC struct {
			Hash string `json:"payment_hash"`
		} `json:"htlc"`
	}
	if err := json.Unmarshal(question, &q); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.orders[q.HTLC.Hash] == keep {
		h.kept[q.HTLC.Hash] = true
		h.changed.Wait()
	}
	delete(h.kept, q.HTLC.Hash)
	if h.orders[q.HTLC.Hash] == refuse {
		return map[string]string{"result": "fail", "failure_message": "2002"}, nil
	}
	return plugin.Continue, nil
}
