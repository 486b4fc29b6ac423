package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// message is whatever travels between host and plugin: a request, a reply or a notification.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *Error          `json:"error"`
}

// Error is the error that a plugin answered a request with.
type Error struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// ErrGone answers the requests that were waiting for, or are sent to, a plugin that has ended.
var ErrGone = errors.New("plugin has ended")

func decodeMessage(raw []byte) (*message, error) {
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("message is not JSON-RPC: %w", err)
	}
	if m.ID == nil && m.Method == "" {
		return nil, errors.New("message has neither id nor method")
	}
	return &m, nil
}

// isReply tells a reply from a request; both have an id, only a request names a method.
func (m *message) isReply() bool { return m.ID != nil && m.Method == "" }

// outcome is what the one who waits for a reply gets.
func (m *message) outcome() (json.RawMessage, error) {
	if m.Error != nil {
		return nil, m.Error
	}
	if m.Result == nil {
		return nil, errors.New("reply has neither result nor error")
	}
	return m.Result, nil
}

// request and notification have their fields in the order that line-based readers expect.
type request struct {
	JSONRPC string `json:"jsonrpc"`
	ID      string `json:"id"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

type notification struct {
	JSONRPC string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

// encode puts a message on one line and ends it with an empty one: plugins rely on both.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
