package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// errLocked is that another process has the lock.
var errLocked = errors.New("lightningd is already running on this folder")

// How long a start waits for a node that stops: all in all, and for its socket to go, which a node that stays has still.
const (
	lockPatience   = 10 * time.Second
	socketPatience = time.Second
)

// takeLock takes the lock of the pid file, also from a node that is just stopping: its socket is gone a moment before
// its process is, `lightning-cli stop` has returned then, and a signal returns at once.
func takeLock(path, socket string) (*os.File, error) {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		f, err := lockPidFile(path)
		waited := time.Since(begun)
		if !errors.Is(err, errLocked) || waited > lockPatience || waited > socketPatience && listens(socket) {
			return f, err
		}
	}
}

// listens reports whether a process takes connections at a Unix socket.
func listens(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// lockPidFile takes the lock that makes this process the only node on its folder, and writes its
// pid into the file. The lock ends with the process; the file stays.
func lockPidFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open pid file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid := make([]byte, 32)
		n, _ := f.ReadAt(pid, 0)
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is locked by pid %s", errLocked, path, trimNewline(pid[:n]))
		}
		return nil, fmt.Errorf("lock pid file %s: %w", path, err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintf("%d\n", os.Getpid()))); err != nil {
		f.Close()
		return nil, fmt.Errorf("write pid file %s: %w", path, err)
	}
	return f, nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

func trimNewline(b []byte) string {
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return string(b)
}
