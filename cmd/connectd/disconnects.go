package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"fulmen/internal/wire"
)

// errDisconnect ends a connection that a test wanted ended.
var errDisconnect = errors.New("disconnected as dev-disconnect says")

// deed is what dev-disconnect has done to a connection when a message is sent.
type deed byte

const (
	deedNothing    deed = '=' // it is sent
	deedBefore     deed = '-' // the connection is closed instead
	deedDropClose  deed = '@' // the same, in older lists
	deedAfter      deed = '+' // it is sent, and the connection closed
	deedDrop       deed = '$' // it is not sent
	deedBlackhole  deed = '0' // neither it nor anything after it is sent, and nothing is read
	deedFallSilent deed = 'x' // the same, but it is sent
)

// deeds are all signs.
const deeds = "=-@+$0x"

// disconnects is the list of dev-disconnect: each line waits for its message, whoever it is sent to, and the
// next line for what is sent from then on. A nil one lets everything through.
type disconnects struct {
	mu    sync.Mutex
	lines []disconnectLine
}

type disconnectLine struct {
	do      deed
	message wire.MessageType
	count   int // the how manieth such message is meant
}

// parseDisconnects reads lines as "-WIRE_COMMITMENT_SIGNED*2"; nil if there are none.
func parseDisconnects(lines []string) (*disconnects, error) {
	d := new(disconnects)
	for i, text := range lines {
		if text == "" {
			continue
		}
		line, err := parseDisconnect(text)
		if err != nil {
			return nil, fmt.Errorf("dev-disconnect: line %d, %q: %w", i+1, text, err)
		}
		d.lines = append(d.lines, line)
	}
	if d.lines == nil {
		return nil, nil
	}
	return d, nil
}

func parseDisconnect(text string) (line disconnectLine, err error) {
	if strings.IndexByte(deeds, text[0]) < 0 {
		return line, fmt.Errorf("should begin with one of %s", deeds)
	}
	line = disconnectLine{do: deed(text[0]), count: 1}
	name, count, counted := strings.Cut(text[1:], "*")
	if counted {
		if line.count, err = strconv.Atoi(count); err != nil || line.count < 1 {
			return line, fmt.Errorf("%q is not the number of a message, counted from 1", count)
		}
	}
	bare, ok := strings.CutPrefix(name, "WIRE_")
	if ok {
		line.message, ok = typeNamed(strings.ToLower(bare))
	}
	if !ok {
		return line, fmt.Errorf("%q is no message's name, as WIRE_COMMITMENT_SIGNED", name)
	}
	return line, nil
}

// typeNamed finds a message by the name that the BOLTs give it.
func typeNamed(name string) (wire.MessageType, bool) {
	for t := range 1 << 16 {
		if wire.MessageType(t).String() == name {
			return wire.MessageType(t), true
		}
	}
	return 0, false
}

// sending says what is to be done as a message is sent.
func (d *disconnects) sending(msg []byte) deed {
	if d == nil {
		return deedNothing
	}
	t, err := wire.TypeOf(msg)
	if err != nil {
		return deedNothing
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.lines) == 0 || d.lines[0].message != t {
		return deedNothing
	}
	if d.lines[0].count--; d.lines[0].count > 0 {
		return deedNothing
	}
	do := d.lines[0].do
	d.lines = d.lines[1:]
	return do
}
