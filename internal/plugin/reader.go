package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// read delivers what the plugin writes, until it ends; then it settles what is left of it.
func (p *Plugin) read(stdout *os.File, exit <-chan error) {
	defer stdout.Close()
	defer p.saved.endOut()
	in := newStream(p.saved.tee(stdout))
	for {
		raw, err := in.next()
		if err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		var m *message
		if err == nil {
			m, err = decodeMessage(raw)
		}
		if err != nil {
			p.end(fmt.Errorf("%w: %q", err, excerpt(raw)))
			break
		}
		p.deliver(m)
	}
	p.buried(<-exit)
}

// wait reports the exit of the process. What it started may live on and hold its stdout open, so
// that the reader is given only a moment more.
func (p *Plugin) wait(stdout *os.File, exit chan<- error) {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.exited = true
	p.mu.Unlock()
	stdout.SetReadDeadline(time.Now().Add(time.Second))
	exit <- err
}

// excerpt is enough of a bad message for the log.
func excerpt(raw []byte) []byte { return raw[:min(len(raw), 80)] }

// buried runs once, when the process is gone.
func (p *Plugin) buried(exit error) {
	p.mu.Lock()
	if p.reason == nil {
		p.reason = errors.New("it exited by itself")
		if exit != nil {
			p.reason = exit
		}
		if p.stopping {
			p.reason = nil
		}
	}
	reason, waiting := p.reason, p.pending
	p.pending = nil
	p.mu.Unlock()
	for _, w := range waiting {
		w.answer <- answer{err: gone(p.Name, reason)}
	}
	if no := (*Disabled)(nil); reason != nil && !errors.As(reason, &no) {
		p.log.Error("plugin ended", "reason", reason)
	}
	p.out.close()
	close(p.ended)
}

func gone(name string, reason error) error {
	if reason == nil {
		return fmt.Errorf("plugin %s: %w", name, ErrGone)
	}
	return fmt.Errorf("plugin %s: %w: %w", name, ErrGone, reason)
}

func (p *Plugin) deliver(m *message) {
	if m.isReply() && p.answered(m) {
		return
	}
	if !p.spec.Builtin && !p.budget.Take(time.Now()) {
		p.end(fmt.Errorf("it floods: more than %d messages at once that nobody asked for, and %d a second", budgetBurst, budgetRate))
		return
	}
	switch {
	case m.isReply():
		// The caller may have given up waiting; that is no fault of the plugin's.
		p.log.Debug("plugin answered a request that nobody waits for", "id", string(excerpt(m.ID)))
	case m.ID != nil:
		p.log.Warn("plugin sent a request on its stdout; requests go to the RPC socket", "method", string(excerpt([]byte(m.Method))))
	case m.Method == "log":
		p.logged(m.Params)
	case m.Method == "message" || m.Method == "progress":
		p.toCaller(m.Method, m.Params)
	case p.spec.OnNotification != nil:
		p.spec.OnNotification(p, m.Method, m.Params)
	}
}

// answered hands a reply to who waits for it, if anybody does.
func (p *Plugin) answered(m *message) bool {
	w := p.claim(m.ID, true)
	if w == nil {
		return false
	}
	result, err := m.outcome()
	w.answer <- answer{result, err}
	return true
}

// claim finds the request that has an id, and takes it out if that was its answer.
func (p *Plugin) claim(raw json.RawMessage, answered bool) *pending {
	id := string(raw)
	if json.Unmarshal(raw, &id) != nil {
		return nil // no string, so none of ours
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.pending[id]
	if answered {
		delete(p.pending, id)
	}
	return w
}
