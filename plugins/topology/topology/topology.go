// Package topology is the commands about the public network: its channels and nodes, routes over it, and layers of what
// is known beyond it.
package topology

import (
	"context"
	"fmt"
	"sync"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/graph"
	"fulmen/internal/keys"
	"fulmen/internal/route"
	"fulmen/internal/wire"
)

// Caller calls a command of lightningd's.
type Caller interface {
	Call(ctx context.Context, method string, params, result any) error
}

// Config is what a Topology needs.
type Config struct {
	Store  string // path of gossip_store
	Layers string // path of the file of persistent layers
	Node   Caller
	Now    func() time.Time
	CallID func(context.Context) string // the id of the command that is served
	Warn   func(format string, args ...any)
}

// Topology serves the commands. It serves several at once.
type Topology struct {
	config Config
	file   *graph.File
	store  *layerStore

	finders sync.Pool

	mu           sync.Mutex
	layers       []*layer // in the order in which they were made
	reservations []reservation
	us           *keys.PubKey // this node, once lightningd has said it
	warned       string
}

// New makes a Topology; Open gives it its files.
func New() *Topology {
	return &Topology{finders: sync.Pool{New: func() any { return new(route.Finder) }}}
}

// Open takes up the persistent layers, and begins to read the store; the graph is there as soon as something asks.
func (t *Topology) Open(c Config) (err error) {
	t.config, t.file = c, graph.Open(c.Store)
	t.store, t.layers, err = openLayers(c.Layers)
	return err
}

// Load reads the store now, so that whoever asks first does not wait for it.
func (t *Topology) Load() {
	t.view(func(*graph.Graph) {})
	if n := t.file.Skipped(); n > 0 {
		t.config.Warn("gossip_store has %d records that cannot be used", n)
	}
}

// Close writes what is not written yet.
func (t *Topology) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.store == nil {
		return nil
	}
	return t.store.flush(t.layers)
}

// Commands are all, for the plugin and for its pages.
func (t *Topology) Commands() []*command.Command {
	return []*command.Command{
		t.listChannelsCommand(), t.listNodesCommand(), t.getRouteCommand(), t.getRoutesCommand(),
		t.createLayerCommand(), t.removeLayerCommand(), t.listLayersCommand(), t.ageCommand(),
		t.createChannelCommand(), t.updateChannelCommand(), t.removeChannelUpdateCommand(), t.disableNodeCommand(),
		t.informChannelCommand(), t.biasChannelCommand(), t.biasNodeCommand(),
		t.reserveCommand(), t.unreserveCommand(), t.listReservationsCommand(),
	}
}

// view lets see look at the graph. A store that cannot be read to its end is told once: the graph is what was read.
func (t *Topology) view(see func(*graph.Graph)) {
	err := t.file.View(see)
	text := ""
	if err != nil {
		text = err.Error()
	}
	t.mu.Lock()
	news := text != t.warned
	t.warned = text
	t.mu.Unlock()
	if news && text != "" {
		t.config.Warn("gossip_store cannot be read to its end: %s", text)
	}
}

// ourID is this node's.
func (t *Topology) ourID(ctx context.Context) (keys.PubKey, error) {
	t.mu.Lock()
	us := t.us
	t.mu.Unlock()
	if us != nil {
		return *us, nil
	}
	var info struct {
		ID string `json:"id"`
	}
	if err := t.config.Node.Call(ctx, "getinfo", struct{}{}, &info); err != nil {
		return keys.PubKey{}, fmt.Errorf("ask for our id: %w", err)
	}
	id, err := keys.ParsePubKey(info.ID)
	if err != nil {
		return id, fmt.Errorf("ask for our id: %w", err)
	}
	t.mu.Lock()
	t.us = &id
	t.mu.Unlock()
	return id, nil
}

// node is a public key in results and in the file of layers.
type node keys.PubKey

// MarshalText is 66 hex digits.
func (n node) MarshalText() ([]byte, error) { return []byte(keys.PubKey(n).String()), nil }

// UnmarshalText reads them.
func (n *node) UnmarshalText(text []byte) error {
	id, err := keys.ParsePubKey(string(text))
	*n = node(id)
	return err
}

// scid is a short_channel_id in results and in the file of layers.
type scid wire.ShortChannelID

// MarshalText is the form 539268x845x1.
func (s scid) MarshalText() ([]byte, error) { return []byte(wire.ShortChannelID(s).String()), nil }

// UnmarshalText reads it.
func (s *scid) UnmarshalText(text []byte) error {
	id, err := wire.ParseShortChannelID(string(text))
	*s = scid(id)
	return err
}

// direction is one of a channel, in results and in the file of layers.
type direction command.ShortChannelIDDir

// MarshalText is the form 539268x845x1/0.
func (d direction) MarshalText() ([]byte, error) {
	return command.ShortChannelIDDir(d).MarshalText()
}

// UnmarshalText reads it.
func (d *direction) UnmarshalText(text []byte) error {
	n := len(text)
	if n < 2 || text[n-2] != '/' || text[n-1] != '0' && text[n-1] != '1' {
		return fmt.Errorf("%q is no short_channel_id and direction", text)
	}
	id, err := wire.ParseShortChannelID(string(text[:n-2]))
	*d = direction{ID: id, Direction: text[n-1] - '0'}
	return err
}

// half finds a direction in a view.
func (d direction) half(v *route.View) (graph.Half, bool) {
	c, ok := v.Channel(d.ID)
	return c.Half(d.Direction), ok
}
