package interop

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"fulmen/tests/harness"
)

// lastPort counts up from below the ports that the kernel gives to outgoing connections: a peer takes
// its ports a while after they were found free.
var lastPort atomic.Int32

// firstPort differs between runs, which may be at once.
var firstPort = 20_000 + os.Getpid()%12*1000

func freePort(t harness.TB) int {
	t.Helper()
	for range 1000 {
		port := firstPort + int(lastPort.Add(1))
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatalf("no port is free from %d on", firstPort)
	return 0
}
