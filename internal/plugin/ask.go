package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
)

// Question is one occasion of a hook.
type Question struct {
	Hook string
	// About is what plugins may filter by: a command's name, a message's number. Empty is for all.
	About string
	// Payload is what the next plugin is asked. It is called for each: an answer may have changed it.
	Payload func() any
	// Answer judges a plugin's answer, a JSON object, and reports whether the chain ends with it. An error
	// says that the answer is not valid: it is logged, counted, and as if the plugin had none.
	Answer func(raw json.RawMessage) (last bool, err error)
	// Lost is called, where it is set, for a plugin that ended or was ended before it answered; true
	// ends the chain.
	Lost func(plugin string) (last bool)
	// Refused is called, where it is set, for a plugin that answered with an error of JSON-RPC, which is
	// not valid otherwise.
	Refused func(plugin string, err *Error)
}

// Continue judges the answers of hooks that have but one.
func Continue(raw json.RawMessage) (last bool, err error) {
	result, err := Result(raw)
	if err == nil && result != "continue" {
		err = fmt.Errorf("result is %q: only continue is possible", result)
	}
	return false, err
}

// Result is the answer's result, which most hooks want.
func Result(raw json.RawMessage) (string, error) {
	var answer struct {
		Result *string `json:"result"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", err
	}
	if answer.Result == nil {
		return "", errors.New("it has no result")
	}
	return *answer.Result, nil
}

// Hooked reports whether any plugin wants to be asked.
func (h *Host) Hooked(name string) bool { return len(h.index.Load().chains[name]) > 0 }

// Awaited reports whether a plugin that wants to be asked has ended and is to be started again.
func (h *Host) Awaited(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.programs, func(g *program) bool {
		return g.running == nil && !g.stopped && slices.ContainsFunc(g.hooks, func(hook Hook) bool { return hook.Name == name })
	})
}

// Lost names an important plugin that took part in a hook, and has ended though nobody stopped it.
func (h *Host) Lost(hook string) (name string, lost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.programs {
		if g.Important && g.running == nil && !g.stopped && slices.ContainsFunc(g.hooks, func(of Hook) bool { return of.Name == hook }) {
			return filepath.Base(g.Path), true
		}
	}
	return "", false
}

// Ask asks the plugins of a hook one after the other, until an answer is the last. It returns an error
// only when ctx ends: then no answer counts any more. It may take long, and is not for a loop.
func (h *Host) Ask(ctx context.Context, q Question) error {
	for _, m := range h.index.Load().chains[q.Hook] {
		if !m.asked(q.About) {
			continue
		}
		raw, err := m.answer(ctx, q)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if m.judge(q, raw, err) {
			return nil
		}
	}
	return nil
}

// AskAll asks the plugins of a hook at the same time, and waits for all of them; each answer is judged
// by itself, and two never at once. One that ended a moment ago is lost as one that ends now. It returns an error only when ctx ends.
func (h *Host) AskAll(ctx context.Context, q Question) error {
	var all sync.WaitGroup
	var judging sync.Mutex
	for _, m := range h.index.Load().chains[q.Hook] {
		ended := m.plugin.isGone()
		if !ended && !m.asked(q.About) {
			continue
		}
		all.Go(func() {
			raw, err := json.RawMessage(nil), gone(m.plugin.Name, nil)
			if !ended {
				raw, err = m.answer(ctx, q)
			}
			judging.Lock()
			defer judging.Unlock()
			if ctx.Err() == nil {
				m.judge(q, raw, err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// judge says whether the chain ends with what came of asking one plugin.
func (m member) judge(q Question, raw json.RawMessage, err error) (last bool) {
	var refused *Error
	switch {
	case errors.Is(err, ErrGone):
		m.plugin.log.Warn("plugin ended before it answered a hook", "hook", q.Hook)
		return q.Lost != nil && q.Lost(m.plugin.Name)
	case errors.As(err, &refused) && q.Refused != nil:
		q.Refused(m.plugin.Name, refused)
		return false
	case err == nil:
		last, err = q.Answer(raw)
	}
	if err != nil {
		count := m.plugin.faults.Add(1)
		m.plugin.log.Warn("plugin answered a hook in a way that is not valid: it goes on as if it had not", "hook", q.Hook, "error", err, "count", count)
		return false
	}
	return last
}

// asked reports whether a plugin takes part now.
func (m member) asked(about string) bool {
	if m.plugin.isGone() {
		return false // the index has not followed yet
	}
	return m.hook.wants(about) && (m.plugin.active.Load() || hooks[m.hook.Name].early)
}

func (p *Plugin) isGone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// answer gets one plugin's answer, an object. A plugin that does not answer in time is ended.
func (m member) answer(ctx context.Context, q Question) (json.RawMessage, error) {
	if limit := hooks[q.Hook].timeout; limit > 0 {
		late := fmt.Errorf("it did not answer the hook %s within %s", q.Hook, limit)
		timed, cancel := context.WithTimeoutCause(ctx, limit, late)
		defer cancel()
		stop := context.AfterFunc(timed, func() {
			if ctx.Err() == nil && errors.Is(context.Cause(timed), late) {
				m.plugin.end(late)
			}
		})
		defer stop()
	}
	raw, err := m.plugin.CallRaw(ctx, q.Hook, q.Payload())
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return nil, fmt.Errorf("answer %q is no object", excerpt(raw))
	}
	return raw, nil
}
