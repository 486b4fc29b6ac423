package main

import "sync"

// backlogFull is how many bytes may wait to be written to all peers, before those give up that must not wait and
// whose peer has more than its even share of them.
const backlogFull = 128 << 20

// backlog counts what waits in all outboxes: strangers could otherwise have this process hold outboxStuck for each
// connection that they make and do not read from.
type backlog struct {
	most int

	mu       sync.Mutex
	bytes    int
	outboxes int
}

func newBacklog() *backlog { return &backlog{most: backlogFull} }

func (b *backlog) join() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outboxes++
}

// leave is for an outbox that holds so many bytes no more.
func (b *backlog) leave(held int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outboxes--
	b.bytes -= held
}

// add counts what an outbox holds more, or less.
func (b *backlog) add(bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes += bytes
}

// unfair reports whether too much waits, and an outbox that holds so many bytes has more than its share of it.
func (b *backlog) unfair(held int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes > b.most && held > b.most/max(b.outboxes, 1)
}
