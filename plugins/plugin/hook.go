package plugin

import (
	"context"
	"encoding/json"
)

// Hook is a question of lightningd's that we want to answer: what to do with something, before it is done.
// lightningd waits for the answer, so it should come soon.
type Hook struct {
	Name string `json:"name"`
	// Before and After are names of plugins that should be asked after us, or before.
	Before []string `json:"before,omitempty"`
	After  []string `json:"after,omitempty"`
	// Filters are the commands (rpc_command) or the types of messages (custommsg) that we want to be asked
	// about; none: all.
	Filters []any `json:"filters,omitempty"`
	// Run gets the question and returns the answer, each as its schema says. An error leaves the choice to
	// lightningd, and is logged there.
	Run func(ctx context.Context, question json.RawMessage) (any, error) `json:"-"`
}

// Continue is the answer that leaves things as they are; all hooks take it.
var Continue = map[string]string{"result": "continue"}

// AddHook declares a hook; before Run.
func (p *Plugin) AddHook(h Hook) {
	p.hooks[h.Name] = h
	p.hookOrder = append(p.hookOrder, h.Name)
}
