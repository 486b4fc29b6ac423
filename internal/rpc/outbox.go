package rpc

import (
	"io"
	"sync"
)

// maxUnsent is how much may wait for a slow reader before writers wait too.
const maxUnsent = 4 << 20

// maxIdle is the largest buffer that an idle connection keeps.
const maxIdle = 64 << 10

// outbox joins what many goroutines write into as few system calls as the connection takes.
type outbox struct {
	w io.Writer

	mu      sync.Mutex
	changed sync.Cond // unsent, writing or err changed
	unsent  []byte
	writing bool  // a goroutine is in drain
	err     error // the first failed write; nothing is written after it
}

func newOutbox(w io.Writer) *outbox {
	o := &outbox{w: w}
	o.changed.L = &o.mu
	return o
}

// write queues b and returns; it waits only while maxUnsent is exceeded. b is copied.
func (o *outbox) write(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil && len(o.unsent) > maxUnsent {
		o.changed.Wait()
	}
	if o.err != nil {
		return o.err
	}
	o.unsent = append(o.unsent, b...)
	if !o.writing {
		o.writing = true
		go o.drain()
	}
	return nil
}

// drain writes until nothing is left. What is queued during one write goes out in the next.
func (o *outbox) drain() {
	var spare []byte
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.unsent) > 0 && o.err == nil {
		batch := o.unsent
		o.unsent = spare[:0]
		o.mu.Unlock()
		_, err := o.w.Write(batch)
		o.mu.Lock()
		spare = batch
		if err != nil && o.err == nil {
			o.err = err
		}
		o.changed.Broadcast()
	}
	o.writing = false
	if o.err == nil && cap(spare) <= maxIdle {
		o.unsent = spare[:0]
	}
	o.changed.Broadcast()
}

// flush returns when all that was queued is written, or writing failed.
func (o *outbox) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.writing && o.err == nil {
		o.changed.Wait()
	}
}

// fail wakes all writers with err.
func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	o.changed.Broadcast()
}
