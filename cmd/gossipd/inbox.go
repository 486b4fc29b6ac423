package main

import (
	"sync"

	"fulmen/internal/gossip"
	"fulmen/internal/keys"
)

const (
	// inboxFull is how many bytes one peer's messages may take while they wait. What comes beyond is dropped: it is
	// gossip, and can be had again. So nobody is kept from sending to other processes by a peer
	// that sends more than we can verify.
	inboxFull = 2 << 20
	// inboxAllFull is for all peers together.
	inboxAllFull = 32 << 20
	// eventSize is what a message takes besides its own bytes: a peer may send very short ones.
	eventSize = 128
	// turn is how many messages of each peer are taken before the next peer's.
	turn = 64
)

// inbox is what peers sent and nobody looked at: a queue for each, so that none waits for another's.
type inbox struct {
	mu      sync.Mutex
	changed chan struct{} // has one when something waits
	first   []gossip.Event
	queues  map[keys.PubKey]*peerQueue
	order   []keys.PubKey // of queues that are not empty
	bytes   int
}

type peerQueue struct {
	events  []gossip.Event
	bytes   int
	dropped int
}

func newInbox() *inbox {
	return &inbox{changed: make(chan struct{}, 1), queues: make(map[keys.PubKey]*peerQueue)}
}

// put adds an event that must not be lost.
func (in *inbox) put(ev gossip.Event) {
	in.mu.Lock()
	in.first = append(in.first, ev)
	in.mu.Unlock()
	in.wake()
}

// arrived and left are a peer's first and last event; what waits of an earlier connection goes.
func (in *inbox) arrived(ev gossip.PeerUp) {
	in.mu.Lock()
	in.clear(ev.ID)
	in.queues[ev.ID] = new(peerQueue)
	in.first = append(in.first, ev)
	in.mu.Unlock()
	in.wake()
}

func (in *inbox) left(ev gossip.PeerDown) {
	in.mu.Lock()
	in.clear(ev.ID)
	delete(in.queues, ev.ID)
	in.first = append(in.first, ev)
	in.mu.Unlock()
	in.wake()
}

func (in *inbox) clear(id keys.PubKey) {
	if q := in.queues[id]; q != nil {
		in.bytes -= q.bytes
		q.events, q.bytes = nil, 0
	}
}

// sent adds messages of a peer, as far as there is room. It reports whether some were dropped, the
// first time since the peer's queue began to fill.
func (in *inbox) sent(id keys.PubKey, messages [][]byte) (dropped bool) {
	in.mu.Lock()
	q := in.queues[id]
	if q == nil {
		in.mu.Unlock()
		return false
	}
	wasEmpty := len(q.events) == 0
	for _, raw := range messages {
		size := len(raw) + eventSize
		if q.bytes+size > inboxFull || in.bytes+size > inboxAllFull {
			q.dropped++
			dropped = dropped || q.dropped == 1
			continue
		}
		q.events = append(q.events, gossip.PeerSent{ID: id, Raw: raw})
		q.bytes += size
		in.bytes += size
	}
	if wasEmpty && len(q.events) > 0 {
		q.dropped = 0
		in.order = append(in.order, id)
	}
	in.mu.Unlock()
	in.wake()
	return dropped
}

func (in *inbox) wake() {
	select {
	case in.changed <- struct{}{}:
	default:
	}
}

// take returns what is to be looked at next: all that must not be lost, and a few messages of each
// peer. It is empty if nothing waits.
func (in *inbox) take() []gossip.Event {
	in.mu.Lock()
	defer in.mu.Unlock()
	events := in.first
	in.first = nil
	order := in.order
	in.order = nil
	for _, id := range order {
		q := in.queues[id]
		if q == nil {
			continue
		}
		n := min(len(q.events), turn)
		for _, ev := range q.events[:n] {
			size := len(ev.(gossip.PeerSent).Raw) + eventSize
			q.bytes -= size
			in.bytes -= size
		}
		events = append(events, q.events[:n]...)
		if q.events = q.events[n:]; len(q.events) > 0 {
			in.order = append(in.order, id)
		} else {
			q.events = nil
		}
	}
	return events
}
