package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// process is a program that we started; its output goes to a file.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	from int64 // where in the log this run begins
	done chan struct{}
	err  error // of Wait, once done is closed
}

// startProcess appends to the log. With keep, the process outlives us.
func startProcess(name, log, dir, path string, args []string, keep bool) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	at, err := out.Stat()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !keep {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, log: log, from: at.Size(), done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	if p.alive() {
		p.cmd.Process.Kill()
	}
	<-p.done
}

// wait returns how the process ended, and kills it if it takes too long.
func (p *process) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("%s did not end within %s", p.name, Patience)
	}
}

func (p *process) terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.wait()
}

// output is what this run wrote so far.
func (p *process) output() ([]byte, error) {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return nil, err
	}
	return raw[min(p.from, int64(len(raw))):], nil
}

// waitLog waits for a line of this run that matches. A file tells nobody that it has grown, so that
// it is read again and again.
func (p *process) waitLog(pattern string) ([]string, error) {
	want := regexp.MustCompile(pattern)
	deadline := time.After(Patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		alive := p.alive() // before reading: what it wrote last is read too
		raw, err := p.output()
		if err != nil {
			return nil, err
		}
		if found := want.FindSubmatch(raw); found != nil {
			return texts(found), nil
		}
		if !alive {
			return nil, fmt.Errorf("%s ended (%v) without logging %q:\n%s", p.name, p.err, pattern, tail(raw, 20))
		}
		select {
		case <-tick.C:
		case <-deadline:
			return nil, fmt.Errorf("%s did not log %q within %s:\n%s", p.name, pattern, Patience, tail(raw, 20))
		}
	}
}

func texts(found [][]byte) []string {
	var list []string
	for _, f := range found {
		list = append(list, string(f))
	}
	return list
}

func tail(raw []byte, lines int) []byte {
	at := len(raw)
	for ; lines > 0 && at > 0; lines-- {
		at = bytes.LastIndexByte(raw[:at], '\n')
	}
	return raw[max(at, 0):]
}

// logFile is where a program's output goes, in its own folder.
func logFile(dir string) string { return filepath.Join(dir, "log") }
