package interop

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"

	"fulmen/tests/harness"
)

// startTLSFront gives those who insist on TLS a way to a server that has none, as the harness' btcd.
func startTLSFront(t harness.TB, server string) (address, certFile string) {
	t.Helper()
	cert, key := newCertificate(t)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	certFile = filepath.Join(t.TempDir(), "btcd.cert")
	if err := os.WriteFile(certFile, cert, 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go forward(conn, server)
		}
	}()
	return l.Addr().String(), certFile
}

// newCertificate is for a server on this machine.
func newCertificate(t harness.TB) (cert, key []byte) {
	t.Helper()
	cert, key, err := btcutil.NewTLSCertPair("interop", time.Now().Add(24*time.Hour), nil)
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	return cert, key
}

// forward ends when either side does.
func forward(client net.Conn, server string) {
	defer client.Close()
	to, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		defer client.Close()
		io.Copy(client, to)
	}()
	io.Copy(to, client)
}
