package ipc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Pair makes two connected sockets. Both are closed on exec.
func Pair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "ipc"), os.NewFile(uintptr(fds[1]), "ipc"), nil
}

// FileOf takes over descriptor fd, which a process got when it started, so that a Conn may be
// made of it: the runtime's poller wants it non-blocking.
func FileOf(fd int, name string) (*os.File, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("descriptor %d (%s): %w", fd, name, err)
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name), nil
}

func closeAll(fds []*os.File) {
	for _, f := range fds {
		f.Close()
	}
}

// rawFds calls do with the descriptors' numbers, which stay open meanwhile.
func rawFds(files []*os.File, do func(fds []int) error) error {
	fds := make([]int, 0, len(files))
	var next func(i int) error
	next = func(i int) error {
		if i == len(files) {
			return do(fds)
		}
		rc, err := files[i].SyscallConn()
		if err != nil {
			return err
		}
		var inner error
		err = rc.Control(func(fd uintptr) {
			fds = append(fds, int(fd))
			inner = next(i + 1)
		})
		if err != nil {
			return err
		}
		return inner
	}
	return next(0)
}

// parseFds takes the descriptors out of a received control message. They are all returned, even
// with an error, so that the caller can close them.
func parseFds(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("control message: %w", err)
	}
	var files []*os.File
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			return files, fmt.Errorf("control message: %w", err)
		}
		for _, fd := range fds {
			// A regular file has no non-blocking mode; a socket gets it, as FileOf says.
			unix.SetNonblock(fd, true)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}
