package subd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// maxStderr is how much of what a child prints is kept: the beginning, where a panic says what
// it is.
const maxStderr = 16 << 10

// stderrLog keeps the beginning of what is written to it.
type stderrLog struct{ buf bytes.Buffer }

// Write implements io.Writer.
func (l *stderrLog) Write(p []byte) (int, error) {
	if room := maxStderr - l.buf.Len(); room > 0 {
		l.buf.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// exit puts together what is known of the child's end, the most telling first.
func (c *Child) exit() Exit {
	text := strings.TrimSpace(c.stderr.buf.String())
	e := Exit{Detail: text, Asked: c.asked.Load(), Clean: c.state != nil && c.state.Success()}
	e.BySandbox = c.signal() == syscall.SIGSYS
	linkErr := c.Client.Err()
	switch crash := crashLine(text); {
	case c.died != nil:
		e.Reason = c.died.Reason
	case crash != "":
		e.Reason = crash
	case !errors.Is(linkErr, io.EOF) && !e.Asked:
		e.Reason = fmt.Sprintf("bad message on its link: %v", linkErr)
		e.Clean = false
	default:
		e.Reason = c.status()
	}
	return e
}

// crashLine finds the line in which the Go runtime says why it ends the process.
func crashLine(text string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func (c *Child) status() string {
	switch {
	case c.state == nil:
		return "its exit status is not known"
	case c.signal() == syscall.SIGSYS:
		return "killed by the sandbox: a system call that its profile does not allow"
	}
	return c.state.String()
}

// signal is what killed it, or -1.
func (c *Child) signal() syscall.Signal {
	if c.state != nil {
		if ws, ok := c.state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return ws.Signal()
		}
	}
	return -1
}
