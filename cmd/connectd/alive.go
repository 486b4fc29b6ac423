package main

import (
	"errors"
	"slices"
	"time"

	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/wire"
)

const (
	idleCheck = 10 * time.Second
	idlePing  = 60 * time.Second // of silence, before we ask
	idleDead  = 90 * time.Second // before we give up
	// maxPings is how many pings of ours may wait for their pong.
	maxPings = 16
)

// idleAction is what to do about a peer's silence.
type idleAction int

const (
	idleNothing idleAction = iota
	idleAsk
	idleGiveUp
)

// onSilence decides; asked is whether we have asked since the peer was last heard.
func onSilence(silence time.Duration, asked bool) idleAction {
	switch {
	case silence >= idleDead && asked:
		return idleGiveUp
	case silence >= idlePing && !asked:
		return idleAsk
	}
	return idleNothing
}

// watchIdle finds connections that died without a word.
func (s *server) watchIdle() {
	for now := range time.Tick(idleCheck) {
		for _, p := range s.allPeers() {
			p.checkIdle(now)
		}
	}
}

func (p *peer) checkIdle(now time.Time) {
	heard := p.heard.Load()
	if heard == 0 {
		return
	}
	silence := now.Sub(time.Unix(0, heard))
	p.mu.Lock()
	if silence < idlePing {
		p.idlePing = false
	}
	action := onSilence(silence, p.idlePing)
	p.idlePing = p.idlePing || action == idleAsk
	p.mu.Unlock()
	switch action {
	case idleAsk:
		p.ping(0, 0, func(uint16, error) {}) // that something comes is enough
	case idleGiveUp:
		p.stop("peer is silent")
	}
}

// pendingPing is a ping of ours without its pong.
type pendingPing struct {
	pongBytes uint16
	done      func(totLen uint16, err error)
}

var errManyPings = errors.New("too many pings wait for their pong")

// ping sends one; done is called with the pong's length, with 0 if none is due, or with an error.
func (p *peer) ping(padding, pongBytes uint16, done func(totLen uint16, err error)) {
	var err error
	due := pongBytes <= connectdmsg.MaxPong
	p.mu.Lock()
	switch {
	case p.ended:
		err = errDisconnected
	case len(p.pings) >= maxPings:
		err = errManyPings
	case due:
		p.pings = append(p.pings, pendingPing{pongBytes, done})
	}
	p.mu.Unlock()
	if err != nil || !due {
		defer done(0, err)
	}
	if err == nil {
		p.out.queue(wire.Encode(&wire.Ping{NumPongBytes: pongBytes, Ignored: make([]byte, padding)}))
	}
}

// takePong ends the first ping that it answers. Another pong is ignored: it does no harm.
func (p *peer) takePong(m *wire.Pong) {
	p.mu.Lock()
	at := slices.IndexFunc(p.pings, func(ping pendingPing) bool { return int(ping.pongBytes) == len(m.Ignored) })
	if at < 0 {
		p.mu.Unlock()
		return
	}
	done := p.pings[at].done
	p.pings = slices.Delete(p.pings, at, at+1)
	p.mu.Unlock()
	done(uint16(len(wire.Encode(m))), nil)
}

// takePing answers, unless the peer asks for more than fits (BOLT 1, The ping and pong Messages).
func (p *peer) takePing(m *wire.Ping) error {
	if !p.budget.Take(time.Now()) {
		p.refuse("too many pings")
		return errRefused
	}
	if m.NumPongBytes > connectdmsg.MaxPong {
		return nil
	}
	// Not send: what waits there is not bounded for all peers together, and one that pings and does not read can be anybody.
	p.out.queue(wire.Encode(&wire.Pong{Ignored: make([]byte, m.NumPongBytes)}))
	return nil
}

func (p *peer) failPings() {
	p.mu.Lock()
	pings := p.pings
	p.pings = nil
	p.mu.Unlock()
	for _, ping := range pings {
		ping.done(0, errDisconnected)
	}
}
