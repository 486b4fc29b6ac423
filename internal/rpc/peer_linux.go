package rpc

import (
	"errors"
	"log/slog"
	"net"

	"golang.org/x/sys/unix"
)

// hangupPoll is how often a half-closed connection is looked at, in milliseconds.
const hangupPoll = 200

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
	for hungUp := false; !hungUp; {
		select {
		case <-done:
			return
		default:
		}
		err := raw.Control(func(fd uintptr) {
			fds := []unix.PollFd{{Fd: int32(fd)}}
			if n, err := unix.Poll(fds, hangupPoll); err != nil && err != unix.EINTR {
				hungUp = true
			} else if n > 0 {
				hungUp = fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
			}
		})
		if err != nil {
			return
		}
	}
}
