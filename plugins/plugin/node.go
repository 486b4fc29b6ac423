package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"fulmen/internal/rpc"
)

// errEarly refuses calls before lightningd has told us where its socket is.
var errEarly = errors.New("lightningd can be called from init on")

// Call runs a command of lightningd's, or of another plugin, and decodes its result into result unless that
// is nil. A command that failed gives an *Error with its code. From OnInit on, from any goroutine.
func (p *Plugin) Call(ctx context.Context, method string, params, result any) error {
	raw, err := p.Do(ctx, rpc.Call{Method: method, Params: params})
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("result of %s: %w", method, err)
	}
	return nil
}

// Do is Call for one who wants the result as it came, or the notifications on the way to it.
func (p *Plugin) Do(ctx context.Context, c rpc.Call) (json.RawMessage, error) {
	client, err := p.dial()
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", c.Method, err)
	}
	raw, err := client.Do(ctx, c)
	var failed *rpc.Error
	switch {
	case err == nil:
		return raw, nil
	case errors.As(err, &failed):
		return nil, &Error{Code: int(failed.Code), Message: failed.Message, Data: failed.Data}
	case ctx.Err() == nil:
		p.hangUp(client)
	}
	return nil, fmt.Errorf("call %s: %w", c.Method, err)
}

// dial is one connection for all calls, made anew where it broke.
func (p *Plugin) dial() (*rpc.Client, error) {
	p.nodeMu.Lock()
	defer p.nodeMu.Unlock()
	if p.node != nil {
		return p.node, nil
	}
	if p.socket == "" {
		return nil, errEarly
	}
	client, err := rpc.Dial(p.socket)
	if err != nil {
		return nil, err
	}
	p.node = client
	return client, nil
}

func (p *Plugin) hangUp(client *rpc.Client) {
	p.nodeMu.Lock()
	defer p.nodeMu.Unlock()
	if p.node == client {
		p.node = nil
	}
	client.Close()
}

// reach notes where lightningd's socket is.
func (p *Plugin) reach(i *Init) {
	p.nodeMu.Lock()
	defer p.nodeMu.Unlock()
	p.socket = i.Configuration.RPCFile
	if !filepath.IsAbs(p.socket) {
		p.socket = filepath.Join(i.Configuration.LightningDir, p.socket)
	}
}
