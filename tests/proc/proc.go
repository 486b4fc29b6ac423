// Package proc sees a running node from outside, through Linux's /proc: which processes it consists
// of, and what they use. Our daemons are not dumpable, so only root may read their memory and
// what they wrote.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Process is one process of a node.
type Process struct {
	PID    int
	Parent int
	Title  string // as ps shows it, without the folder and the arguments: "channeld 03ab..-chan#7"
}

// Name is the program's name.
func (p Process) Name() string {
	name, _, _ := strings.Cut(p.Title, " ")
	return name
}

// Tree lists a process and all that descend from it: parents first, children as they were started. It
// is empty when there is no such process.
func Tree(root int) ([]Process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, file := range files {
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	children := map[int][]Process{}
	var found []Process
	for _, pid := range pids {
		stat, err := readStat(pid)
		if err != nil || stat.state == "Z" {
			continue // gone meanwhile
		}
		p := Process{PID: pid, Parent: stat.parent, Title: title(pid)}
		children[p.Parent] = append(children[p.Parent], p)
		if pid == root {
			found = append(found, p)
		}
	}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].PID]...)
	}
	return found, nil
}

// title is argv[0], which the parent sets for those that have more to say than their name.
func title(pid int) string {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	arg, _, _ := bytes.Cut(cmdline, []byte{0})
	return filepath.Base(string(arg))
}

// stat is what we need of /proc/PID/stat.
type stat struct {
	state  string
	parent int
	ticks  int64 // of CPU, user and system
}

// The places of the fields behind the program's name, which may have spaces itself (man 5 proc_pid_stat).
const (
	statState  = 0
	statParent = 1
	statUser   = 11
	statSystem = 12
)

func readStat(pid int) (stat, error) {
	name := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return stat{}, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= statSystem {
		return stat{}, fmt.Errorf("%s: %d fields", name, len(fields))
	}
	var n [3]int64
	for i, at := range []int{statParent, statUser, statSystem} {
		if n[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return stat{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return stat{fields[statState], int(n[0]), n[1] + n[2]}, nil
}

// tick is the unit of CPU time in /proc, the same on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// CPU is the time that the process has used so far.
func (p Process) CPU() (time.Duration, error) {
	stat, err := readStat(p.PID)
	return time.Duration(stat.ticks) * tick, err
}

// PSS is the process's memory in bytes, a page shared by n processes counting as an n-th.
func (p Process) PSS() (int64, error) {
	kb, err := p.number("smaps_rollup", "Pss:")
	return kb << 10, err
}

// Written is how many bytes the process has caused to be written to disk so far.
func (p Process) Written() (int64, error) { return p.number("io", "write_bytes:") }

// number finds the line "KEY NUMBER" in one of the process's files.
func (p Process) number(file, key string) (int64, error) {
	name := fmt.Sprintf("/proc/%d/%s", p.PID, file)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == key {
			return strconv.ParseInt(f[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s: no %s", name, key)
}
