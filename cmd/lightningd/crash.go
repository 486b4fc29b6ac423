package main

import (
	"os"
	"sync/atomic"
	"syscall"

	"fulmen/internal/config"
)

// crasher ends lightningd as a power cut would, at one step of the first HTLC that it is asked to
// forward, or channel that it is to fund: tests walk through the steps. A step is each moment before or after the database commits, and
// before a channel's process is sent something. It is nil but for developers that asked for it.
type crasher struct {
	armed atomic.Bool
	left  atomic.Int64
}

func crasherFrom(c *config.Config) *crasher {
	step := c.Int("dev-crash-at-step")
	if step == 0 {
		return nil
	}
	k := new(crasher)
	k.left.Store(step)
	return k
}

// arm begins to count.
func (k *crasher) arm() {
	if k != nil {
		k.armed.Store(true)
	}
}

// step counts one step, and does not return from the last one.
func (k *crasher) step() {
	if k == nil || !k.armed.Load() || k.left.Add(-1) != 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // whoever comes here goes no further
}
