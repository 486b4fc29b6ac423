package plugin

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Listed is a program as `plugin list` shows it.
type Listed struct {
	Path    string
	Active  bool
	Dynamic bool
}

// List is all programs that the host looks after, in the order of their start.
func (h *Host) List() []Listed {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []Listed{}
	for _, g := range h.programs {
		l := Listed{Path: g.Path}
		if g.running != nil {
			l.Active, l.Dynamic = g.running.active.Load(), g.running.manifest.Dynamic
		}
		list = append(list, l)
	}
	return list
}

// Replaced reports whether a program that runs is another file now than when it was started.
func (h *Host) Replaced(path string) bool {
	sum, err := checksum(path)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.programs {
		if g.Path == path {
			return err == nil && g.running != nil && g.sum != sum
		}
	}
	return false
}

// Find is the program that somebody means by a name: its path, its base name, or that without its
// ending.
func (h *Host) Find(name string) (Program, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.find(name)
	if g == nil {
		return Program{}, false
	}
	return g.Program, true
}

func (h *Host) find(name string) *program {
	for _, form := range []func(string) string{
		func(path string) string { return path },
		filepath.Base,
		func(path string) string { return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) },
	} {
		if i := slices.IndexFunc(h.programs, func(g *program) bool { return form(g.Path) == name }); i >= 0 {
			return h.programs[i]
		}
	}
	return nil
}

// Remove stops a program that somebody means by a name, and does not start it again. One that may not be
// stopped while the node runs is left alone.
func (h *Host) Remove(ctx context.Context, name string) error {
	h.mu.Lock()
	g := h.find(name)
	if g == nil {
		h.mu.Unlock()
		return fmt.Errorf("there is no plugin %q", name)
	}
	p := g.running
	if p != nil && !p.manifest.Dynamic {
		h.mu.Unlock()
		return fmt.Errorf("plugin %s cannot be stopped while lightningd runs: it is not dynamic", p.Name)
	}
	g.stopped = true
	h.mu.Unlock()
	if p != nil {
		p.Stop(ctx)
		h.gone(g, p) // its exit does so too, perhaps later
	}
	h.leave(g)
	return nil
}

// Stop asks the plugins to leave, at the same time, and returns when they are gone. Those that keep
// names are left alone: another Stop, with nil, ends them. From the first Stop on, none is started.
func (h *Host) Stop(ctx context.Context, keep func(*Plugin) bool) {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	h.cancel()
	var all sync.WaitGroup
	for _, p := range h.Plugins() {
		if keep == nil || !keep(p) {
			all.Go(func() { p.Stop(ctx) })
		}
	}
	all.Wait()
}
