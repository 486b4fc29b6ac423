// Package hostile is what an attacker who has taken over a daemon would try: attempts.go is the list,
// with what must come of each. With the build tag hostile, each daemon carries out the attempt that its
// title names, once it is confined (internal/daemon/attack.go), and tests/confinement compares. No
// program without the tag links this package: a test there sees to it.
package hostile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// The daemons that are tried.
const (
	Hsmd     = "hsmd"
	Connectd = "connectd"
	Gossipd  = "gossipd"
	Channeld = "channeld"
	Onchaind = "onchaind"
)

// Daemons is all of them.
var Daemons = []string{Hsmd, Connectd, Gossipd, Channeld, Onchaind}

// What may come of an attempt, beside the name of an error number.
const (
	Done         = "done"
	Killed       = "killed"        // by the filter
	SocketClosed = "socket closed" // by hsmd, which has logged who asked
	LinkClosed   = "link closed"   // by lightningd, which has killed the daemon
)

// Attempt is one thing that is tried.
type Attempt struct {
	Name string
	Want string
	But  map[string]string // for daemons of which something else is expected
	Only []string          // the daemons that can try it; nil is all
	// Always says that it is so without confinement, too, or may be.
	Always bool
	Do     func(*Scene) error
}

// WantOf is what must come of it in a daemon; ok is false if the daemon cannot try it.
func (a *Attempt) WantOf(daemon string) (want string, ok bool) {
	if a.Only != nil && !slices.Contains(a.Only, daemon) {
		return "", false
	}
	if want, ok := a.But[daemon]; ok {
		return want, true
	}
	return a.Want, true
}

// Scene is where an attempt plays. The test makes it, and the daemon's title carries it.
type Scene struct {
	Attempt    string
	Dir        string      // has hsm_secret and lightningd.sqlite3
	Lightningd int         // its process id
	Another    int         // that of another daemon
	Port       uint16      // of loopback, where somebody listens
	RPC        string      // path of a socket on which somebody listens
	Abstract   string      // name of an abstract socket on which somebody listens
	Peer       keys.PubKey // whose channel with ChannelDBID 1 is this channeld's
	Payment    keys.PubKey // our payment_basepoint in an onchaind's channel

	link func(fd int) *ipc.Conn
}

// Title is a daemon's title that has it attempt something.
func (s *Scene) Title(daemon string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return daemon + " " + string(text)
}

// report begins the line that tells what came of the attempt.
const report = "hostile: "

// Run carries out the attempt that the title names, and ends the process. It returns if there is none.
func Run(title string, link func(fd int) *ipc.Conn) {
	_, text, ok := strings.Cut(title, " ")
	if !ok {
		return
	}
	s := Scene{link: link}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return
	}
	outcome := "no such attempt"
	for i := range Attempts {
		if Attempts[i].Name == s.Attempt {
			outcome = outcomeOf(Attempts[i].Do(&s))
		}
	}
	fmt.Fprintln(os.Stderr, report+outcome)
	os.Exit(0)
}

// Reported finds in what a daemon printed what came of its attempt.
func Reported(printed string) (outcome string, ok bool) {
	for line := range strings.Lines(printed) {
		if outcome, ok := strings.CutPrefix(strings.TrimSpace(line), report); ok {
			return outcome, true
		}
	}
	return "", false
}

func outcomeOf(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return Done
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return SocketClosed
	case errors.As(err, &errno) && (errno == unix.EPIPE || errno == unix.ECONNRESET):
		return SocketClosed
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}
