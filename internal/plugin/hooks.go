package plugin

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// answerTimeout is how long a plugin may think about a hook where nothing else bounds it. One that is
// silent for longer is ended, and what it was asked about goes on without it.
const answerTimeout = time.Minute

// hook is what is particular about one of them.
type hook struct {
	// timeout is how long each plugin may take; 0 is as long as whoever asks can wait. Payments are
	// held by plugins for hours: their deadline is a block height, which the caller knows.
	timeout time.Duration
	// early: it is asked as soon as the plugin's manifest is read, before init.
	early bool
}

// hooks are all that there are.
var hooks = map[string]hook{
	"htlc_accepted":             {},
	"invoice_payment":           {},
	"openchannel":               {timeout: answerTimeout},
	"openchannel2":              {timeout: answerTimeout},
	"openchannel2_changed":      {timeout: answerTimeout},
	"openchannel2_sign":         {timeout: answerTimeout},
	"rbf_channel":               {timeout: answerTimeout},
	"peer_connected":            {timeout: answerTimeout},
	"custommsg":                 {timeout: answerTimeout},
	"onion_message_recv":        {timeout: answerTimeout},
	"onion_message_recv_secret": {timeout: answerTimeout},
	"rpc_command":               {timeout: 10 * answerTimeout}, // a plugin may pay an invoice while it answers
	"commitment_revocation":     {timeout: answerTimeout},
	"recover":                   {timeout: answerTimeout},
	"db_write":                  {timeout: answerTimeout, early: true},
}

// member is a plugin's place in the chain of a hook.
type member struct {
	plugin *Plugin
	hook   *Hook
}

// chainOf orders the plugins that take part in a hook: as they were started, but for what they ask by
// before and after. Orders that contradict each other are an error.
func chainOf(name string, plugins []*Plugin) ([]member, error) {
	var waiting []member
	for _, p := range plugins {
		for i := range p.manifest.Hooks {
			if h := &p.manifest.Hooks[i]; h.Name == name {
				waiting = append(waiting, member{p, h})
			}
		}
	}
	var chain []member
	for len(waiting) > 0 {
		next := slices.IndexFunc(waiting, func(m member) bool {
			return !slices.ContainsFunc(waiting, func(other member) bool { return other.goesBefore(m) })
		})
		if next < 0 {
			return nil, fmt.Errorf("hook %s: before and after of %s contradict each other", name, names(waiting))
		}
		chain = append(chain, waiting[next])
		waiting = slices.Delete(waiting, next, next+1)
	}
	return chain, nil
}

func (m member) goesBefore(other member) bool {
	return m.plugin != other.plugin &&
		(slices.ContainsFunc(m.hook.Before, other.plugin.isCalled) || slices.ContainsFunc(other.hook.After, m.plugin.isCalled))
}

// isCalled reports whether somebody means the plugin by a name: its path, its base name, or that
// without its ending.
func (p *Plugin) isCalled(name string) bool {
	return name == p.spec.Path || name == p.Name || name == strings.TrimSuffix(p.Name, filepath.Ext(p.Name))
}

func names(list []member) string {
	var all []string
	for _, m := range list {
		all = append(all, m.plugin.Name)
	}
	return strings.Join(all, " and ")
}
