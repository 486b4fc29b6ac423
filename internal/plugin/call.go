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
	id, ch, err := p.register(method)
	if err != nil {
		return nil, err
	}
	if err := p.send(request{"2.0", id, method, params}); err != nil {
		p.forget(id)
		return nil, err
	}
	select {
	case a := <-ch:
		return a.result, a.err
	case <-ctx.Done():
		p.forget(id)
		return nil, fmt.Errorf("plugin %s: %s: %w", p.Name, method, context.Cause(ctx))
	}
}

// Notify sends a notification; nothing answers it.
func (p *Plugin) Notify(method string, params any) error {
	return p.send(notification{"2.0", method, params})
}

func (p *Plugin) register(method string) (string, <-chan answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending == nil {
		return "", nil, gone(p.Name, p.reason)
	}
	p.nextID++
	id := fmt.Sprintf("lightningd:%s#%d", strings.ReplaceAll(method, `"`, ""), p.nextID)
	ch := make(chan answer, 1) // so that delivery never waits for the caller
	p.pending[id] = ch
	return id, ch, nil
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
	p.log.Log(context.Background(), level(line.Level), line.Message)
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
