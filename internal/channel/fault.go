package channel

import (
	"errors"
	"fmt"
)

// Outcome is what the BOLT asks of us after a Fault.
type Outcome uint8

// The outcomes.
const (
	// WarnAndClose: send a warning and close the connection; the channel goes on after a reconnect.
	WarnAndClose Outcome = iota
	// FailChannel: send an error, and take the channel to the chain.
	FailChannel
	// LostState: send an error, and never broadcast our commitment, which is revoked: the peer
	// proved to know a newer one (BOLT 2, Message Retransmission).
	LostState
)

var outcomeNames = [...]string{"warn_and_close", "fail_channel", "lost_state"}

// String is for logs and scripts.
func (o Outcome) String() string { return outcomeNames[o] }

// Fault is a rule that the peer broke. Any other error of Step is ours: the process reports it to
// lightningd and exits, and the peer learns nothing from it. After either the Channel is dead.
type Fault struct {
	Outcome Outcome
	Err     error
}

func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Err }

func warnAndClose(format string, args ...any) error {
	return &Fault{WarnAndClose, fmt.Errorf(format, args...)}
}

func failChannel(format string, args ...any) error {
	return &Fault{FailChannel, fmt.Errorf(format, args...)}
}

// The causes that tests and callers tell apart.
var (
	ErrWrongSecret = errors.New("wrong per_commitment_secret")
	ErrBadRecord   = errors.New("stored state is damaged")
	ErrDead        = errors.New("channel: event after an error")
	ErrAnswer      = errors.New("channel: event while an answer is due, or an answer that is not")
	ErrOrder       = errors.New("channel: order out of place")
)
