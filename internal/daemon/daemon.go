// Package daemon is the child's side of being one of lightningd's processes: its links, its log,
// its end. It knows no message but those of package ipc.
//
// A child is told everything over its links: it reads no configuration and no environment, and
// ignores the signals that end a service, because lightningd alone says in which order the
// processes stop. It ends when its link to lightningd ends, so it must always be reading that
// link; should lightningd die without closing it, the kernel kills the child (package subd).
//
// What the child prints to stderr goes to lightningd too: that is how a panic in any goroutine is
// reported.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"fulmen/internal/ipc"
	"fulmen/internal/quiet"
	"fulmen/internal/sandbox"
	"fulmen/internal/version"
)

// LinkToLightningd is the descriptor that every child has first.
const LinkToLightningd = 3

// Process is this process.
type Process struct {
	Log     *slog.Logger
	links   map[int]*ipc.Conn
	confine string // as ipc.Start has it
}

// Start makes the process a child of lightningd, which must be of the same version, or ends it.
// Log is slog's default from then on. With --version alone the process prints that, and ends.
func Start(name string) *Process {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(version.Version)
		os.Exit(0)
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if !isSocket(LinkToLightningd) {
		fmt.Fprintf(os.Stderr, "%s is part of lightningd, which starts it: it does nothing by itself\n", name)
		os.Exit(1)
	}
	p := &Process{links: make(map[int]*ipc.Conn)}
	lightningd := p.Link(LinkToLightningd)
	f, err := lightningd.Recv()
	p.Must("read start", err)
	var start ipc.Start
	p.Must("read start", f.Decode(&start))
	p.Log = slog.New(&logHandler{out: lightningd, level: slog.Level(start.LogLevel)})
	slog.SetDefault(p.Log)
	p.confine = start.Confine
	quiet.GiveBack()
	return p
}

func isSocket(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFSOCK
}

// Link is the link on descriptor fd, which lightningd gave the process when it started it. It is
// called from main's goroutine.
func (p *Process) Link(fd int) *ipc.Conn {
	if c, ok := p.links[fd]; ok {
		return c
	}
	f, err := ipc.FileOf(fd, fmt.Sprintf("link %d", fd))
	p.Must("take over link", err)
	c := ipc.NewConn(f)
	p.links[fd] = c
	return c
}

// Confine locks the process in as lightningd says, before its first untrusted byte. One line of the log says what
// is in force, a warning if that is not all.
func (p *Process) Confine(profile sandbox.Profile) {
	mode, err := sandbox.ParseMode(p.confine)
	p.Must("confine", err)
	status, err := sandbox.Enter(mode, profile)
	p.Must("confine", err)
	level := slog.LevelInfo
	if !status.Complete() {
		level = slog.LevelWarn
	}
	p.Log.Log(context.Background(), level, status.String())
	p.attack()
}

// Must ends the process if err is not nil: quietly if it is io.EOF itself, the clean end of a
// link that the process cannot be without; else with a report to lightningd.
func (p *Process) Must(what string, err error) {
	switch {
	case err == nil:
	case err == io.EOF:
		p.Exit()
	default:
		p.die(fmt.Errorf("%s: %w", what, err))
	}
}

// Exit ends the process after all that it sent to lightningd is written.
func (p *Process) Exit() {
	p.links[LinkToLightningd].CloseWrite()
	os.Exit(0)
}

func (p *Process) die(err error) {
	lightningd := p.links[LinkToLightningd]
	report := &ipc.Died{Reason: err.Error()}
	if sendErr := errors.Join(lightningd.Send(report), lightningd.CloseWrite()); sendErr != nil {
		fmt.Fprintf(os.Stderr, "%v\n", err) // the other way for lightningd to hear of it
	}
	os.Exit(1)
}
