package main

import (
	"net"
	"os"
)

// sdNotify tells the service manager of a change, as sd_notify(3) says: "READY=1", "STOPPING=1".
// Without a service manager that wants to know it does nothing; a failure changes nothing for us.
func sdNotify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if path[0] == '@' {
		path = "\x00" + path[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Write([]byte(state)) //nolint:errcheck // best effort, see above
}
