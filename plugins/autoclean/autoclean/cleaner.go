// Package autoclean deletes old entries from the node's lists: invoices, payments and forwards.
package autoclean

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"fulmen/plugins/plugin"
)

// Caller calls a command of lightningd's.
type Caller interface {
	Call(ctx context.Context, method string, params, result any) error
}

// Config is what a Cleaner needs.
type Config struct {
	Node  Caller
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	Log   func(level, format string, args ...any)
}

// Cleaner cleans when its cycle is over, or when it is told to.
type Cleaner struct {
	config Config
	news   chan struct{} // has an element when cycle or ages have changed

	sweeping sync.Mutex // held while something is deleted

	mu    sync.Mutex
	cycle time.Duration
	ages  map[string]uint64 // seconds; not there or 0: not cleaned by itself

	countsMu sync.Mutex
	counts   map[string]uint64 // deletions ever; nil until they are read
}

// DefaultCycle is how often it cleans, unless it is told otherwise, in seconds.
const DefaultCycle = 3600

// New makes a Cleaner that cleans nothing by itself yet.
func New(c Config) *Cleaner {
	return &Cleaner{config: c, news: make(chan struct{}, 1), cycle: DefaultCycle * time.Second, ages: map[string]uint64{}}
}

// Run cleans each time that the cycle is over. It waits for nothing while no age is set.
func (c *Cleaner) Run(ctx context.Context) {
	for {
		var due <-chan time.Time
		if cycle, on := c.plan(); on {
			due = c.config.After(cycle)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.news:
		case <-due:
			c.cleanAll(ctx)
		}
	}
}

// plan is how long it is to the next cleaning; false where nothing is to be cleaned.
func (c *Cleaner) plan() (cycle time.Duration, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, age := range c.ages {
		on = on || age > 0
	}
	return c.cycle, on
}

func (c *Cleaner) age(name string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ages[name]
}

// change changes the settings, and begins a new cycle.
func (c *Cleaner) change(do func()) {
	c.mu.Lock()
	do()
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default: // it is told already
	}
}

// maxCycle is a year: beyond any use, and within time.Duration.
const maxCycle = 365 * 24 * 3600

// SetCycle sets how often it cleans.
func (c *Cleaner) SetCycle(seconds int64) error {
	if seconds < 1 || seconds > maxCycle {
		return fmt.Errorf("should be from 1 to %d seconds", maxCycle)
	}
	c.change(func() { c.cycle = time.Duration(seconds) * time.Second })
	return nil
}

// SetAge sets how old an entry of a subsystem must be to be deleted; 0 is never.
func (c *Cleaner) SetAge(name string, seconds int64) error {
	if seconds < 0 {
		return errors.New("should be a number of seconds, or 0")
	}
	c.change(func() { c.ages[name] = uint64(seconds) })
	return nil
}

// Option is an option of this plugin.
type Option struct {
	Name, Doc string
	Default   int64
	Set       func(int64) error
}

// Options are all.
func (c *Cleaner) Options() []Option {
	list := []Option{{
		Name: "autoclean-cycle", Doc: "Delete what is old enough every so many seconds", Default: DefaultCycle, Set: c.SetCycle,
	}}
	for _, s := range subsystems {
		remark := ""
		if s.list == nil {
			remark = " (this node keeps none)"
		}
		list = append(list, Option{
			Name: "autoclean-" + s.name + "-age", Doc: "Delete " + s.what + " so many seconds ago; 0 is never" + remark,
			Set: func(seconds int64) error { return c.SetAge(s.name, seconds) },
		})
	}
	return list
}

// cleanAll cleans all subsystems that have an age.
func (c *Cleaner) cleanAll(ctx context.Context) {
	for _, s := range subsystems {
		age := c.age(s.name)
		if age == 0 {
			continue
		}
		done, err := c.clean(ctx, s, age)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // the next cycle tries again
			c.config.Log("unusual", "cleaning %s: %v", s.name, err)
		case done.Cleaned > 0:
			c.config.Log("debug", "cleaned %d of %s, %d are too new", done.Cleaned, s.name, done.Uncleaned)
		}
	}
}

// refused reports whether lightningd itself said no to a call, and does not fail otherwise.
func refused(err error) bool {
	var e *plugin.Error
	return errors.As(err, &e)
}
