package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrShutdown is the cause of a request's context once the node is going down.
var ErrShutdown = errors.New("lightningd is shutting down")

// Error is a failed request: what the server sends, and what Client.Call returns for it.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`

	cause error
}

// Errorf makes an Error; a %w in format is unwrapped by errors.Is and errors.As.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// WithData returns a copy of e that carries data.
func (e *Error) WithData(data any) *Error {
	c := *e
	c.Data = data
	return &c
}

// Error is the message alone; the code is for programs.
func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.cause }

// asError gives any error of a handler the form that goes to the caller.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, ErrShutdown):
		return Errorf(CodeShutdown, "%w", ErrShutdown)
	}
	return Errorf(CodeFailed, "%w", err)
}

// UnmarshalJSON keeps data as it came, as a json.RawMessage.
func (e *Error) UnmarshalJSON(b []byte) error {
	var wire struct {
		Code    Code            `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b, &wire); err != nil {
		return fmt.Errorf("error object: %w", err)
	}
	*e = Error{Code: wire.Code, Message: wire.Message}
	if wire.Data != nil {
		e.Data = wire.Data
	}
	return nil
}
