package delay

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// echo answers every connection with what it sends.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, oneWay time.Duration) net.Conn {
	t.Helper()
	p, err := Listen(echo(t), oneWay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// All that is sent comes back whole, not before twice the delay, and waits once, not for each chunk.
func TestProxyDelays(t *testing.T) {
	const oneWay = 200 * time.Millisecond // 64 chunks that wait one after the other take longer than a busy machine
	c := dial(t, oneWay)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	start := time.Now()
	go func() {
		c.Write(want)
		c.(*net.TCPConn).CloseWrite()
	}()
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 2*oneWay {
		t.Errorf("the first byte came back after %v", took)
	}
	rest, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(append(first, rest...), want) {
		t.Errorf("%d bytes came back, %v, want %d", 1+len(rest), err, len(want))
	}
	if took, limit := time.Since(start), 64*2*oneWay; took > limit {
		t.Errorf("%d bytes took %v: each chunk waited", len(want), took)
	}
}

func TestCloseEndsConnections(t *testing.T) {
	p, err := Listen(echo(t), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("the proxy still listens")
	}
}
