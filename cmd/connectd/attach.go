package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/wire"
)

// attachment is a channel's process, as this peer's reader and writer see it.
type attachment struct {
	p    *peer
	link *ipc.Conn
	deaf atomic.Bool   // it ended: what it said before is still to be read
	gone chan struct{} // closed when that is read
}

// attach lets a channel's process have the messages with a channel_id.
func (p *peer) attach(link *ipc.Conn, id wire.ChannelID) {
	a := &attachment{p: p, link: link, gone: make(chan struct{})}
	p.mu.Lock()
	old, ended := p.channels[id], p.ended
	if !ended {
		p.channels[id] = a
	}
	p.mu.Unlock()
	if ended {
		link.Close()
		return
	}
	if old != nil {
		old.link.Close()
	}
	go a.run()
}

// run passes on what the channel's process sends, until its link ends.
func (a *attachment) run() {
	err := a.pass()
	if err != io.EOF && !errors.Is(err, os.ErrClosed) {
		a.p.log.Debug("channel's link ended", "error", err)
	}
	a.detach()
	close(a.gone)
}

// readOut waits until all that a process said which has ended is with the peer, as far as that reads.
func (a *attachment) readOut() {
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case <-a.gone:
	case <-timer.C:
	}
}

func (a *attachment) pass() error {
	for {
		f, err := a.link.Recv()
		if err != nil {
			return err
		}
		err = a.take(&f)
		f.CloseFds()
		if err != nil {
			return err
		}
	}
}

// take carries out one message of a channel's process, which may have been taken over.
func (a *attachment) take(f *ipc.Frame) error {
	switch f.Type {
	case peermsg.TypeMessages:
		var m peermsg.Messages
		if err := f.Decode(&m); err != nil {
			return err
		}
		for _, msg := range m.Wire {
			if err := a.mayEnd(msg); err != nil {
				return err
			}
		}
		return a.p.out.send(m.Wire...)
	case peermsg.TypeAlsoKnownAs:
		var m peermsg.AlsoKnownAs
		if err := f.Decode(&m); err != nil {
			return err
		}
		return a.p.claim(a, m.ChannelID)
	}
	return fmt.Errorf("message type %d is not accepted", f.Type)
}

// mayEnd fails unless the message is about the channel: or else ends the link.
func (a *attachment) mayEnd(msg []byte) error {
	t, err := wire.TypeOf(msg)
	if err != nil {
		return err
	}
	if len(msg) > wire.MaxMessage {
		return fmt.Errorf("%s of %d bytes, at most %d", t, len(msg), wire.MaxMessage)
	}
	if t == wire.MsgChannelUpdate {
		return nil // of a channel that is not announced (BOLT 7, The channel_update Message)
	}
	id, ok := wire.ChannelIDOf(msg)
	if !ok || a.p.claimant(id) != a {
		return fmt.Errorf("%s is not about the process's own channel", t)
	}
	return nil
}

// send passes messages of the peer on. A process that does not hear any more has mostly ended with a last
// word to the peer, so the link is read to its end all the same.
func (a *attachment) send(m *peermsg.Messages) {
	if a.deaf.Load() {
		return
	}
	if err := a.link.Send(m); err != nil {
		a.deaf.Store(true)
		a.p.log.Debug("channel's process does not hear", "error", err)
	}
}

// detach forgets a channel's process.
func (a *attachment) detach() {
	a.p.mu.Lock()
	for id, claimant := range a.p.channels {
		if claimant == a {
			delete(a.p.channels, id)
		}
	}
	a.p.mu.Unlock()
	a.link.Close()
}

// maxClaims is how many channel_ids a channel's process may have: a temporary one, and that of its funding output.
const maxClaims = 8

var (
	errClaimed    = errors.New("another channel's process has this channel_id")
	errManyClaims = errors.New("the process has too many")
)

// claim gives a further channel_id to a channel's process.
func (p *peer) claim(a *attachment, id wire.ChannelID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.channels[id]; other != nil && other != a || id.IsZero() {
		return fmt.Errorf("channel_id %s: %w", id, errClaimed)
	}
	has := 0
	for _, claimant := range p.channels {
		if claimant == a {
			has++
		}
	}
	if has >= maxClaims {
		return fmt.Errorf("channel_id %s: %w", id, errManyClaims)
	}
	if !p.ended {
		p.channels[id] = a
	}
	return nil
}

// claimant is the process of a channel, or nil.
func (p *peer) claimant(id wire.ChannelID) *attachment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.channels[id]
}

// hasChannels reports whether a channel's process is attached.
func (p *peer) hasChannels() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.channels) > 0
}

// claimants are the processes of all channels, each once.
func (p *peer) claimants() []*attachment {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := make(map[*attachment]bool, len(p.channels))
	var all []*attachment
	for _, a := range p.channels {
		if !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	return all
}

// closeLinks tells all channels' processes that the peer is gone.
func (p *peer) closeLinks() {
	for _, a := range p.claimants() {
		a.link.Close()
	}
}

// detachAll is closeLinks for good: no channel can be attached any more.
func (p *peer) detachAll() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.closeLinks()
}
