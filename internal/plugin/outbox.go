package plugin

import (
	"fmt"
	"sync"
)

const (
	maxUnread = 64 << 20 // bytes that may wait for a plugin that does not read its stdin
	writeSize = 64 << 10 // bytes of one write: what a pipe holds
)

// outbox holds what is to be written to a plugin, so that whoever sends never waits for its reading.
type outbox struct {
	mu      sync.Mutex
	more    sync.Cond
	bytes   []byte
	writing int // bytes that the writer has taken and not written yet
	closed  bool
}

func (o *outbox) init() { o.more.L = &o.mu }

// add says whether there was room; what comes after close is dropped.
func (o *outbox) add(raw []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return true
	}
	if o.writing+len(o.bytes)+len(raw) > maxUnread {
		return false
	}
	o.bytes = append(o.bytes, raw...)
	o.more.Signal()
	return true
}

// take waits for bytes; it has none once the box is closed and empty.
func (o *outbox) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.bytes) == 0 && !o.closed {
		o.more.Wait()
	}
	raw := o.bytes
	o.bytes, o.writing = nil, len(raw)
	return raw
}

// wrote counts bytes of the last take as no longer waiting.
func (o *outbox) wrote(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing -= n
}

// close lets the writer finish what is in the box.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.more.Signal()
}

// send queues messages, with nothing between them.
func (p *Plugin) send(messages ...any) error {
	var all []byte
	for _, m := range messages {
		raw, err := encode(m)
		if err != nil {
			return fmt.Errorf("plugin %s: %w", p.Name, err)
		}
		all = append(all, raw...)
	}
	return p.sendRaw(all)
}

// sendRaw is send for what is encoded; raw is copied.
func (p *Plugin) sendRaw(raw []byte) error {
	if !p.out.add(raw) {
		p.end(fmt.Errorf("it left %d bytes unread on its stdin", maxUnread))
		return gone(p.Name, p.exitReason())
	}
	return nil
}

// write is the only writer of the plugin's stdin; it closes it when nothing more will come.
func (p *Plugin) write() {
	defer p.stdin.Close()
	defer p.saved.endIn()
	for {
		raw := p.out.take()
		if raw == nil {
			return
		}
		p.saved.in(raw)
		for len(raw) > 0 {
			n, err := p.stdin.Write(raw[:min(len(raw), writeSize)])
			if err != nil {
				return // it is gone, or has closed its stdin: its exit or its silence tells
			}
			p.out.wrote(n)
			raw = raw[n:]
		}
	}
}
