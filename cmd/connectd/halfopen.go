package main

import (
	"net"
	"net/netip"
	"sync"
)

const (
	// maxHalfOpen is how many incoming connections may be without a finished init exchange; more
	// than that are closed at once.
	maxHalfOpen = 64
	// maxHalfOpenEach is how many of them may come from one place: one IPv4 address, or one IPv6
	// network of 64 bits.
	maxHalfOpenEach = 8
)

// halfOpen counts incoming connections that are being set up.
type halfOpen struct {
	mu    sync.Mutex
	total int
	each  map[netip.Prefix]int
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

// enter reports whether one more may be set up; then leave must follow.
func (h *halfOpen) enter(addr net.Addr) bool {
	place, counts := placeOf(addr)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.total >= maxHalfOpen || counts && h.each[place] >= maxHalfOpenEach {
		return false
	}
	h.total++
	if counts {
		h.each[place]++
	}
	return true
}

func (h *halfOpen) leave(addr net.Addr) {
	place, counts := placeOf(addr)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total--
	if !counts {
		return
	}
	if h.each[place]--; h.each[place] == 0 {
		delete(h.each, place)
	}
}
