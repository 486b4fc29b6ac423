package harness

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"time"
)

// Raw writes to the RPC socket and reads so many replies, each a line and an empty one, sorted.
func (n *Node) Raw(requests string, replies int) []string {
	n.t.Helper()
	conn, err := net.Dial("unix", n.RPCFile())
	if err != nil {
		n.t.Fatalf("%s: %v", n.Name, err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(Patience))
	if _, err := conn.Write([]byte(requests)); err != nil {
		n.t.Fatalf("%s: %v", n.Name, err)
	}
	in := bufio.NewReader(conn)
	var lines []string
	for range replies {
		line, err := in.ReadString('\n')
		if err != nil {
			n.t.Fatalf("%s: %v", n.Name, err)
		}
		if empty, err := in.ReadString('\n'); err != nil || empty != "\n" {
			n.t.Fatalf("%s: a reply is followed by %q, %v", n.Name, empty, err)
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	slices.Sort(lines)
	return lines
}
