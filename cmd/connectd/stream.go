package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"fulmen/internal/gossipstore"
	"fulmen/internal/wire"
)

const (
	// streamTick is how often peers that asked for the past get more of it.
	streamTick = time.Second
	// streamBytes is how much of it a peer gets then.
	streamBytes = 512 << 10
	// streamScan is how much of the file is looked at for that: what the peer wants may be rare.
	streamScan = 4 << 20
	// streamScanAll is how much of it at a time for all peers together: to ask costs them nothing.
	streamScanAll = 64 << 20
	// historyPause is how long after a peer asked for the past it may ask again.
	historyPause = time.Minute
)

// streamer sends peers what gossipd adds to gossip_store, without a word of gossipd's. Each peer has a
// place in the file; what lies between it and the end is filtered as the peer has asked, and sent
// every so often (BOLT 7, Rebroadcasting).
type streamer struct {
	flush time.Duration

	mu      sync.Mutex
	reader  *gossipstore.Reader // nil before the first file
	file    *os.File
	tail    int64    // the end of the last record that was whole
	next    *os.File // the file that replaces it, once it says that it ended
	streams map[*peer]*stream
}

// stream is one peer's.
type stream struct {
	at      int64 // where in the file it is
	past    bool  // it is getting what was there when it asked
	filter  filter
	flushAt time.Time
	askedAt time.Time // when it last asked for the past
}

// filter is a gossip_timestamp_filter. Without one, a peer gets our own messages alone.
type filter struct {
	first uint64
	end   uint64
}

// wants reports whether a record passes. What is ours always does.
func (f filter) wants(r *gossipstore.Record) bool {
	return r.Flags&gossipstore.Push != 0 || uint64(r.Timestamp) >= f.first && uint64(r.Timestamp) < f.end
}

func newStreamer() *streamer { return &streamer{flush: time.Minute, streams: make(map[*peer]*stream)} }

// use takes gossip_store, or the file that has replaced it.
func (g *streamer) use(f *os.File) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reader == nil {
		g.file, g.reader, g.tail = f, gossipstore.NewReader(f), gossipstore.FirstRecord
		g.complain(g.advance())
		return
	}
	if g.next != nil {
		g.next.Close()
	}
	g.next = f
}

// add takes up a peer: it gets what comes from now on.
func (g *streamer) add(p *peer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.streams[p] = &stream{at: g.tail, flushAt: time.Now().Add(g.flush)}
}

func (g *streamer) remove(p *peer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, p)
}

// advance moves tail to the end of what is whole. It is ErrEnded if another file goes on from there.
func (g *streamer) advance() error {
	g.reader.GoTo(g.tail)
	for {
		_, err := g.reader.Next()
		g.tail = g.reader.Offset()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// setFilter replaces a peer's filter (BOLT 7, The gossip_timestamp_filter Message).
func (g *streamer) setFilter(p *peer, m *wire.GossipTimestampFilter, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.streams[p]
	if s == nil {
		return
	}
	s.filter = filter{first: uint64(m.FirstTimestamp), end: uint64(m.FirstTimestamp) + uint64(m.TimestampRange)}
	// What is there may pass the filter, if that does not begin in the future.
	if int64(m.FirstTimestamp) > now.Unix() || m.TimestampRange == 0 || now.Sub(s.askedAt) < historyPause {
		return
	}
	s.at, s.past, s.askedAt = gossipstore.FirstRecord, true, now
}

// run sends until the process ends.
func (g *streamer) run() {
	for now := range time.Tick(min(streamTick, g.flush)) {
		g.round(now)
	}
}

// round gives each peer what is due.
func (g *streamer) round(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reader == nil {
		return
	}
	err := g.advance()
	if errors.Is(err, gossipstore.ErrEnded) && g.next != nil {
		g.switchOver()
	} else {
		g.complain(err)
	}
	looked := int64(0)
	for p, s := range g.streams { // in another order each time
		if s.past && looked >= streamScanAll {
			continue
		}
		// A peer with a thin line gets the past as fast as it takes it: it must not lose its connection
		// for what it asked.
		if (s.past || !now.Before(s.flushAt)) && p.out.backlog() < streamBytes {
			s.flushAt = now.Add(g.flush)
			looked -= s.at
			g.send(p, s, streamBytes)
			looked += s.at
		}
	}
}

// complain logs what is wrong with the file; gossipd mends it when it begins.
func (g *streamer) complain(err error) {
	if err != nil && !errors.Is(err, gossipstore.ErrEnded) {
		slog.Warn("gossip_store cannot be read", "error", err)
	}
}

// send sends a peer what it wants up to the tail, up to so many bytes. If that is not all, the rest is
// its past.
func (g *streamer) send(p *peer, s *stream, limit int) {
	var msgs [][]byte
	g.reader.GoTo(s.at)
	for size := 0; size < limit && g.reader.Offset() < min(g.tail, s.at+streamScan); {
		rec, err := g.reader.Next()
		if err != nil {
			g.complain(err)
			g.reader.GoTo(g.tail)
			break
		}
		if isGossip(&rec) && s.filter.wants(&rec) {
			msgs = append(msgs, append([]byte(nil), rec.Msg...))
			size += len(rec.Msg)
		}
	}
	s.at = g.reader.Offset()
	s.past = s.at < g.tail
	if len(msgs) > 0 {
		p.out.queue(msgs...)
	}
}

// isGossip passes over what is deleted, or not for peers, and channels that are closed.
func isGossip(r *gossipstore.Record) bool {
	if r.Flags&(gossipstore.Deleted|gossipstore.Dying) != 0 {
		return false
	}
	switch r.Type() {
	case wire.MsgChannelAnnouncement, wire.MsgChannelUpdate, wire.MsgNodeAnnouncement:
		return true
	}
	return false
}

// switchOver goes on with the next file: those who had all get what comes, those who were getting the
// past begin again.
func (g *streamer) switchOver() {
	for p, s := range g.streams {
		if !s.past {
			g.send(p, s, streamBytes)
		}
	}
	g.reader.GoTo(g.tail)
	if _, err := g.reader.Next(); !errors.Is(err, gossipstore.ErrEnded) {
		return
	}
	g.reader.Replace(g.next)
	g.reader.Resume() // else it begins again, and gossip that comes twice does no harm
	g.tail = g.reader.Offset()
	for _, s := range g.streams {
		if s.past {
			s.at = gossipstore.FirstRecord
			continue
		}
		s.at = g.tail
	}
	g.file.Close()
	g.file, g.next = g.next, nil
	g.complain(g.advance())
}
