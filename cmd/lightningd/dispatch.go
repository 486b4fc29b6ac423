package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"fulmen/internal/plugin"
	"fulmen/internal/rpc"
)

// unhooked are the commands that no plugin can stand before: with them an operator gets rid of one.
var unhooked = []string{"plugin", "stop"}

// dispatch serves a request, after the plugins that want to see it first (hook rpc_command).
func (n *node) dispatch(ctx context.Context, r *rpc.Request) (any, error) {
	if n.plugins.Hooked("rpc_command") && !slices.Contains(unhooked, r.Method) {
		replaced, answer, err := n.hookCommand(ctx, r)
		if err != nil || answer != nil {
			return answer, err
		}
		if replaced != nil {
			r = replaced
			ctx = rpc.NewContext(ctx, r)
		}
	}
	return n.serveCommand(ctx, r)
}

// serveCommand runs a command of ours, or passes it to the plugin that has it.
func (n *node) serveCommand(ctx context.Context, r *rpc.Request) (any, error) {
	p, ok := n.plugins.Method(r.Method)
	if !ok {
		return n.commands().Dispatch(ctx, r)
	}
	if !p.Active() {
		return nil, rpc.Errorf(rpc.CodePluginError, "plugin %s is still starting", p.Name)
	}
	if !r.Deprecations(p.DeprecationsOn()) && p.Deprecates(r.Method) {
		return nil, rpc.Errorf(rpc.CodeUnknownMethod, "%s is deprecated, and deprecated commands are turned off", r.Method)
	}
	return passToPlugin(ctx, p, r, paramsOrNone(r))
}

func paramsOrNone(r *rpc.Request) any {
	if r.Params == nil {
		return []any{}
	}
	return r.Params
}

// passToPlugin has a plugin serve a request, and what it tells meanwhile go to the caller.
func passToPlugin(ctx context.Context, p *plugin.Plugin, r *rpc.Request, params any) (any, error) {
	passed := plugin.Passed{Method: r.Method, Params: params, CallerID: r.ID, Notify: r.Notify}
	if allowed := r.Deprecations(p.DeprecationsOn()); allowed != p.DeprecationsOn() {
		passed.DeprecatedOK = &allowed
	}
	result, err := p.Pass(ctx, passed)
	var failed *plugin.Error
	switch {
	case errors.As(err, &failed):
		return nil, rpcError(failed)
	case err != nil:
		return nil, rpc.Errorf(rpc.CodePluginTerminated, "%w", err)
	}
	return result, nil
}

// rpcError passes a plugin's error on as it is.
func rpcError(failed *plugin.Error) error {
	e := rpc.Errorf(rpc.Code(failed.Code), "%s", failed.Message)
	if failed.Data != nil {
		e.Data = failed.Data
	}
	return e
}

// commandHook is the payload of the hook rpc_command.
type commandHook struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params any             `json:"params"`
}

// commandVerdict is an answer to it: one of the three.
type commandVerdict struct {
	Result  *string `json:"result"`
	Replace *struct {
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	} `json:"replace"`
	Return *struct {
		Result json.RawMessage `json:"result"`
		Error  *plugin.Error   `json:"error"`
	} `json:"return"`
}

// check refuses an answer that is none of the three, or more than one.
func (v *commandVerdict) check() error {
	given := 0
	for _, is := range []bool{v.Result != nil, v.Replace != nil, v.Return != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return fmt.Errorf("it should have one of result, replace and return, and has %d", given)
	case v.Result != nil && *v.Result != "continue":
		return fmt.Errorf("result is %q: only continue is possible", *v.Result)
	case v.Replace != nil && v.Replace.Method == "":
		return errors.New("replace has no method")
	case v.Replace != nil && len(v.Replace.Params) > 0 && !bytes.ContainsAny(v.Replace.Params[:1], "[{"):
		return errors.New("replace has params that are neither array nor object")
	case v.Return != nil && (v.Return.Result == nil) == (v.Return.Error == nil):
		return errors.New("return should have one of result and error")
	}
	return nil
}

// hookCommand asks the plugins about a command. They may answer it themselves, or put another in its
// place; the first that does so decides. A plugin that is lost while it thinks may have acted already, so
// the command is not run: to pay twice would be worse than to refuse once.
func (n *node) hookCommand(ctx context.Context, r *rpc.Request) (replaced *rpc.Request, answer any, err error) {
	var verdict commandVerdict
	lost := ""
	asked := n.plugins.Ask(ctx, plugin.Question{
		Hook: "rpc_command", About: r.Method,
		Payload: func() any {
			return map[string]any{"rpc_command": commandHook{r.ID, r.Method, paramsOrNone(r)}}
		},
		Answer: func(raw json.RawMessage) (bool, error) {
			var v commandVerdict
			if err := json.Unmarshal(raw, &v); err != nil {
				return false, err
			}
			if err := v.check(); err != nil {
				return false, err
			}
			verdict = v
			return v.Result == nil, nil
		},
		Lost: func(name string) bool { lost = name; return true },
	})
	switch {
	case asked != nil:
		return nil, nil, asked
	case lost != "":
		return nil, nil, rpc.Errorf(rpc.CodePluginTerminated, "plugin %s ended while it was asked about %s, which was not run", lost, r.Method)
	case verdict.Replace != nil:
		other := *r
		other.Method, other.Params = verdict.Replace.Method, verdict.Replace.Params
		return &other, nil, nil
	case verdict.Return != nil && verdict.Return.Error != nil:
		return nil, nil, rpcError(verdict.Return.Error)
	case verdict.Return != nil:
		return nil, verdict.Return.Result, nil
	}
	return nil, nil, nil
}
