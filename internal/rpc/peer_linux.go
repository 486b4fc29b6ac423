package rpc

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hangupPoll is how often a half-closed connection is looked at.
const hangupPoll = 200 * time.Millisecond

// caller names the process at the other end, for the log.
func caller(conn *net.UnixConn) slog.Attr {
	var cred *unix.Ucred
	raw, err := conn.SyscallConn()
	if err == nil {
		controlErr := raw.Control(func(fd uintptr) {
			cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		})
		err = errors.Join(err, controlErr)
	}
	if err != nil {
		return slog.Any("caller", err)
	}
	return slog.Group("caller", "pid", cred.Pid, "uid", cred.Uid)
}

// awaitHangup returns when the caller, whose sending side is closed, closed the other one too, or when
// done is closed. poll(2) tells one from the other, the runtime's poller does not.
func awaitHangup(conn *net.UnixConn, done <-chan struct{}) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	tick := time.NewTicker(hangupPoll)
	defer tick.Stop()
	for !hungUp(raw) {
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

func hungUp(raw syscall.RawConn) bool {
	var gone bool
	err := raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		_, err := unix.Poll(fds, 0)
		gone = err == nil && fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
	})
	return gone || err != nil
}
