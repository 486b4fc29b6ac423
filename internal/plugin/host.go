package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// Config is what a host needs to know of its node.
type Config struct {
	// Spec is the pattern of every plugin's; Path and Important are filled in.
	Spec Spec
	// Reserved says who has a command's name already, other than plugins.
	Reserved func(method string) (owner string, taken bool)
	// AddOption enters a plugin's option in the node's table; an error (the name is taken) refuses the
	// plugin.
	AddOption func(plugin string, o Option) error
}

// Host is the set of plugins of a node. A name belongs to the plugin that took it first.
type Host struct {
	config  Config
	mu      sync.Mutex
	plugins []*Plugin
	methods map[string]*Plugin
}

// NewHost makes a host without plugins.
func NewHost(c Config) *Host {
	return &Host{config: c, methods: make(map[string]*Plugin)}
}

// Add starts a plugin and takes up what its manifest offers. It still has to be initialised.
func (h *Host) Add(ctx context.Context, path string, important bool) (*Plugin, error) {
	spec := h.config.Spec
	spec.Path, spec.Important = path, important
	onExit := spec.OnExit
	spec.OnExit = func(p *Plugin, reason error) {
		h.remove(p)
		if onExit != nil {
			onExit(p, reason)
		}
	}
	p, err := Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err := h.adopt(p); err != nil {
		p.end(err)
		return nil, fmt.Errorf("plugin %s: %w", p.Name, err)
	}
	return p, nil
}

func (h *Host) adopt(p *Plugin) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range p.manifest.Methods {
		if owner, taken := h.owner(m.Name); taken {
			return fmt.Errorf("command %q belongs to %s already", m.Name, owner)
		}
	}
	for _, o := range p.manifest.Options {
		if h.config.AddOption == nil {
			break
		}
		if err := h.config.AddOption(p.Name, o); err != nil {
			return err
		}
	}
	for _, m := range p.manifest.Methods {
		h.methods[m.Name] = p
	}
	h.plugins = append(h.plugins, p)
	return nil
}

func (h *Host) owner(method string) (string, bool) {
	if p, ok := h.methods[method]; ok {
		return "plugin " + p.Name, true
	}
	if h.config.Reserved == nil {
		return "", false
	}
	return h.config.Reserved(method)
}

func (h *Host) remove(p *Plugin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plugins = slices.DeleteFunc(h.plugins, func(q *Plugin) bool { return q == p })
	for name, owner := range h.methods {
		if owner == p {
			delete(h.methods, name)
		}
	}
}

// Plugins is those that run, in the order of their start.
func (h *Host) Plugins() []*Plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.plugins)
}

// Method finds the plugin that has a command.
func (h *Host) Method(name string) (*Plugin, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok := h.methods[name]
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

// Stop asks all plugins to leave, at the same time, and returns when they are gone.
func (h *Host) Stop(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range h.Plugins() {
		all.Go(func() { p.Stop(ctx) })
	}
	all.Wait()
}
