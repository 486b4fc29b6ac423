package rpc

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hangupPoll is how often a half-closed connection is looked at.
const hangupPoll = 200 * time.Millisecond

// peerOf asks the kernel which process connected, and as whom.
func peerOf(conn *net.UnixConn) (cred *unix.Ucred, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	return cred, errors.Join(err, controlErr)
}

// identify names the process at the other end, for the log, and says why it may not call. The socket's
// mode and its folder's keep others out; this holds also where somebody has opened the folder or passes
// the socket on. A mode that lets the group or others in is the operator's word that they may call.
func identify(conn *net.UnixConn, mode os.FileMode) (caller slog.Attr, refused error) {
	cred, err := peerOf(conn)
	if err != nil {
		return slog.Any("caller", err), fmt.Errorf("who calls is not known: %w", err)
	}
	caller = slog.Group("caller", "pid", cred.Pid, "uid", cred.Uid)
	if mode&0o066 == 0 && cred.Uid != 0 && cred.Uid != uint32(os.Geteuid()) {
		refused = fmt.Errorf("user %d may not call: the socket is its owner's alone (rpc-file-mode)", cred.Uid)
	}
	return caller, refused
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
