package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
)

// dialTimeout is for one address, if lightningd does not say.
const dialTimeout = 60 * time.Second

// dial is a Connect under way; others for the same peer wait for it.
type dial struct {
	done chan struct{} // closed when the other fields are set
	peer *peer
	err  error
}

// connectTo returns the connection with a peer, making it if need be.
func (s *server) connectTo(m *connectdmsg.Connect) (*peer, error) {
	if m.ID == s.nodeID {
		return nil, ipc.Failf(connectdmsg.FailAllAddresses, "%v", errSelf)
	}
	s.mu.Lock()
	for p := s.peers[m.ID]; p != nil; p = s.peers[m.ID] {
		s.mu.Unlock()
		if !p.isStopping() {
			return p, nil
		}
		<-p.done // a connection that ends is none
		s.mu.Lock()
	}
	if d := s.dials[m.ID]; d != nil {
		s.mu.Unlock()
		<-d.done
		return d.peer, d.err
	}
	d := &dial{done: make(chan struct{})}
	s.dials[m.ID] = d
	s.mu.Unlock()

	d.peer, d.err = s.tryAddrs(m)
	s.mu.Lock()
	delete(s.dials, m.ID)
	s.mu.Unlock()
	close(d.done)
	return d.peer, d.err
}

// tryAddrs dials one address after the other until a peer comes of it. The error names them all.
func (s *server) tryAddrs(m *connectdmsg.Connect) (*peer, error) {
	if len(m.Addrs) == 0 {
		return nil, ipc.Failf(connectdmsg.FailNoAddress, "no address known for this node: connect to it once as ID@HOST:PORT")
	}
	timeout := time.Duration(m.TimeoutMillis) * time.Millisecond
	if timeout == 0 {
		timeout = dialTimeout
	}
	var tried []string
	for _, addr := range m.Addrs {
		p, err := s.dialPeer(m.ID, addr, timeout)
		if err == nil {
			return p, nil
		}
		if p := s.peer(m.ID, 0); p != nil && !p.isStopping() {
			return p, nil // it has come to us meanwhile
		}
		tried = append(tried, fmt.Sprintf("%s: %v", addr, err))
	}
	return nil, ipc.Failf(connectdmsg.FailAllAddresses, "all addresses failed: %s", strings.Join(tried, "; "))
}

func (s *server) dialPeer(id keys.PubKey, addr string, timeout time.Duration) (*peer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := s.dialer.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return s.setUp(conn, false, func(conn net.Conn) (*secured, error) { return s.initiate(conn, id) })
}

// dialer makes TCP connections.
type dialer struct {
	proxy  string // "IP:port" of a SOCKS5 proxy, or empty
	always bool   // for every address, not only those of Tor
}

var (
	errNeedsProxy = errors.New("a .onion address needs a proxy")
	errName       = errors.New("want an IP address: connectd looks up no names")
)

func (d *dialer) dial(ctx context.Context, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	onion := strings.HasSuffix(strings.ToLower(host), ".onion")
	if d.proxy != "" && (onion || d.always) {
		return d.dialProxy(ctx, addr)
	}
	if onion {
		return nil, errNeedsProxy
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return nil, errName
	}
	var direct net.Dialer
	return direct.DialContext(ctx, "tcp", addr)
}

func (d *dialer) dialProxy(ctx context.Context, addr string) (net.Conn, error) {
	socks, err := proxy.SOCKS5("tcp", d.proxy, nil, new(net.Dialer))
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", d.proxy, err)
	}
	conn, err := socks.(proxy.ContextDialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", d.proxy, err)
	}
	return proxied{conn, addr}, nil
}

// proxied is a connection through the proxy. Its remote address is the peer's, where it is reached again, and not the
// proxy's.
type proxied struct {
	net.Conn
	peer string
}

func (p proxied) RemoteAddr() net.Addr { return peerAddr(p.peer) }

// peerAddr is an address as it was dialled, mostly a name.
type peerAddr string

func (peerAddr) Network() string  { return "tcp" }
func (a peerAddr) String() string { return string(a) }
