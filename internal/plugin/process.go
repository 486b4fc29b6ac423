package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fulmen/internal/budget"
)

// StartTimeout is how long a plugin may take for each of getmanifest and init.
const StartTimeout = 60 * time.Second

// A plugin may send budgetBurst messages that nobody asked for at once, and budgetRate a second in the long
// run: log lines and notifications. One that sends more would fill the disk with its log, or keep the
// node from all else.
const (
	budgetBurst = 20_000
	budgetRate  = 2_000
)

// Spec says which program to run, and who hears of it.
type Spec struct {
	Path string
	Args []string // none but in tests: plugins are configured by init
	Dir  string   // working directory: the network's folder
	// Version is the node's, for LIGHTNINGD_VERSION.
	Version string
	// Env is what it finds in its environment besides lightningd's, as NAME=VALUE.
	Env []string
	// Important means that the node cannot go on without it.
	Important bool
	// Builtin means that it came with the node: what it tells is in proportion to what it is asked to do, which may be
	// thousands of payments a second, and is not bounded.
	Builtin bool
	// StartTimeout is what it may take for each of getmanifest and init; 0 is the constant StartTimeout.
	StartTimeout time.Duration
	// AllowDeprecated tells the plugin whether deprecated things work here.
	AllowDeprecated bool
	// SaveIO is a folder for a copy of all that plugins are sent and write; empty for none.
	SaveIO string
	// LogStderr logs what it prints on its stderr, which otherwise is lightningd's.
	LogStderr bool
	Log       *slog.Logger
	// OnNotification gets what the plugin emits by itself, except `log`. It runs on the plugin's reader:
	// while it does, no reply of this plugin is delivered.
	OnNotification func(p *Plugin, method string, params json.RawMessage)
	// OnExit is called once when the plugin has ended, whatever the reason; not for those that never
	// came through Start.
	OnExit func(p *Plugin, reason error)
}

// Plugin is one running program.
type Plugin struct {
	Name string // base name of the program
	spec Spec
	cmd  *exec.Cmd
	log  *slog.Logger

	manifest *Manifest
	active   atomic.Bool   // init is done
	faults   atomic.Uint64 // answers that were not valid
	budget   budget.Budget // the reader's

	stdin io.WriteCloser
	saved *saved // nil where nothing is saved
	out   outbox

	mu       sync.Mutex
	pending  map[string]*pending // nil once it has ended
	nextID   uint64
	stopping bool
	exited   bool  // its process is gone and its number may be another's
	reason   error // why it ended, once it has

	ended chan struct{}
}

// pending is a request that waits for its answer.
type pending struct {
	answer chan answer // has room for it
	notify func(method string, params any)
}

type answer struct {
	result json.RawMessage
	err    error
}

// Start runs the program and reads its manifest. A plugin that disables itself is stopped, and
// reported as an error of type *Disabled.
func Start(ctx context.Context, spec Spec) (*Plugin, error) {
	p, err := spawn(spec)
	if err != nil {
		return nil, err
	}
	if err := p.getManifest(ctx); err != nil {
		p.end(err)
		<-p.ended
		return nil, fmt.Errorf("plugin %s: %w", p.Name, err)
	}
	if spec.OnExit != nil {
		go func() {
			<-p.ended
			spec.OnExit(p, p.exitReason())
		}()
	}
	return p, nil
}

// Disabled is the error of a plugin that does not want to run here, and says why.
type Disabled struct{ Reason string }

func (d *Disabled) Error() string { return "disabled itself: " + d.Reason }

func spawn(spec Spec) (*Plugin, error) {
	name := filepath.Base(spec.Path)
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir = spec.Dir
	cmd.Env = append(append(os.Environ(), "LIGHTNINGD_PLUGIN=1", "LIGHTNINGD_VERSION="+spec.Version), spec.Env...)
	// A group of its own: an interrupt from the terminal is for lightningd, which stops its plugins in
	// order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", name, err)
	}
	// The write end of a pipe of our own: with cmd.StdoutPipe, Wait would race the last reads.
	stdout, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", name, err)
	}
	ourErr, theirErr, err := stderrOf(&spec)
	if err != nil {
		stdout.Close()
		theirs.Close()
		return nil, fmt.Errorf("plugin %s: %w", name, err)
	}
	cmd.Stdout, cmd.Stderr = theirs, theirErr
	err = cmd.Start()
	theirs.Close()
	if ourErr != nil {
		theirErr.Close()
	}
	if err != nil {
		stdout.Close()
		ourErr.Close() // nil is fine
		return nil, fmt.Errorf("plugin %s: %w", name, err)
	}
	log := spec.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	saved, err := openSaved(spec.SaveIO, name, cmd.Process.Pid)
	if err != nil {
		log.Error("what the plugin is sent and writes is not saved", "plugin", name, "error", err)
	}
	p := &Plugin{
		saved: saved, Name: name, spec: spec, cmd: cmd, log: log.With("daemon", "plugin-"+name),
		stdin: stdin, pending: make(map[string]*pending), ended: make(chan struct{}), budget: budget.New(budgetBurst, budgetRate, time.Now()),
	}
	p.out.init()
	if ourErr != nil {
		go logLines(ourErr, p.log)
	}
	exit := make(chan error, 1)
	go p.wait(stdout, exit)
	go p.read(stdout, exit)
	go p.write()
	return p, nil
}

// Manifest is what the plugin said about itself.
func (p *Plugin) Manifest() *Manifest { return p.manifest }

// Important says whether the node cannot go on without it.
func (p *Plugin) Important() bool { return p.spec.Important }

// Active reports whether the plugin is initialised: then it serves its commands.
func (p *Plugin) Active() bool { return p.active.Load() }

// Path is the program's.
func (p *Plugin) Path() string { return p.spec.Path }

// DeprecationsOn reports what the plugin was told of deprecated things: whether they work.
func (p *Plugin) DeprecationsOn() bool { return p.spec.AllowDeprecated }

// Deprecates reports whether a command of the plugin's is deprecated.
func (p *Plugin) Deprecates(method string) bool {
	return slices.ContainsFunc(p.manifest.Methods, func(m Method) bool { return m.Name == method && len(m.Deprecated) > 0 })
}

// Ended is closed when the plugin's process is gone.
func (p *Plugin) Ended() <-chan struct{} { return p.ended }

// How long a plugin may take to leave: one that subscribed to shutdown has things to put in order.
const (
	ShutdownTime = 30 * time.Second
	leaveTime    = 5 * time.Second
)

// Stop asks the plugin to leave, and kills it when its time is over, or ctx ends first. One that
// subscribed to shutdown is told by that; the others by the end of their stdin.
func (p *Plugin) Stop(ctx context.Context) {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	limit := leaveTime
	if p.subscribes("shutdown") {
		_ = p.Notify("shutdown", map[string]any{"shutdown": struct{}{}}) // it is gone otherwise
	}
	if p.active.Load() && slices.Contains(p.manifest.Subscriptions, "shutdown") {
		limit = ShutdownTime
	} else {
		p.out.close()
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.end(errors.New("it did not leave in time"))
		<-p.ended
	}
}

// end kills the process, and what it started, for a reason; the first one given is kept.
func (p *Plugin) end(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason == nil {
		p.reason = reason
	}
	if !p.exited {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

func (p *Plugin) exitReason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}
