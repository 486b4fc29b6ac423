package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// Config is what a host needs to know of its node. Functions that are nil are not called.
type Config struct {
	// Spec is the pattern of every plugin's; Path and Important are filled in.
	Spec Spec
	// Reserved says who has a command's name already, other than plugins.
	Reserved func(method string) (owner string, taken bool)
	// Topics are the notifications that are the node's own.
	Topics []string
	// SetOptions enters a plugin's options in the node's table, in place of those that it had, with what is
	// set of them for this plugin alone. An error (a name is taken) refuses the plugin.
	SetOptions func(path string, options []Option, given []string) error
	// Setup is what init tells a plugin.
	Setup func(p *Plugin) (options map[string]any, c Configuration)
	// Changed is called after a plugin came, or went.
	Changed func()
	// Published is called for each notification of a plugin's own that its manifest names.
	Published func(p *Plugin, topic string, params json.RawMessage)
	// Fatal is called when an important plugin has ended.
	Fatal func(p *Plugin, reason error)
}

// Host is the set of plugins of a node. A name belongs to the plugin that took it first.
type Host struct {
	config Config
	log    *slog.Logger
	ctx    context.Context // ends when the host stops
	cancel context.CancelFunc

	index atomic.Pointer[index] // what the plugins that run offer

	mu       sync.Mutex
	programs []*program // in the order of their start
	stopping bool
}

// index never changes; each plugin that comes or goes makes a new one.
type index struct {
	plugins []*Plugin
	methods map[string]*Plugin
	chains  map[string][]member
	topics  map[string]bool    // that somebody subscribed to
	custom  map[string]*Plugin // that somebody emits
}

// NewHost makes a host without plugins.
func NewHost(c Config) *Host {
	h := &Host{config: c, log: c.Spec.Log}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	x, err := newIndex(nil)
	if err != nil {
		panic(err) // there is nothing in it
	}
	h.index.Store(x)
	return h
}

// newIndex fails where plugins contradict each other about the order of a hook.
func newIndex(plugins []*Plugin) (*index, error) {
	x := &index{
		plugins: plugins, methods: make(map[string]*Plugin), chains: make(map[string][]member),
		topics: make(map[string]bool), custom: make(map[string]*Plugin),
	}
	for _, p := range plugins {
		for _, m := range p.manifest.Methods {
			x.methods[m.Name] = p
		}
		for _, topic := range p.manifest.Subscriptions {
			x.topics[topic] = true
		}
		for _, topic := range p.manifest.Notifications {
			x.custom[topic.Method] = p
		}
	}
	for name := range hooks {
		chain, err := chainOf(name, plugins)
		if err != nil {
			return nil, err
		}
		if len(chain) > 0 {
			x.chains[name] = chain
		}
	}
	return x, nil
}

// adopt takes up what a plugin offers, or says why not.
func (h *Host) adopt(g *program, p *Plugin) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if g.stopped {
		return errors.New("it was stopped while it started")
	}
	if err := h.checkNames(p.manifest); err != nil {
		return err
	}
	g.running = p
	x, err := newIndex(h.runningPlugins())
	if err == nil && h.config.SetOptions != nil {
		err = h.config.SetOptions(g.Path, p.manifest.Options, g.Given)
	}
	if err != nil {
		g.running = nil
		return err
	}
	g.hooks = p.manifest.Hooks
	h.index.Store(x)
	return nil
}

func (h *Host) checkNames(m *Manifest) error {
	x := h.index.Load()
	for _, method := range m.Methods {
		if p, taken := x.methods[method.Name]; taken {
			return fmt.Errorf("command %q belongs to plugin %s already", method.Name, p.Name)
		}
		if h.config.Reserved != nil {
			if owner, taken := h.config.Reserved(method.Name); taken {
				return fmt.Errorf("command %q belongs to %s already", method.Name, owner)
			}
		}
	}
	for _, topic := range m.Notifications {
		if p, taken := x.custom[topic.Method]; taken {
			return fmt.Errorf("notification %q belongs to plugin %s already", topic.Method, p.Name)
		}
		if slices.Contains(h.config.Topics, topic.Method) {
			return fmt.Errorf("notification %q belongs to lightningd already", topic.Method)
		}
	}
	return nil
}

// runningPlugins is in the order of the programs' start, which a restart does not change.
func (h *Host) runningPlugins() []*Plugin {
	var list []*Plugin
	for _, g := range h.programs {
		if g.running != nil {
			list = append(list, g.running)
		}
	}
	return list
}

// withdraw takes back what a plugin offered; false if it offered nothing.
func (h *Host) withdraw(g *program, p *Plugin) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if g.running != p {
		return false
	}
	g.running = nil
	x, err := newIndex(h.runningPlugins())
	if err != nil {
		panic(err) // one fewer cannot contradict more
	}
	h.index.Store(x)
	return true
}

// Plugins is those that run, in the order of their start.
func (h *Host) Plugins() []*Plugin { return h.index.Load().plugins }

// Method finds the plugin that has a command.
func (h *Host) Method(name string) (*Plugin, bool) {
	p, ok := h.index.Load().methods[name]
	return p, ok
}

// Call passes a command to the plugin that has it.
func (h *Host) Call(ctx context.Context, method string, params, result any) error {
	p, ok := h.Method(method)
	if !ok {
		return fmt.Errorf("no plugin has the command %q", method)
	}
	return p.Call(ctx, method, params, result)
}

// CallRaw is Call for one who passes params and result on as they are.
func (h *Host) CallRaw(ctx context.Context, method string, params any) (json.RawMessage, error) {
	p, ok := h.Method(method)
	if !ok {
		return nil, fmt.Errorf("no plugin has the command %q", method)
	}
	return p.CallRaw(ctx, method, params)
}
