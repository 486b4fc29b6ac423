package main

import (
	"errors"
	"fmt"
	"time"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/wire"
)

const (
	minRead = 8 << 10   // room for a quiet peer
	maxRead = 256 << 10 // for a busy one: what one frame to channeld carries at most
)

// errRefused ends the reading of a peer that was told why.
var errRefused = errors.New("refused")

// read takes in what the peer sends until the connection ends.
func (p *peer) read() error {
	buf := make([]byte, minRead)
	have := 0
	for {
		n, err := p.conn.Read(buf[have:])
		if n > 0 {
			p.heard.Store(time.Now().UnixNano())
			have += n
			used, routeErr := p.takeAll(buf[:have])
			if routeErr != nil {
				return routeErr
			}
			have = copy(buf, buf[used:have])
		}
		if err != nil {
			return err
		}
		buf = resize(buf, have, n, p.open.Needs())
	}
}

// resize makes room for the next message, more of it while reads fill the buffer, and gives it back
// when the peer is quiet.
func resize(buf []byte, have, n, needs int) []byte {
	size := len(buf)
	switch {
	case have+n >= size && size < maxRead:
		size = 2 * size
	case have == 0 && n < minRead:
		size = minRead
	}
	size = max(size, needs)
	if size == len(buf) {
		return buf
	}
	resized := make([]byte, size)
	copy(resized, buf[:have])
	return resized
}

// takeAll decrypts all messages that are complete and passes them on, those for one process together.
// It returns how many bytes it used.
func (p *peer) takeAll(buf []byte) (used int, err error) {
	var b batch
	defer b.flush(p)
	for {
		msg, n, err := p.open.Open(buf[used:])
		used += n
		if err != nil {
			return used, fmt.Errorf("decrypt: %w", err)
		}
		if msg == nil {
			break
		}
		if p.out.isSilent() {
			continue
		}
		trace(p.log, levelIn, msg)
		if err := p.take(&b, msg); err != nil {
			return used, err
		}
	}
	return used, nil
}

// take passes on one message, or adds it to the batch.
func (p *peer) take(b *batch, msg []byte) error {
	to, id, err := routeOf(msg)
	if err != nil && p.s.isLetThrough(msg) {
		return p.tellLightningd(msg)
	}
	if err != nil {
		p.refuse("%v", err)
		return errRefused
	}
	switch to {
	case toChannel:
		if a := p.claimant(id); a != nil {
			b.add(a, msg)
			return nil
		}
		return p.tellLightningd(msg)
	case toEveryChannel:
		for _, a := range p.claimants() {
			b.add(a, msg)
		}
		return p.tellLightningd(msg)
	case toGossipd:
		b.gossip = append(b.gossip, msg)
	case toLightningd:
		return p.tellLightningd(msg)
	case toUs:
		return p.takeControl(msg)
	}
	return nil
}

// tellLightningd passes on what nobody else claims, at a bounded rate.
func (p *peer) tellLightningd(msg []byte) error {
	if !p.budget.Take(time.Now()) {
		p.refuse("too many messages outside of a channel")
		return errRefused
	}
	return p.s.lightningd.Send(&connectdmsg.PeerSent{ID: p.id, Conn: p.n, Wire: msg})
}

func (p *peer) tellGossipd(m ipc.Message) {
	if err := p.s.gossipd.Send(m); err != nil {
		p.log.Debug("gossipd does not hear", "error", err)
	}
}

// batch is what one read brought for other processes. Its messages lie in the reader's buffer.
type batch struct {
	channels []channelBatch
	gossip   [][]byte
}

type channelBatch struct {
	to   *attachment
	msgs peermsg.Messages
}

func (b *batch) add(to *attachment, msg []byte) {
	for i := range b.channels {
		if c := &b.channels[i]; c.to == to {
			c.msgs.Wire = append(c.msgs.Wire, msg)
			return
		}
	}
	b.channels = append(b.channels, channelBatch{to: to, msgs: peermsg.Messages{Wire: [][]byte{msg}}})
}

// flush sends it all off. It waits for a process that is slow.
func (b *batch) flush(p *peer) {
	for i := range b.channels {
		b.channels[i].to.send(&b.channels[i].msgs)
	}
	if len(b.gossip) > 0 {
		p.tellGossipd(&gossipmsg.PeerGossip{ID: p.id, Wire: b.gossip})
	}
}

// takeControl takes what connectd itself is for.
func (p *peer) takeControl(msg []byte) error {
	m, err := wire.Decode(msg)
	if err != nil {
		p.refuse("%v", err)
		return errRefused
	}
	switch m := m.(type) {
	case *wire.Ping:
		return p.takePing(m)
	case *wire.Pong:
		p.takePong(m)
	case *wire.GossipTimestampFilter:
		return p.takeFilter(m)
	}
	return nil
}

// takeFilter changes which gossip the peer gets.
func (p *peer) takeFilter(m *wire.GossipTimestampFilter) error {
	if !p.budget.Take(time.Now()) {
		p.refuse("too many gossip_timestamp_filters")
		return errRefused
	}
	if m.ChainHash == p.s.chainHash {
		p.s.gossip.setFilter(p, m, time.Now())
	}
	return nil
}
