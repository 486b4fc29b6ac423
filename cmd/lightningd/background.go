package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// backgroundMark is set in the environment of the process that --daemon leaves behind.
const backgroundMark = "FULMEN_BACKGROUND"

// readyFd is the descriptor on which that process tells that it is ready.
const readyFd = 3

// slowStart is after how long somebody who waits at a terminal is told where to look.
const slowStart = 3 * time.Second

// goToBackground starts lightningd again in a session of its own, and returns when that one is ready
// or has failed. Its log goes to the files, or with none to the terminal. It reads the passphrase from its stdin, if
// it is to have one.
func goToBackground(args, logFiles []string, passphrase []byte) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), backgroundMark+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if passphrase != nil {
		cmd.Stdin = bytes.NewReader(append(passphrase, '\n'))
	}
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	w.Close()
	where := strings.Join(logFiles, " and ")
	if where != "" {
		slow := time.AfterFunc(slowStart, func() { fmt.Fprintln(os.Stderr, "lightningd: not ready yet; what it waits for is in", where) })
		defer slow.Stop()
	}
	told, err := io.ReadAll(r)
	switch {
	case err == nil && len(told) > 0:
		return nil
	case where != "":
		return fmt.Errorf("did not start: see above, or %s", where)
	}
	return errors.New("did not start: see above")
}

// inBackground reports whether this is the process that --daemon leaves behind. Its children must not
// hold the descriptor on which the parent waits.
func inBackground() bool {
	if os.Getenv(backgroundMark) == "" {
		return false
	}
	syscall.CloseOnExec(readyFd)
	return true
}

// tellParent tells the process that started this one in the background that it is ready.
func tellParent() {
	if os.Getenv(backgroundMark) == "" {
		return
	}
	f := os.NewFile(readyFd, "ready")
	f.Write([]byte{1}) //nolint:errcheck // the parent may be gone, which is its business
	f.Close()
	// What is printed from now on has nowhere to go: the terminal is somebody else's.
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		syscall.Dup3(int(null.Fd()), 1, 0) //nolint:errcheck // best effort
		syscall.Dup3(int(null.Fd()), 2, 0) //nolint:errcheck // best effort
		null.Close()
	}
}
