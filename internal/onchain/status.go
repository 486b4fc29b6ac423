package onchain

import (
	"fmt"
	"strings"
)

// tellStatus says where the channel is, if that has changed.
func (m *Machine) tellStatus() {
	if text := m.statusText(); text != m.status {
		m.status = text
		m.say(Status{text})
	}
}

// statusText is one line: what happened, what is waited for, the nearest first in the order of outputs,
// and when it ends at the earliest.
func (m *Machine) statusText() string {
	const most = 4
	var waits []string
	more := 0
	last := m.started
	for _, o := range m.outputs {
		if at := o.resolvedAt(m.height); at != 0 {
			last = max(last, at)
			if o.givenUp != 0 && o.spent == 0 && len(waits) < most {
				waits = append(waits, fmt.Sprintf("%s is left: %s", m.name(o), o.why))
			}
			continue
		}
		if len(waits) == most {
			more++
			continue
		}
		waits = append(waits, m.wait(o))
	}
	text := m.closing.text(m.started)
	if len(waits) > 0 {
		text += "; " + strings.Join(waits, "; ")
	}
	if more > 0 {
		text += fmt.Sprintf("; and %d more outputs", more)
	}
	if m.unresolved() == 0 {
		end := last.Add(irrevocable - 1)
		if m.height >= end {
			return text + "; all is irrevocably resolved"
		}
		text += fmt.Sprintf("; all outputs are resolved, for good in block %d", end)
	}
	return text
}

// unresolved counts the outputs that something still has to happen to.
func (m *Machine) unresolved() int {
	n := 0
	for _, o := range m.outputs {
		if o.resolvedAt(m.height) == 0 {
			n++
		}
	}
	return n
}

// wait says what an output waits for.
func (m *Machine) wait(o *output) string {
	name := m.name(o)
	switch c := o.claim; {
	case c != nil && c.After > m.height+1:
		return fmt.Sprintf("waiting for %s until block %d", name, c.After)
	case c != nil && c.Deadline > m.height:
		return fmt.Sprintf("claiming %s, due in block %d", name, c.Deadline)
	case c != nil:
		return fmt.Sprintf("claiming %s", name)
	case o.lapsesAt > m.height:
		return fmt.Sprintf("%s is the peer's from block %d on, unless its preimage comes before", name, o.lapsesAt.Add(1))
	}
	return fmt.Sprintf("%s is not resolved", name)
}

// name says in plain words what an output is.
func (m *Machine) name(o *output) string {
	switch o.role {
	case toUs:
		return fmt.Sprintf("our balance of %s", o.amount)
	case delayed:
		if o.second {
			return fmt.Sprintf("%s of an HTLC", o.amount)
		}
		return fmt.Sprintf("our balance of %s", o.amount)
	case revokedDelayed:
		if o.second {
			return fmt.Sprintf("the cheater's HTLC transaction of %s", o.amount)
		}
		return fmt.Sprintf("the cheater's balance of %s", o.amount)
	case ourAnchor:
		return fmt.Sprintf("our anchor of %s", o.amount)
	case unknownOutput:
		return fmt.Sprintf("an output of %s that we do not know", o.amount)
	}
	if o.htlc == nil {
		return fmt.Sprintf("an output of %s", o.amount)
	}
	by := "the peer's"
	if o.offeredByUs() {
		by = "our"
	}
	id := ""
	if o.pending != nil {
		id = fmt.Sprintf(" %d", o.pending.ID)
	}
	return fmt.Sprintf("%s HTLC%s of %s", by, id, o.amount)
}
