package onchain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fulmen/internal/block"
)

// tellStatus says where the channel is, if that has changed.
func (m *Machine) tellStatus() {
	if text := m.statusText(); text != m.status {
		m.status = text
		m.say(Status{text})
	}
}

// statusText is one line: what happened, what is waited for, the nearest first, and when it ends at the
// earliest.
func (m *Machine) statusText() string {
	const most = 4
	var left []string
	var open []*output
	last := m.started
	for _, o := range m.outputs {
		at := o.resolvedAt(m.height)
		last = max(last, at)
		if at == 0 {
			open = append(open, o)
		} else if o.givenUp != 0 && o.spent == 0 && o.role != ourAnchor {
			left = append(left, fmt.Sprintf("%s is left: %s", m.name(o), o.why))
		}
	}
	slices.SortStableFunc(open, func(a, b *output) int { return cmp.Compare(a.due(), b.due()) })
	parts := []string{m.closing.text(m.started)}
	for _, o := range open[:min(most, len(open))] {
		parts = append(parts, m.wait(o))
	}
	if more := len(open) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	parts = append(parts, left[:min(most, len(left))]...)
	if end := last.Add(irrevocable - 1); len(open) > 0 {
		// nothing to say yet
	} else if m.height >= end {
		parts = append(parts, "all is irrevocably resolved")
	} else {
		parts = append(parts, fmt.Sprintf("all outputs are resolved, for good in block %d", end))
	}
	return strings.Join(parts, "; ")
}

// due is when something is expected to happen to an output.
func (o *output) due() block.Height {
	if o.claim != nil {
		return o.claim.After
	}
	return o.lapsesAt
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
	case m.closing.stranger():
		return fmt.Sprintf("watching %s until block %d", name, o.lapsesAt)
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
