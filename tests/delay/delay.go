// Package delay puts distance between two processes on one machine: a TCP proxy that hands on every
// byte a fixed time after it came, as a long cable does. It does not limit bandwidth. It counts what it hands on.
package delay

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy listens on loopback and connects everyone to one target.
type Proxy struct {
	listener net.Listener
	target   string
	oneWay   time.Duration
	fromFar  atomic.Int64 // bytes that came from the target

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// Listen starts a proxy to target that delays each direction by oneWay.
func Listen(target string, oneWay time.Duration) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target, oneWay: oneWay, conns: map[net.Conn]struct{}{}}
	go p.accept()
	return p, nil
}

// Addr is where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// FromTarget is how many bytes the target has sent so far, on all connections.
func (p *Proxy) FromTarget() int64 { return p.fromFar.Load() }

// Close ends the proxy and all its connections.
func (p *Proxy) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.conns {
		c.Close()
	}
	return p.listener.Close()
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil || !p.add(near, far) {
			near.Close()
			continue
		}
		go p.connect(near, far)
	}
}

// add remembers connections for Close; it is false, and they are closed, after it.
func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			c.Close()
			continue
		}
		p.conns[c] = struct{}{}
	}
	return !p.closed
}

// connect carries both directions until both have ended.
func (p *Proxy) connect(near, far net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { carry(far, near, p.oneWay, new(atomic.Int64)) })
	both.Go(func() { carry(near, far, p.oneWay, &p.fromFar) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range []net.Conn{near, far} {
		c.Close()
		delete(p.conns, c)
	}
}

// chunk is what was read at once, and when it is to be written.
type chunk struct {
	due  time.Time
	data []byte
}

// inFlight is how many chunks one direction can hold: far more than any window of TCP fills in the
// delays that are of use.
const inFlight = 1 << 16

// carry copies src to dst, late, and then closes dst for writing, late as well.
func carry(dst, src net.Conn, late time.Duration, count *atomic.Int64) {
	line := make(chan chunk, inFlight)
	go func() {
		defer close(line)
		buf := make([]byte, 64<<10)
		for {
			n, err := src.Read(buf)
			count.Add(int64(n))
			line <- chunk{time.Now().Add(late), bytes.Clone(buf[:n])}
			if err != nil {
				return
			}
		}
	}()
	for c := range line {
		<-time.After(time.Until(c.due))
		if _, err := dst.Write(c.data); err != nil {
			src.Close() // ends the reader, which may be waiting for room
			for range line {
			}
			return
		}
	}
	if tcp, ok := dst.(*net.TCPConn); ok {
		tcp.CloseWrite()
	}
}
