package ipc

import "fmt"

// Type is a message's number. Each belongs to one message for ever.
type Type uint16

// The messages that any link may carry.
const (
	TypeFail  Type = 1
	TypeHello Type = 2
	TypeLog   Type = 4
	TypeDied  Type = 6
	TypeStart Type = 8
)

// IsReply reports whether t answers a request.
func (t Type) IsReply() bool { return t&1 == 1 }

// Message is a pointer to a struct of fields: integers, bools, strings, byte slices and arrays,
// structs, slices and arrays of those, and pointers to any of them (nil is allowed).
type Message interface{ IPCType() Type }

// Of is the Message type whose struct is M.
type Of[M any] interface {
	*M
	Message
}

// Hello is the first frame each side sends: processes of two builds refuse each other.
type Hello struct {
	Version string
}

// Start is lightningd's first message to a child it has spawned.
type Start struct {
	LogLevel int32  // the least that is worth sending, as log/slog counts
	Confine  string // how the child locks itself in: on, warn or off; empty is on
}

// Fail answers a request that could not be done. It is an error: a handler returns it to have
// it sent, and the requester gets it back.
type Fail struct {
	Code    int32 // meaning is the link's; lightningd's are the RPC's codes
	Message string
}

// Error implements error.
func (f *Fail) Error() string { return f.Message }

// Failf makes a Fail.
func Failf(code int32, format string, args ...any) *Fail {
	return &Fail{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Log is one record from a child's logger to lightningd, which alone writes logs.
type Log struct {
	Level   int32 // as log/slog counts
	Message string
	Attrs   []Attr
}

// Attr is a field of a log record; a group's name is part of Key, before a dot.
type Attr struct {
	Key   string
	Value string
}

// Died is a child's last message to lightningd, when it ends other than by being told to. A panic
// is reported by what the runtime prints.
type Died struct {
	Reason string
}

// IPCType implements Message.
func (*Hello) IPCType() Type { return TypeHello }
func (*Start) IPCType() Type { return TypeStart }
func (*Fail) IPCType() Type  { return TypeFail }
func (*Log) IPCType() Type   { return TypeLog }
func (*Died) IPCType() Type  { return TypeDied }
