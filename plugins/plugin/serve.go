package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Run serves lightningd until it closes our stdin.
func (p *Plugin) Run() error { return p.serve(os.Stdin) }

type call struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Origin string          `json:"origin"` // of a notification of another plugin
}

func (p *Plugin) serve(in io.Reader) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go p.told.run(ctx)
	defer p.told.close()
	dec := json.NewDecoder(in)
	for {
		var c call
		if err := dec.Decode(&c); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read from lightningd: %w", err)
		}
		switch {
		case c.Method == "getmanifest":
			p.reply(c.ID, p.manifest(), nil)
		case c.Method == "init":
			result, err := p.init(c.Params)
			p.reply(c.ID, result, err)
		case c.ID == nil:
			p.notified(c)
		default:
			go p.run(ctx, c)
		}
	}
}

func (p *Plugin) run(ctx context.Context, c call) {
	ctx = context.WithValue(ctx, callerKey{}, c.ID)
	if h, ok := p.hooks[c.Method]; ok {
		result, err := h.Run(ctx, c.Params)
		p.reply(c.ID, result, err)
		return
	}
	if c.Method == "check" {
		p.reply(c.ID, struct{}{}, p.check(c.Params))
		return
	}
	if c.Method == "setconfig" {
		result, err := p.setConfig(c.Params)
		p.reply(c.ID, result, err)
		return
	}
	m, args, err := p.bind(c.Method, c.Params)
	if err != nil {
		p.reply(c.ID, nil, err)
		return
	}
	result, err := m.Run(ctx, args)
	p.reply(c.ID, result, err)
}

// bind finds a command, and its parameters.
func (p *Plugin) bind(method string, params json.RawMessage) (Method, Args, error) {
	m, ok := p.methods[method]
	if !ok {
		return m, nil, &Error{Code: codeMethodNotFound, Message: fmt.Sprintf("unknown command %q", method)}
	}
	args, err := m.parse(params)
	if err != nil {
		return m, nil, &Error{Code: codeInvalidParams, Message: err.Error()}
	}
	return m, args, nil
}

// check serves `check` for a command of ours, which params name beside its own.
func (p *Plugin) check(params json.RawMessage) error {
	const key = "command_to_check"
	var all map[string]json.RawMessage
	var list []json.RawMessage
	var name string
	var own any
	switch {
	case json.Unmarshal(params, &all) == nil:
		_ = json.Unmarshal(all[key], &name) // no name is no command
		delete(all, key)
		own = all
	case json.Unmarshal(params, &list) == nil && len(list) > 0:
		_ = json.Unmarshal(list[0], &name)
		own = list[1:]
	}
	raw, err := json.Marshal(own)
	if err != nil {
		return err
	}
	_, _, err = p.bind(name, raw)
	return err
}
