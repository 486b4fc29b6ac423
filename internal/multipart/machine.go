package multipart

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/onion"
)

// RPC error codes of a payment that ends without a preimage.
const (
	CodeDestinationFailed = 203
	CodeNoRoute           = 205
	CodeStoppedRetrying   = 210
)

const (
	// mostParts bounds how many parts are sent in all: each failure teaches something, but a lying node
	// must not make us try for ever.
	mostParts = 300
	// mostPauses bounds how often we wait for our own channels, about a quarter of a minute together.
	mostPauses = 20
	firstPause = 25 * time.Millisecond
	lastPause  = time.Second
)

// Machine tries one payment.
type Machine struct {
	order   Order
	asking  bool
	pausing bool
	ended   bool
	flights map[uint64]Route
	rest    amount.Msat // that no part carries
	parts   uint64      // sent so far
	busy    int         // how often our own channels could not take a part
	updated map[Channel]bool
	lowered map[Channel]amount.Msat // what a channel failed to carry last
	last    string                  // why a part failed last
	fatal   *Fail                   // why nothing more is tried
	noWay   *Fail                   // why no part can be sent, until a failure teaches something
	out     []Action
}

// New makes the machine of a payment that was not tried yet.
func New(o Order) *Machine {
	return &Machine{
		order: o, rest: o.Amount, flights: map[uint64]Route{},
		updated: map[Channel]bool{}, lowered: map[Channel]amount.Msat{},
	}
}

// Step takes what happened, at now, and returns what is to be done, in order. After Done or Fail there
// is nothing more.
func (m *Machine) Step(e Event, now time.Time) []Action {
	m.out = nil
	if m.ended {
		return nil
	}
	switch e := e.(type) {
	case Begin:
	case Found:
		m.asking = false
		m.send(e.Routes, now)
	case NotFound:
		m.asking = false
		m.notFound(e)
	case Delivered:
		m.delivered(e.Part)
		return m.out
	case Failed:
		m.failed(e)
	case Lost:
		m.land(e.Part)
		m.stop(e.Code, e.Text, 0)
	case Woken:
		m.pausing = false
	}
	m.goOn(now)
	return m.out
}

// goOn asks for what is still to be sent, or ends when nothing is under way that could still arrive.
func (m *Machine) goOn(now time.Time) {
	switch {
	case m.asking || m.pausing:
		return
	case m.fatal == nil && m.rest > 0 && m.parts > 0 && !now.Before(m.order.Until):
		m.stop(CodeStoppedRetrying, fmt.Sprintf("gave up after %d parts; the last failure: %s", m.parts, m.last), 0)
	case m.fatal == nil && m.rest > 0 && m.parts >= mostParts:
		m.stop(CodeStoppedRetrying, fmt.Sprintf("gave up after %d parts, the most that are tried; the last failure: %s", m.parts, m.last), 0)
	}
	reason := m.fatal
	if reason == nil {
		reason = m.noWay
	}
	switch {
	case reason == nil && m.rest > 0:
		m.ask()
	case reason != nil && len(m.flights) == 0:
		// While a part is under way there is no error to return: the payee may yet take it.
		m.ended = true
		m.out = append(m.out, *reason)
	}
}

func (m *Machine) ask() {
	parts := m.order.MaxParts - len(m.flights)
	if parts < 1 {
		return // one of those under way has to end first
	}
	fees := m.order.MaxFee
	for _, r := range m.flights {
		fees -= min(fees, r.Fee())
	}
	m.asking = true
	m.out = append(m.out, AskRoutes{Amount: m.rest, MaxFee: fees, MaxParts: parts})
}

// stop notes why nothing more is tried; the first reason counts.
func (m *Machine) stop(code int, text string, part uint64) {
	if m.fatal == nil {
		m.fatal = &Fail{Code: code, Text: text, Part: part}
	}
}

func (m *Machine) send(routes []Route, now time.Time) {
	if m.fatal != nil || m.parts > 0 && !now.Before(m.order.Until) {
		return
	}
	fees := amount.Msat(0)
	for _, r := range slices.Concat(routes, slices.Collect(maps.Values(m.flights))) {
		fees += r.Fee() // of parts of what exists
	}
	if fees > m.order.MaxFee {
		m.stop(CodeNoRoute, fmt.Sprintf("routes were offered whose fees come to %s with what is under way, at most %s may be paid", fees, m.order.MaxFee), 0)
		return
	}
	for _, r := range routes {
		if r.Amount == 0 || r.Amount > m.rest || len(r.Hops) == 0 {
			m.stop(CodeNoRoute, fmt.Sprintf("a route for %s was offered, %s are to be sent", r.Amount, m.rest), 0)
			return
		}
		m.parts++
		m.flights[m.parts] = r
		m.rest -= r.Amount
		m.tell("sending %s by channel %s, %d hops, fee %s", r.Amount, r.Hops[0].Channel.ID, len(r.Hops), r.Fee())
		m.out = append(m.out, Send{Part: m.parts, Route: r})
	}
}

func (m *Machine) notFound(e NotFound) {
	if len(m.flights) == 0 && m.busy > 0 && m.busy < mostPauses {
		m.pause()
		return
	}
	m.noWay = &Fail{Code: e.Code, Text: e.Text}
}

// pause waits for our own channels: what fills them is mostly other payments on their way.
func (m *Machine) pause() {
	m.busy++
	m.pausing = true
	m.out = append(m.out, Sleep{min(lastPause, firstPause<<min(m.busy-1, 6))})
}

// land takes a part from those under way; its amount has to be sent again.
func (m *Machine) land(part uint64) (Route, bool) {
	r, ok := m.flights[part]
	if ok {
		delete(m.flights, part)
		m.rest += r.Amount
	}
	return r, ok
}

func (m *Machine) delivered(part uint64) {
	r, ok := m.land(part)
	if !ok {
		return
	}
	for _, h := range r.Hops[1:] {
		m.out = append(m.out, Inform{h.Channel, Succeeded, h.Amount})
	}
	m.ended = true
	m.out = append(m.out, Done{part})
}

func (m *Machine) tell(format string, args ...any) {
	m.out = append(m.out, Tell{fmt.Sprintf(format, args...)})
}

func (m *Machine) failed(e Failed) {
	r, ok := m.land(e.Part)
	if !ok {
		return
	}
	f := &e.Failure
	m.last = f.Text
	m.tell("a part of %s failed: %s", r.Amount, f.Text)
	m.noWay = nil // with what is back, and what is learned, there may be one
	switch f.Kind {
	case ByDestination:
		m.byDestination(e.Part, &r, f)
	case Unreadable:
		m.unreadable(&r, f)
	default:
		m.alongRoute(&r, f)
	}
}

func (m *Machine) byDestination(part uint64, r *Route, f *Failure) {
	last := r.Hops[len(r.Hops)-1]
	switch onion.FailureCode(f.Code) {
	case onion.MPPTimeout:
		// The route is good: others of the parts did not arrive in time.
	case onion.FinalIncorrectHTLCAmount, onion.FinalIncorrectCLTVExpiry:
		m.out = append(m.out, Avoid{last.Channel}) // the node before the payee changed what we sent
	default:
		m.stop(CodeDestinationFailed, f.Text, part)
	}
}

// unreadable avoids the channel behind the last node that can be held to what it passed on: this node or
// the next garbled it. That of our own is avoided only if there is no other.
func (m *Machine) unreadable(r *Route, f *Failure) {
	at := min(max(f.Index, 1), len(r.Hops)-1)
	m.out = append(m.out, Avoid{r.Hops[at].Channel})
}

func (m *Machine) alongRoute(r *Route, f *Failure) {
	if f.Index == 0 && len(r.Hops) > 0 {
		if m.busy < mostPauses {
			m.pause() // the next routes look at what our channel can take then
			return
		}
		m.out = append(m.out, Avoid{r.Hops[0].Channel})
		return
	}
	if f.Index >= len(r.Hops) {
		m.stop(CodeDestinationFailed, f.Text, 0) // a node that is not on the route
		return
	}
	// All channels before the node that failed it did carry it.
	for _, h := range r.Hops[1:f.Index] {
		m.out = append(m.out, Inform{h.Channel, Unconstrained, h.Amount})
	}
	failed := r.Hops[f.Index]
	code := onion.FailureCode(f.Code)
	switch {
	case code == onion.TemporaryChannelFailure:
		m.full(failed)
	case code&onion.Node != 0:
		m.out = append(m.out, AvoidNode{r.Hops[f.Index-1].Node})
	case code&onion.Update != 0 && len(f.Update) > 0 && !m.updated[failed.Channel]:
		// Its terms changed. Once that is an honest mistake; a node that does it again is left alone.
		m.updated[failed.Channel] = true
		m.out = append(m.out, UseUpdate{failed.Channel, f.Update})
	default:
		m.out = append(m.out, Avoid{failed.Channel})
	}
}

// full notes that a channel did not carry what it was asked to; one that fails for hardly less is out.
func (m *Machine) full(h Hop) {
	before, again := m.lowered[h.Channel]
	m.lowered[h.Channel] = h.Amount
	m.out = append(m.out, Inform{h.Channel, Constrained, h.Amount})
	if again && h.Amount >= before {
		m.out = append(m.out, Avoid{h.Channel})
	}
}
