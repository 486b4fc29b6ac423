// Package subd is lightningd's side of its children: it starts them, owns the link to each, and
// says why each ended. lightningd alone uses it.
package subd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"fulmen/internal/ipc"
)

// lingerTime is how long a child may go on after its link has ended.
const lingerTime = 10 * time.Second

// Spec is what to start and who hears of it. The functions are called one at a time, never again
// after OnExit.
type Spec struct {
	Name     string     // of the daemon: channeld
	Title    string     // what ps shows; Name if empty
	Path     string     // of its program
	Links    []*os.File // descriptors 4, 5 and so on; Spawn owns and closes them
	LogLevel slog.Level // the least that the child should send
	Confine  string     // how it locks itself in: on, warn or off; on if empty

	Handle func(*ipc.Frame) error // a message of the child's, as in ipc.NewClient
	OnLog  func(*ipc.Log)
	OnExit func(Exit)
}

// Exit is how a child ended.
type Exit struct {
	Reason string // for people: never empty
	Detail string // what it printed, the stack of a panic; often empty
	Clean  bool   // it ended by itself with status 0
	Asked  bool   // Stop or Kill came first
	// BySandbox says that it made a system call that its profile does not allow.
	BySandbox bool
}

// Child is a running child and the link to it.
type Child struct {
	*ipc.Client
	Name, Title string
	Pid         int

	spec    Spec
	process *os.Process // nil if it is none
	asked   atomic.Bool
	died    *ipc.Died // written by the link's reader, read after it has ended
	exited  chan struct{}
	stderr  stderrLog        // of exited
	state   *os.ProcessState // of exited
	done    chan struct{}    // OnExit has returned
}

// Spawn starts a child. It returns as soon as the process exists; that it is of another version,
// or not one of ours at all, comes out in OnExit.
func Spawn(spec Spec) (*Child, error) {
	if spec.Title == "" {
		spec.Title = spec.Name
	}
	c := &Child{
		Name: spec.Name, Title: spec.Title, spec: spec,
		exited: make(chan struct{}), done: make(chan struct{}),
	}
	link, stderr, err := c.fork()
	if err != nil {
		return nil, err
	}
	c.serve(link)
	go c.wait(stderr)
	return c, nil
}

// Adopt is Spawn for a child that is no process of its own but is played by a simulator or a test at
// the other end of link.
func Adopt(spec Spec, link *os.File) *Child {
	c := &Child{Name: spec.Name, Title: spec.Title, spec: spec, exited: make(chan struct{}), done: make(chan struct{})}
	close(c.exited)
	c.serve(link)
	return c
}

// serve begins to talk to the child.
func (c *Child) serve(link *os.File) {
	conn := ipc.NewConn(link)
	// A child that is gone already is reported like any other end.
	_ = conn.Send(&ipc.Start{LogLevel: int32(c.spec.LogLevel), Confine: c.spec.Confine})
	c.Client = ipc.NewClient(conn, c.handle)
	go c.watch()
}

// fork starts the process and returns our ends of its link and its stderr.
func (c *Child) fork() (link, stderr *os.File, err error) {
	files := make([]*os.File, 3, 4+len(c.spec.Links))
	var ours []*os.File
	defer func() {
		for _, f := range append(files, c.spec.Links...) {
			if f != nil {
				f.Close()
			}
		}
		if err != nil {
			for _, f := range ours {
				f.Close()
			}
		}
	}()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	files[0], files[1] = null, null
	stderr, files[2], err = os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	ours = append(ours, stderr)
	link, theirs, err := ipc.Pair()
	if err != nil {
		return nil, nil, err
	}
	ours = append(ours, link)
	files = append(files, theirs)
	c.process, err = fork(c.spec.Path, c.spec.Title, append(files, c.spec.Links...))
	if err != nil {
		return nil, nil, err
	}
	c.Pid = c.process.Pid
	return link, stderr, nil
}

// handle takes what every child may send and passes on the rest. None comes with a descriptor: those
// are handed out by lightningd alone.
func (c *Child) handle(f *ipc.Frame) error {
	if len(f.Fds) > 0 {
		return fmt.Errorf("message type %d comes with %d descriptors, want 0", f.Type, len(f.Fds))
	}
	switch f.Type {
	case ipc.TypeLog:
		m := new(ipc.Log)
		if err := f.Decode(m); err != nil {
			return err
		}
		if c.spec.OnLog != nil {
			c.spec.OnLog(m)
		}
		return nil
	case ipc.TypeDied:
		c.died = new(ipc.Died)
		return f.Decode(c.died)
	}
	if c.spec.Handle == nil {
		return fmt.Errorf("message type %d: this daemon sends none", f.Type)
	}
	return c.spec.Handle(f)
}

// wait reads what the child prints until it is gone. Only then it asks the kernel for its status,
// which otherwise would hold a thread for each child.
func (c *Child) wait(stderr *os.File) {
	_, _ = io.Copy(&c.stderr, stderr) // a broken pipe ends it too
	stderr.Close()
	state, err := c.process.Wait()
	if err == nil {
		c.state = state
	}
	close(c.exited)
}

// watch ends a child whose link has ended, and reports.
func (c *Child) watch() {
	defer close(c.done)
	<-c.Client.Done()
	if errors.Is(c.Client.Err(), io.EOF) {
		linger := time.AfterFunc(lingerTime, c.kill)
		defer linger.Stop()
	} else {
		c.kill()
	}
	<-c.exited
	if c.spec.OnExit != nil {
		c.spec.OnExit(c.exit())
	}
}

func (c *Child) kill() {
	if c.process == nil {
		c.Client.Close()
		return
	}
	_ = c.process.Kill() // it may be gone already
}

// Stop closes our direction of the link, which ends the child once it has done and sent what it
// had to, and returns when OnExit has. When ctx ends first, the child is killed and that is the
// error.
func (c *Child) Stop(ctx context.Context) error {
	c.asked.Store(true)
	go c.Client.CloseWrite() // waits for the child to read
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
	}
	c.kill()
	<-c.done
	return fmt.Errorf("stop %s: killed: %w", c.Title, ctx.Err())
}

// Kill ends the child at once and returns when OnExit has.
func (c *Child) Kill() {
	c.asked.Store(true)
	c.kill()
	<-c.done
}

// Exited is closed when OnExit has returned.
func (c *Child) Exited() <-chan struct{} { return c.done }
