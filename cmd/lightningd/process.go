package main

import (
	"context"
	"time"

	"fulmen/internal/ipc"
	"fulmen/internal/subd"
)

// process is a running child that serves one channel.
type process struct {
	n     *node
	child *subd.Child
	title string

	killed bool // what it still says is not heard; the loop's
}

// kill ends a process that told us nonsense.
func (p *process) kill(why error) {
	p.n.log.Error("ending a process that misbehaves", "daemon", p.title, "error", why)
	p.drop()
}

// drop ends a process that nobody wants any more.
func (p *process) drop() {
	p.killed = true
	go p.child.Kill()
}

// endTime is how long a process may take to end by itself.
const endTime = 5 * time.Second

// stop ends the process in order.
func (p *process) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if err := p.child.Stop(ctx); err != nil {
		p.n.log.Warn("process did not stop", "daemon", p.title, "error", err)
	}
}

// decode reads a message of a child, and returns what the loop is to do with it.
func decode[M any, P ipc.Of[M]](f *ipc.Frame, do func(P)) (func(), error) {
	m, err := ipc.Read[M, P](f)
	return func() { do(m) }, err
}

// decodeChecked is decode for a message that ends the link if check refuses it.
func decodeChecked[M any, P ipc.Of[M]](f *ipc.Frame, check func(P) error, do func(P)) (func(), error) {
	m, err := ipc.Read[M, P](f)
	if err != nil {
		return nil, err
	}
	return func() { do(m) }, check(m)
}

// decodeFor is decode for a message whose channel is known later.
func decodeFor[M any, P ipc.Of[M]](f *ipc.Frame, do func(*channel, P)) (func(*channel), error) {
	m, err := ipc.Read[M, P](f)
	return func(c *channel) { do(c, m) }, err
}
