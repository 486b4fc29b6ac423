package main

import "sync"

// loop runs functions one after the other in a single goroutine, which alone touches the node's
// state. Whoever is not that goroutine posts; after each batch of posted functions flush is called
// once, so that what they want to send to the same process goes in one frame.
type loop struct {
	flush func()

	mu     sync.Mutex
	wake   *sync.Cond
	queue  []func()
	closed bool
}

func newLoop(flush func()) *loop {
	l := &loop{flush: flush}
	l.wake = sync.NewCond(&l.mu)
	return l
}

// post queues f. It never blocks, so that the database's and the children's goroutines may call it.
func (l *loop) post(f func()) {
	l.mu.Lock()
	if !l.closed {
		l.queue = append(l.queue, f)
	}
	l.mu.Unlock()
	l.wake.Signal()
}

// call runs f in the loop's goroutine and returns when it has run. It must not be called from
// there. After close it returns false without running f.
func (l *loop) call(f func()) bool {
	done := make(chan struct{})
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.queue = append(l.queue, func() { f(); close(done) })
	l.mu.Unlock()
	l.wake.Signal()
	<-done
	return true
}

// run executes what is posted until close.
func (l *loop) run() {
	for {
		l.mu.Lock()
		for len(l.queue) == 0 && !l.closed {
			l.wake.Wait()
		}
		batch := l.queue
		l.queue = nil
		l.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, f := range batch {
			f()
		}
		l.flush()
	}
}

// close makes run return once what was posted before has run.
func (l *loop) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake.Broadcast()
}
