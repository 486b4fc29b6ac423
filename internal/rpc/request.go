package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Request is one call as the caller sent it.
type Request struct {
	ID      json.RawMessage // a string or number, echoed byte for byte
	Method  string
	Params  json.RawMessage // an array or object; nil when absent or null
	Filter  json.RawMessage // an object; nil when absent
	Session *Session        // the connection that it came by
}

var errBatch = Errorf(CodeInvalidRequest, "batches are not supported: send one request after the other, without waiting for replies")

// decodeRequest reads one value of the stream. Where the request is refused but its id is known, the
// Request still has it, for the reply. Errors are *SyntaxError or *Error.
func decodeRequest(value []byte, offset int64) (*Request, error) {
	if value[0] == '[' {
		return &Request{}, errBatch
	}
	var wire struct {
		ID     json.RawMessage `json:"id"`
		Method json.RawMessage `json:"method"`
		Params json.RawMessage `json:"params"`
		Filter json.RawMessage `json:"filter"`
	}
	if err := json.Unmarshal(value, &wire); err != nil {
		return nil, syntaxError(err, offset)
	}
	r := &Request{Params: notNull(wire.Params), Filter: notNull(wire.Filter)}
	if len(wire.ID) == 0 || !isScalarID(wire.ID[0]) {
		return r, Errorf(CodeInvalidRequest, "id: a request must have one, a string or a number")
	}
	r.ID = wire.ID
	if len(wire.Method) == 0 || wire.Method[0] != '"' {
		return r, Errorf(CodeInvalidRequest, "method: a request must have one, a string")
	}
	if err := json.Unmarshal(wire.Method, &r.Method); err != nil {
		return r, Errorf(CodeInvalidRequest, "method: %w", err)
	}
	if len(r.Params) > 0 && r.Params[0] != '{' && r.Params[0] != '[' {
		return r, Errorf(CodeInvalidRequest, "params: want an array or an object")
	}
	return r, nil
}

func syntaxError(err error, offset int64) error {
	var se *json.SyntaxError
	if errors.As(err, &se) {
		return &SyntaxError{Offset: offset + se.Offset - 1, Reason: se.Error()}
	}
	return &SyntaxError{Offset: offset, Reason: err.Error()}
}

func notNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

func isScalarID(c byte) bool { return c == '"' || c == '-' || c >= '0' && c <= '9' }

// Level is the weight of a message notification.
type Level string

// Levels, from the most to the least important.
const (
	LevelBroken  Level = "broken"
	LevelUnusual Level = "unusual"
	LevelInfo    Level = "info"
	LevelDebug   Level = "debug"
)

// Message tells the caller something while its request runs, if it enabled notifications.
func (r *Request) Message(level Level, format string, args ...any) {
	r.Notify("message", struct {
		Level   Level  `json:"level"`
		Message string `json:"message"`
	}{level, fmt.Sprintf(format, args...)})
}

// Progress tells the caller that step num (from 0) of total is done, if it enabled notifications.
func (r *Request) Progress(num, total int) {
	r.Notify("progress", struct {
		Num   int `json:"num"`
		Total int `json:"total"`
	}{num, total})
}

// Notify sends a notification with the request's id first among its params, which must marshal to an
// object. It does nothing unless the connection enabled notifications, nor on a nil Request: a handler
// may also run without a caller.
func (r *Request) Notify(method string, params any) {
	if r == nil || r.Session == nil || !r.Session.notifications.Load() {
		return
	}
	object, err := marshal(params)
	if err != nil || len(object) < 2 || object[0] != '{' {
		panic(fmt.Sprintf("rpc: notification %s: params %T do not marshal to an object: %v", method, params, err))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"jsonrpc":"2.0","method":%q,"params":{"id":%s`, method, r.ID)
	if string(object) != "{}" {
		b.WriteByte(',')
	}
	b.Write(object[1:])
	b.WriteString("}\n\n")
	r.Session.out.write(b.Bytes())
}

// Deprecations reports whether the caller wants deprecated things to work, where otherwise is what the node is set
// to.
func (r *Request) Deprecations(otherwise bool) bool {
	if r == nil || r.Session == nil {
		return otherwise
	}
	if own := r.Session.deprecations.Load(); own != nil {
		return *own
	}
	return otherwise
}

type contextKey struct{}

// FromContext is the request that a handler is running for; nil if it runs without a caller.
func FromContext(ctx context.Context) *Request {
	r, _ := ctx.Value(contextKey{}).(*Request)
	return r
}

// NewContext attaches r, as the server does before it dispatches.
func NewContext(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, contextKey{}, r)
}
