package main

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
)

const (
	// maxHalfOpen is how many incoming connections may be without a finished init exchange. One more takes the place of
	// any of them: who holds them open for as long as we let them must not keep everybody else out.
	maxHalfOpen = 256
	// maxHalfOpenEach is how many of them may come from one place: one IPv4 address, or one IPv6
	// network of 64 bits. More than that are closed at once.
	maxHalfOpenEach = 8
)

// halfOpen has the incoming connections that are being set up.
type halfOpen struct {
	mu   sync.Mutex
	all  []*newcomer
	each map[netip.Prefix]int
}

// newcomer is one of them.
type newcomer struct {
	conn   net.Conn
	place  netip.Prefix
	counts bool // for its place
}

// placeOf is where a connection comes from. It is false for this machine: a Tor daemon brings all of
// its connections from here.
func placeOf(addr net.Addr) (netip.Prefix, bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}, false
	}
	ip := tcp.AddrPort().Addr().Unmap()
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	place, err := ip.WithZone("").Prefix(bits)
	return place, err == nil && !ip.IsLoopback()
}

// enter takes up a connection, and closes another if there are too many; then leave must follow. It is nil if too many
// come from the same place.
func (h *halfOpen) enter(conn net.Conn) *newcomer {
	place, counts := placeOf(conn.RemoteAddr())
	h.mu.Lock()
	defer h.mu.Unlock()
	if counts && h.each[place] >= maxHalfOpenEach {
		return nil
	}
	if len(h.all) >= maxHalfOpen {
		other := h.all[rand.IntN(len(h.all))]
		other.conn.Close() // whoever sets it up finds that out
		h.remove(other)
	}
	n := &newcomer{conn, place, counts}
	h.all = append(h.all, n)
	if counts {
		h.each[place]++
	}
	return n
}

// leave is for a connection that is set up, or closed.
func (h *halfOpen) leave(n *newcomer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(n)
}

func (h *halfOpen) remove(n *newcomer) {
	at := slices.Index(h.all, n)
	if at < 0 {
		return // another took its place
	}
	h.all = slices.Delete(h.all, at, at+1)
	if !n.counts {
		return
	}
	if h.each[n.place]--; h.each[n.place] == 0 {
		delete(h.each, n.place)
	}
}
