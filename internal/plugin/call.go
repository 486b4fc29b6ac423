package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// Call sends a request and decodes the result. Many may be under way; the plugin answers in any
// order. An error that the plugin itself answers is an *Error.
func (p *Plugin) Call(ctx context.Context, method string, params, result any) error {
	raw, err := p.CallRaw(ctx, method, params)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("plugin %s: %s: %w", p.Name, method, err)
	}
	return nil
}

// CallRaw is Call for one who passes the result on as it is. params is an array or an object.
func (p *Plugin) CallRaw(ctx context.Context, method string, params any) (json.RawMessage, error) {
	return p.Pass(ctx, Passed{Method: method, Params: params})
}

// Passed is a request that somebody else made, and that a plugin is to serve.
type Passed struct {
	Method string
	Params any
	// CallerID is the id that the caller gave it, as it came; ours begins with it, so that both logs can be
	// read together.
	CallerID json.RawMessage
	// Notify takes what the plugin tells the caller before it answers: message and progress. It runs on the
	// plugin's reader and must not wait. May be nil.
	Notify func(method string, params any)
	// DeprecatedOK is set where the caller wants deprecated things to work, or not to, and the node is set otherwise.
	DeprecatedOK *bool
}

// Pass sends a request, and returns the plugin's answer.
func (p *Plugin) Pass(ctx context.Context, r Passed) (json.RawMessage, error) {
	w := &pending{answer: make(chan answer, 1), notify: r.Notify}
	id, err := p.register(r, w)
	if err != nil {
		return nil, err
	}
	messages := []any{request{"2.0", id, r.Method, r.Params}}
	if r.DeprecatedOK != nil && p.subscribes("deprecated_oneshot") {
		told := map[string]any{"deprecated_oneshot": map[string]bool{"deprecated_ok": *r.DeprecatedOK}}
		messages = []any{notification{"2.0", "deprecated_oneshot", told}, messages[0]}
	}
	if err := p.send(messages...); err != nil {
		p.forget(id)
		return nil, err
	}
	select {
	case a := <-w.answer:
		return a.result, a.err
	case <-ctx.Done():
		p.forget(id)
		return nil, fmt.Errorf("plugin %s: %s: %w", p.Name, r.Method, context.Cause(ctx))
	}
}

// Notify sends a notification; nothing answers it.
func (p *Plugin) Notify(method string, params any) error {
	return p.send(notification{"2.0", method, params})
}

// maxCallerID is how much of a caller's id goes into ours.
const maxCallerID = 100

func (p *Plugin) register(r Passed, w *pending) (string, error) {
	prefix := ""
	if len(r.CallerID) > 0 && len(r.CallerID) <= maxCallerID {
		prefix = string(r.CallerID)
		_ = json.Unmarshal(r.CallerID, &prefix) // a number stays as it is written
		prefix += "/"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending == nil {
		return "", gone(p.Name, p.reason)
	}
	p.nextID++
	id := fmt.Sprintf("%scln:%s#%d", prefix, r.Method, p.nextID)
	p.pending[id] = w
	return id, nil
}

func (p *Plugin) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, id)
}

// logged puts a line of the plugin's into our log.
func (p *Plugin) logged(params json.RawMessage) {
	var line struct {
		Level   string `json:"level"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(params, &line); err != nil {
		p.log.Warn("plugin sent a log notification that is none", "error", err)
		return
	}
	if len(line.Message) > maxLogged {
		line.Message = strings.ToValidUTF8(line.Message[:maxLogged], "") + fmt.Sprintf("... (%d bytes)", len(line.Message))
	}
	p.log.Log(context.Background(), level(line.Level), line.Message)
}

// maxLogged is how much of one line of a plugin's goes into the log.
const maxLogged = 64 << 10

// toCaller passes on what a plugin tells the caller of a command.
func (p *Plugin) toCaller(method string, params json.RawMessage) {
	var to struct {
		ID json.RawMessage `json:"id"`
	}
	var what any = new(callerMessage)
	if method == "progress" {
		what = new(callerProgress)
	}
	err := json.Unmarshal(params, &to)
	if err == nil {
		err = json.Unmarshal(params, what)
	}
	if err != nil {
		p.log.Warn("plugin sent a "+method+" notification that is none", "error", err)
		return
	}
	if w := p.claim(to.ID, false); w != nil && w.notify != nil {
		w.notify(method, what)
	}
}

// callerMessage and callerProgress are what callers get, without the id, which is theirs to put in.
type callerMessage struct {
	Level   string `json:"level"`
	Message string `json:"message"`
}

type callerProgress struct {
	Num   int64 `json:"num"`
	Total int64 `json:"total"`
	Stage *struct {
		Num   int64 `json:"num"`
		Total int64 `json:"total"`
	} `json:"stage,omitempty"`
}

// level maps the protocol's names; `unusual` is what we call a warning.
func level(name string) slog.Level {
	switch name {
	case "trace", "io":
		return slog.LevelDebug - 4
	case "debug":
		return slog.LevelDebug
	case "warn", "unusual":
		return slog.LevelWarn
	case "error", "broken":
		return slog.LevelError
	}
	return slog.LevelInfo
}
