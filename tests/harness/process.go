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
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a program that we started; its output goes to the file log in its folder.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  string
	from int64 // where in the log this run begins
	done chan struct{}
	err  error // of Wait, once done is closed
}

// StartProcess starts a program in a folder of its own, where it appends to its log. With keep, the
// process outlives us.
func StartProcess(name, dir, path string, args []string, keep bool) (*Process, error) {
	log := logFile(dir)
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
	p := &Process{name: name, cmd: cmd, log: log, from: at.Size(), done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Alive says whether it has not ended.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the process as a power cut would, and returns when those that it has started are gone too: the
// kernel kills them with it, but a moment later, and until then they may write.
func (p *Process) Kill() {
	var started []string
	if p.Alive() {
		started = childrenOf(p.cmd.Process.Pid)
		p.cmd.Process.Kill()
	}
	<-p.done
	deadline := time.Now().Add(Patience)
	for _, pid := range started {
		for runs(pid) && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond) // no event tells of another's child
		}
	}
}

// childrenOf is the processes that one has started.
func childrenOf(pid int) (children []string) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		raw, err := os.ReadFile(task)
		if err == nil {
			children = append(children, strings.Fields(string(raw))...)
		}
	}
	return children
}

// runs says whether a process has not ended; one that nobody has waited for has.
func runs(pid string) bool {
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(raw), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// busy says whether a thread of the process, or of one that it has started, computes, waits for its turn to, or
// waits for a disk.
func (p *Process) busy() bool {
	if !p.Alive() {
		return false
	}
	self := strconv.Itoa(p.cmd.Process.Pid)
	for _, pid := range append(childrenOf(p.cmd.Process.Pid), self) {
		threads, err := filepath.Glob("/proc/" + pid + "/task/*/stat")
		if err != nil {
			return false
		}
		for _, thread := range threads {
			raw, err := os.ReadFile(thread)
			if _, state, _ := strings.Cut(string(raw), ") "); err == nil && (strings.HasPrefix(state, "R") || strings.HasPrefix(state, "D")) {
				return true
			}
		}
	}
	return false
}

// Wait returns how the process ended, and kills it if it takes too long.
func (p *Process) Wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("%s did not end within %s", p.name, Patience)
	}
}

// Terminate asks it to end, and waits until it has.
func (p *Process) Terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Wait()
}

// Output is what this run wrote so far.
func (p *Process) Output() ([]byte, error) {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return nil, err
	}
	return raw[min(p.from, int64(len(raw))):], nil
}

// WaitLog waits for a line of this run that matches. A file tells nobody that it has grown, so that
// it is read again and again.
func (p *Process) WaitLog(pattern string) ([]string, error) {
	want := regexp.MustCompile(pattern)
	deadline := time.After(Patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		alive := p.Alive() // before reading: what it wrote last is read too
		raw, err := p.Output()
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
