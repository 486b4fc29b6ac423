package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// Notification is something that has happened.
type Notification struct {
	Topic string
	// Payload is what happened, as its schema says; of another plugin's notification, its params.
	Payload json.RawMessage
	Origin  string // the plugin that sent it; empty for lightningd's own
}

// Decode reads the payload.
func (n Notification) Decode(v any) error {
	if err := json.Unmarshal(n.Payload, v); err != nil {
		return fmt.Errorf("notification %s: %w", n.Topic, err)
	}
	return nil
}

type subscription struct {
	topic string
	do    func(context.Context, Notification)
}

// Subscribe has do called for each notification of a topic, or with "*" of all; before Run.
func (p *Plugin) Subscribe(topic string, do func(context.Context, Notification)) {
	p.subscriptions = append(p.subscriptions, subscription{topic, do})
}

func (p *Plugin) subscribed() []string {
	var topics []string
	for _, s := range p.subscriptions {
		if !slices.Contains(topics, s.topic) {
			topics = append(topics, s.topic)
		}
	}
	return topics
}

// AddTopic declares a notification of our own, that Notify may send; before Run.
func (p *Plugin) AddTopic(topic string) { p.topics = append(p.topics, topic) }

// Notify sends one of our own notifications to the plugins that subscribed to it. params is what marshals
// to an object.
func (p *Plugin) Notify(topic string, params any) { p.emit(topic, params) }

// Log writes a line to lightningd's log, at one of its levels: debug, info, unusual, broken.
func (p *Plugin) Log(level, format string, args ...any) {
	p.emit("log", map[string]string{"level": level, "message": fmt.Sprintf(format, args...)})
}

type callerKey struct{}

// CallID is the id of the command that ctx is of, as lightningd gave it.
func CallID(ctx context.Context) string {
	raw, _ := ctx.Value(callerKey{}).(json.RawMessage)
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw) // a number
	}
	return text
}

// Message tells the caller of the command that ctx is of something, at one of the log's levels, if it
// asked for notifications.
func (p *Plugin) Message(ctx context.Context, level, format string, args ...any) {
	if id, ok := ctx.Value(callerKey{}).(json.RawMessage); ok {
		p.emit("message", struct {
			ID      json.RawMessage `json:"id"`
			Level   string          `json:"level"`
			Message string          `json:"message"`
		}{id, level, fmt.Sprintf(format, args...)})
	}
}

// Progress tells the caller of the command that ctx is of that step num, from 0, of total is done.
func (p *Plugin) Progress(ctx context.Context, num, total int) {
	if id, ok := ctx.Value(callerKey{}).(json.RawMessage); ok {
		p.emit("progress", struct {
			ID    json.RawMessage `json:"id"`
			Num   int             `json:"num"`
			Total int             `json:"total"`
		}{id, num, total})
	}
}

func (p *Plugin) emit(method string, params any) {
	p.write(struct {
		JSONRPC string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", method, params})
}

// notified queues a notification for those who subscribed to it.
func (p *Plugin) notified(c call) {
	n := Notification{Topic: c.Method, Payload: c.Params, Origin: c.Origin}
	if c.Origin == "" {
		var wrapped map[string]json.RawMessage
		if json.Unmarshal(c.Params, &wrapped) == nil && wrapped[c.Method] != nil {
			n.Payload = wrapped[c.Method]
		}
	}
	for _, s := range p.subscriptions {
		if s.topic == n.Topic || s.topic == "*" {
			p.told.add(func(ctx context.Context) { s.do(ctx, n) })
		}
	}
}

// notices are notifications that wait for the one before, so that the reader never does.
type notices struct {
	mu     sync.Mutex
	more   *sync.Cond
	queue  []func(context.Context)
	closed bool
}

func (q *notices) add(do func(context.Context)) {
	q.mu.Lock()
	q.queue = append(q.queue, do)
	q.mu.Unlock()
	q.more.Signal()
}

func (q *notices) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.more.Signal()
}

func (q *notices) run(ctx context.Context) {
	for {
		q.mu.Lock()
		for len(q.queue) == 0 && !q.closed {
			q.more.Wait()
		}
		batch := q.queue
		q.queue = nil
		q.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, do := range batch {
			do(ctx)
		}
	}
}
