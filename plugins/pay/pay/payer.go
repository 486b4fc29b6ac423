// Package pay is what the plugin of that name does: payments of invoices, and of those that nobody asked
// for, over lightningd's commands. How one is tried is decided by package multipart.
package pay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
)

// TopicTrying is the notification that tells lightningd that a payment is being tried, or no more: then a
// payment whose parts have all failed is not yet failed.
const TopicTrying = "payment_trying"

// Trying is its content.
type Trying struct {
	PaymentHash command.Hex `json:"payment_hash"`
	Trying      bool        `json:"trying"`
}

// Node is lightningd, and the caller of a command, as package plugin has them.
type Node interface {
	Call(ctx context.Context, method string, params, result any) error
	Message(ctx context.Context, level, format string, args ...any)
	Notify(topic string, params any)
	Log(level, format string, args ...any)
}

// Config is what a Payer needs from outside.
type Config struct {
	Node   Node
	Now    func() time.Time
	Random func() uint64
}

// Payer pays. Its methods may be called concurrently.
type Payer struct {
	Config
	network invoice.Network

	mu     sync.Mutex
	id     keys.PubKey // this node; zero until somebody asked
	runs   map[[32]byte]*run
	past   []*run // that are over, oldest first
	layers layers
}

// New makes a payer.
func New(c Config) *Payer { return &Payer{Config: c, runs: map[[32]byte]*run{}} }

// Open tells on which chain the node is, as lightningd names it.
func (p *Payer) Open(network string) error {
	known := map[string]invoice.Network{
		"bitcoin": invoice.Bitcoin, "testnet": invoice.Testnet, "testnet4": invoice.Testnet, "signet": invoice.Signet, "regtest": invoice.Regtest,
	}
	var ok bool
	if p.network, ok = known[network]; !ok {
		return fmt.Errorf("network %q is not known", network)
	}
	return nil
}

// Commands are what the plugin adds to the node.
func (p *Payer) Commands() []*command.Command {
	return []*command.Command{p.payCommand(), p.xpayCommand(), p.keysendCommand(), p.xkeysendCommand(), p.sendAmountCommand(), p.payStatusCommand()}
}

// info is what getinfo tells.
type info struct {
	ID     string `json:"id"`
	Height uint32 `json:"blockheight"`
}

func (p *Payer) info(ctx context.Context) (i info, err error) {
	err = p.Node.Call(ctx, "getinfo", struct{}{}, &i)
	return i, err
}

// self is the node's own id.
func (p *Payer) self(ctx context.Context) (keys.PubKey, error) {
	p.mu.Lock()
	id := p.id
	p.mu.Unlock()
	if id != (keys.PubKey{}) {
		return id, nil
	}
	i, err := p.info(ctx)
	if err != nil {
		return id, err
	}
	if id, err = keys.ParsePubKey(i.ID); err != nil {
		return id, err
	}
	p.mu.Lock()
	p.id = id
	p.mu.Unlock()
	return id, nil
}
