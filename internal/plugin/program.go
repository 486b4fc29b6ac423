package plugin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Program is an executable that is to run as a plugin.
type Program struct {
	Path      string
	Important bool     // the node cannot go on without it
	Builtin   bool     // it came with the node
	Startup   bool     // it is started with the node, not while that runs
	Given     []string // options for it alone, as NAME=VALUE
}

// program is one that the host looks after, whether it runs at the moment or not.
type program struct {
	Program
	running  *Plugin // nil while it does not run, or has offered nothing yet; guarded by the host
	hooks    []Hook  // that it takes part in, or did when it ran last; guarded by the host
	sum      [sha256.Size]byte
	failures int         // ends in a row, each soon after a start
	retry    *time.Timer // the next start; nil if none is due
	stopped  bool        // it is not to be started again
}

// How long to wait before a plugin that ended is started again: longer with each time, until one ran
// for a while.
const (
	firstRestart = time.Second
	mostRestart  = 5 * time.Minute
	ranWell      = 10 * time.Minute
)

// ErrRunning refuses to start a program twice.
var ErrRunning = errors.New("is running already")

// enter reserves a program's place.
func (h *Host) enter(want Program) (*program, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return nil, errors.New("the node is stopping")
	}
	if slices.ContainsFunc(h.programs, func(g *program) bool { return g.Path == want.Path }) {
		return nil, fmt.Errorf("plugin %s %w", want.Path, ErrRunning)
	}
	g := &program{Program: want}
	h.programs = append(h.programs, g)
	return g, nil
}

// leave gives the place up.
func (h *Host) leave(g *program) {
	h.mu.Lock()
	g.stopped = true
	if g.retry != nil {
		g.retry.Stop()
	}
	h.programs = slices.DeleteFunc(h.programs, func(other *program) bool { return other == g })
	h.mu.Unlock()
	if h.config.SetOptions != nil {
		_ = h.config.SetOptions(g.Path, nil, nil) // to take options out cannot fail
	}
}

// run starts a program as a process, and reads its manifest.
func (h *Host) run(ctx context.Context, g *program) (*Plugin, error) {
	sum, err := checksum(g.Path)
	if err != nil {
		return nil, err
	}
	spec := h.config.Spec
	spec.Path, spec.Important, spec.Builtin = g.Path, g.Important, g.Builtin
	if spec.OnNotification == nil {
		spec.OnNotification = h.publish
	}
	began := time.Now()
	spec.OnExit = func(p *Plugin, reason error) { h.ended(g, p, reason, time.Since(began)) }
	if !g.Startup {
		spec.StartTimeout = StartTimeout / 2 // so that `plugin start` is answered within StartTimeout
	}
	p, err := Start(ctx, spec)
	if err == nil {
		h.mu.Lock()
		g.sum = sum
		h.mu.Unlock()
	}
	return p, err
}

func checksum(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	all := sha256.New()
	if _, err := io.Copy(all, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(all.Sum(nil)), nil
}

// AddAll starts the programs of a node that starts itself: all at the same time, taken up in their order.
// They still have to be initialised. A program that does not come up is left out, and failed is
// told why; an error of its own ends the start.
func (h *Host) AddAll(ctx context.Context, programs []Program, failed func(Program, error) error) error {
	type start struct {
		g   *program
		p   *Plugin
		err error
	}
	starts := make([]start, len(programs))
	var all sync.WaitGroup
	for i, want := range programs {
		s := &starts[i]
		if s.g, s.err = h.enter(want); s.err == nil {
			all.Go(func() { s.p, s.err = h.run(ctx, s.g) })
		}
	}
	all.Wait()
	var refused error
	for i, want := range programs {
		s := &starts[i]
		if s.err == nil {
			s.err = h.take(s.g, s.p)
		}
		if s.err != nil {
			if s.g != nil {
				h.leave(s.g)
			}
			refused = errors.Join(refused, failed(want, s.err))
		}
	}
	return refused
}

// take is adopt that ends the plugin which cannot be.
func (h *Host) take(g *program, p *Plugin) error {
	if err := h.adopt(g, p); err != nil {
		p.end(err)
		return fmt.Errorf("plugin %s: %w", p.Name, err)
	}
	return nil
}

// Init gives a plugin its options. One that fails is given up.
func (h *Host) Init(ctx context.Context, p *Plugin) error {
	g := h.programOf(p)
	if g == nil {
		return gone(p.Name, p.exitReason())
	}
	err := h.init(ctx, g, p)
	if err != nil {
		h.leave(g)
	}
	return err
}

func (h *Host) init(ctx context.Context, g *program, p *Plugin) error {
	var options map[string]any
	var c Configuration
	if h.config.Setup != nil {
		options, c = h.config.Setup(p)
	}
	c.Startup = g.Startup
	if err := p.Init(ctx, options, c); err != nil {
		return err
	}
	h.Notify("plugin_started", p.describe())
	h.changed()
	return nil
}

// describe is the payload of plugin_started and plugin_stopped.
func (p *Plugin) describe() any {
	methods := []string{}
	for _, m := range p.manifest.Methods {
		methods = append(methods, m.Name)
	}
	return struct {
		Name    string   `json:"plugin_name"`
		Path    string   `json:"plugin_path"`
		Methods []string `json:"methods"`
	}{p.Name, p.spec.Path, methods}
}

func (h *Host) changed() {
	if h.config.Changed != nil {
		h.config.Changed()
	}
}

func (h *Host) programOf(p *Plugin) *program {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.programs {
		if g.running == p {
			return g
		}
	}
	return nil
}

// Add starts a program while the node runs, and returns once the plugin is ready.
func (h *Host) Add(ctx context.Context, want Program) (*Plugin, error) {
	g, err := h.enter(want)
	if err != nil {
		return nil, err
	}
	p, err := h.start(ctx, g)
	if err != nil {
		h.leave(g)
		return nil, err
	}
	return p, nil
}

func (h *Host) start(ctx context.Context, g *program) (*Plugin, error) {
	p, err := h.run(ctx, g)
	if err == nil && !g.Startup && !p.manifest.Dynamic {
		err = fmt.Errorf("plugin %s cannot be started while lightningd runs: it is not dynamic", p.Name)
		p.end(err)
	}
	if err == nil {
		err = h.take(g, p)
	}
	if err == nil {
		err = h.init(ctx, g, p)
	}
	return p, err
}

// ended follows the end of a plugin, whatever its reason; nil is that it was asked to.
func (h *Host) ended(g *program, p *Plugin, reason error, ran time.Duration) {
	if !h.gone(g, p) {
		return // who started it knows
	}
	h.mu.Lock()
	over := h.stopping || g.stopped
	if ran > ranWell {
		g.failures = 0
	}
	h.mu.Unlock()
	switch {
	case over:
	case g.Important:
		if h.config.Fatal != nil {
			h.config.Fatal(p, reason)
		}
	default:
		h.restartLater(g)
	}
}

// gone takes back what a plugin offered, and tells the others; false if it had not got so far, or was
// gone already.
func (h *Host) gone(g *program, p *Plugin) bool {
	if !h.withdraw(g, p) || !p.active.Swap(false) {
		return false
	}
	h.Notify("plugin_stopped", p.describe())
	h.changed()
	return true
}

func (h *Host) restartLater(g *program) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping || g.stopped {
		return
	}
	delay := min(firstRestart<<min(g.failures, 16), mostRestart)
	g.failures++
	h.log.Warn("plugin will be started again", "plugin", filepath.Base(g.Path), "in", delay.String(), "times", g.failures)
	g.retry = time.AfterFunc(delay, func() { h.restart(g) })
}

func (h *Host) restart(g *program) {
	_, err := h.start(h.ctx, g)
	var no *Disabled
	switch {
	case err == nil:
		h.log.Info("plugin is started again", "plugin", filepath.Base(g.Path))
	case errors.As(err, &no):
		h.log.Info("plugin disables itself", "plugin", filepath.Base(g.Path), "reason", no.Reason)
		h.leave(g)
	default:
		h.log.Warn("plugin does not start", "plugin", filepath.Base(g.Path), "error", err)
		h.restartLater(g)
	}
}
