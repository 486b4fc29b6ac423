package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Error is an answer with a code of its own; other errors are answered with -1.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// The codes of JSON-RPC itself, and of an error without one.
const (
	codeUnspecified    = -1
	codeMethodNotFound = -32601
	codeInvalidParams  = -32602
)

func (p *Plugin) reply(id json.RawMessage, result any, err error) {
	if err == nil {
		p.write(struct {
			JSONRPC string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
			Result  any             `json:"result"`
		}{"2.0", id, result})
		return
	}
	coded := &Error{Code: codeUnspecified, Message: err.Error()}
	errors.As(err, &coded)
	p.write(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   *Error          `json:"error"`
	}{"2.0", id, coded})
}

func (p *Plugin) write(v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("plugin: unencodable message %T: %v", v, err)) // our bug
	}
	b.WriteByte('\n')
	p.outMu.Lock()
	defer p.outMu.Unlock()
	// Where lightningd is gone, so are its requests: the end of stdin says so too.
	_, _ = p.out.Write(b.Bytes())
}
